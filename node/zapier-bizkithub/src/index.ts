import { defineApp, version as platformVersion } from 'zapier-platform-core';

import { version } from '../package.json';
import { addGroups } from './addGroups';
import { authentication, withApiKey } from './authentication';

export default defineApp({
  version,
  platformVersion,
  // Its second line for each request would tell the same, and less of it censored.
  flags: { skipHttpPatch: true },
  authentication,
  beforeRequest: [withApiKey],
  creates: { [addGroups.key]: addGroups },
});
