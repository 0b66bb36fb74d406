// The integration as Zapier takes it: validated and built by its command line, and the built zip's handler run under its Node.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Sandbox } from '../../../node/bizkithub/dist/index.mjs';

/** Where the Makefile installed Zapier's command line and the Node of its platform. */
const { BIZKITHUB_ZAPIER: tools, BIZKITHUB_ZAPIER_NODE: node } = process.env;
const cli = join(tools ?? '', 'node_modules', 'zapier-platform-cli', 'src', 'bin', 'run');
const packageFolder = resolve(import.meta.dirname, '..', '..', '..', 'node', 'zapier-bizkithub');

const ENVIRONMENT = { CI: '1', DISABLE_ZAPIER_ANALYTICS: '1', HOME: tmpdir(), NO_UPDATE_NOTIFIER: '1', PATH: `${dirname(node)}:${process.env.PATH}` };

function run(program, args, cwd, env = {}) {
  const result = spawnSync(program, args, { cwd, env: { ...ENVIRONMENT, ...env }, encoding: 'utf8', timeout: 120_000 });
  return { code: result.status, text: result.stdout + result.stderr };
}

describe('for Zapier', () => {
  // Its build finds only what is installed inside of the integration's own folder.
  const folder = mkdtempSync(join(tmpdir(), 'bizkithub-zapier-'));
  const app = join(folder, 'app');
  const unpacked = join(folder, 'unpacked');
  let sandbox;

  before(async () => {
    const staged = run(process.execPath, [join(packageFolder, 'scripts', 'stage.mjs'), app], packageFolder, process.env);
    assert.equal(staged.code, 0, staged.text);
    sandbox = await Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: 'jan@barasek.com' }] });
  });
  after(async () => {
    await sandbox?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('it validates', () => {
    const { code, text } = run(node, [cli, 'validate', '--without-style'], app);
    assert.equal(code, 0, text);
    assert.match(text, /no (structural )?errors|looks? good|valid/i);
  });

  test('it builds, into a small zip of scripts only', () => {
    const { code, text } = run(node, [cli, 'build', '--skip-dep-install', '--skip-validation'], app);
    assert.equal(code, 0, text);
    const zip = join(app, 'build', 'build.zip');
    assert.ok(statSync(zip).size < 2_000_000);
    mkdirSync(unpacked);
    const { code: unzipped, text: why } = run('python3', ['-m', 'zipfile', '-e', zip, unpacked], folder);
    assert.equal(unzipped, 0, why);
    const files = readdirSync(unpacked, { recursive: true });
    assert.ok(files.includes('zapierwrapper.js') && files.includes(join('dist', 'index.js')));
    assert.deepEqual(files.filter((name) => /\.(node|ts|map|test\.mjs)$/.test(name)), []);
  });

  /** Runs the zip's handler as the platform does, and answers with what it says and everything that it logs. */
  function handle(method, inputData, authData = {}) {
    const event = { command: 'execute', method, bundle: { authData: { apiKey: sandbox.apiKey, baseUrl: sandbox.url, ...authData }, inputData } };
    const script = `
      const logged = [];
      const event = { ...${JSON.stringify(event)}, customLogger: (message, data) => { logged.push([message, data]); } };
      const done = (result) => process.stdout.write('\\n@' + JSON.stringify({ ...result, logged }));
      require('./zapierwrapper.js').handler(event).then(
        ({ results }) => done({ results }),
        ({ name, message, stack }) => done({ name, message, stack }),
      );`;
    const { text } = run(node, ['--eval', script], unpacked, { NODE_ENV: 'production' });
    assert.ok(!text.includes(sandbox.apiKey.slice(4)), text);
    return { text, ...JSON.parse(text.slice(text.lastIndexOf('\n@') + 2)) };
  }

  test('its handler tests a connection and puts groups, under the Node of the platform', () => {
    assert.match(run(node, ['--version'], folder).text, /^v22\./);
    assert.equal(handle('authentication.test', {}).results.kind, 'DEV_');
    const { results, logged } = handle('creates.add_groups.operation.perform', { email: 'jan@barasek.com', groups: ['VIP'] });
    assert.deepEqual(results, { email: 'jan@barasek.com', cuRefNo: null, groups: ['VIP'] });
    assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip']));
    assert.ok(logged.some(([, data]) => data.log_type === 'http'), 'the log of Zapier shows the request');
  });

  test('its handler tells what went wrong without an address and without the key', () => {
    const refused = handle('creates.add_groups.operation.perform', { email: 'unknown@example.com', groups: ['VIP'] });
    assert.equal(refused.name, 'HaltedError');
    const failures = [refused];
    failures.push(handle('creates.add_groups.operation.perform', { email: 'jan@barasek.com', groups: ['VIP'] }, { baseUrl: 'http://127.0.0.1:1' }));
    failures.push(handle('authentication.test', {}, { apiKey: 'DEV_0000000000000000000000000000' }));
    for (const { message } of failures) assert.doesNotMatch(message, /https?:|apiKey|DEV_0/);
  });
});
