// The same for a package that requires.
import bizkithub = require('bizkithub');

export const client: bizkithub.Client = new bizkithub.Client({ apiKey: 'DEV_0000000000000000000000000000' });
export const kind: bizkithub.ErrorKind = 'quota';
