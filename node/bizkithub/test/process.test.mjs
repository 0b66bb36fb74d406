import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Sandbox } from '../dist/index.mjs';
import { eventually } from './support/eventually.mjs';
import { packageFolder, run, runScript } from './support/process.mjs';

let sandbox;
let folder;
before(async () => {
  sandbox = await Sandbox.start({ faults: [{ when: { email: 'stuck@example.com' }, effect: 'neverAnswer' }] });
  folder = await mkdtemp(join(tmpdir(), 'bizkithub-'));
});
after(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true });
});

const stuck = "{ email: 'stuck@example.com', groups: ['vip'] }";
const quiet = { code: 0, signal: null, stderr: '' };

/** A script with a client of the sandbox. */
const scripted = (source) =>
  runScript(`import { Client, Sandbox } from 'bizkithub'; const client = new Client(); ${source}`, {
    env: { BIZKITHUB_API_KEY: sandbox.apiKey, BIZKITHUB_BASE_URL: sandbox.url },
  });

describe('a process ends by itself, with nothing on its standard error', () => {
  const scripts = [
    ['after an import', "import 'bizkithub';"],
    ['with a client that was never used', ''],
    ['after a call', "await client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] });"],
    ['after a call that nobody awaits', "client.ping().then(() => process.stdout.write('done'));", 'done'],
    ['after many calls', "await Promise.all(Array.from({ length: 500 }, () => client.ping()));"],
    ['after a call that was refused', 'await client.addGroups({ groups: [] }).catch(() => {});'],
    ['after a failed call', "await new Client({ baseUrl: 'http://127.0.0.1:1', tries: 1 }).ping().catch(() => {});"],
    [
      'after an aborted call',
      `const controller = new AbortController();
      const call = client.addGroups(${stuck}, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await call.catch(({ name }) => process.stdout.write(name));`,
      'AbortError',
    ],
    ['after a timeout', `await client.addGroups(${stuck}, { signal: AbortSignal.timeout(20) }).catch(({ name }) => process.stdout.write(name));`, 'TimeoutError'],
    [
      'after a run that was cancelled',
      `const plan = await client.plan([${stuck}], { email: 'email', groups: 'groups' });
      const report = await plan.run({ signal: AbortSignal.timeout(20) });
      process.stdout.write(JSON.stringify([report.isCancelled, report.unknown]));`,
      '[true,1]',
    ],
    ['with a sandbox that was stopped', 'const sandbox = await Sandbox.start(); await sandbox.client().ping(); await sandbox.stop();'],
    ['with a sandbox that was not stopped', 'const sandbox = await Sandbox.start(); await sandbox.client().ping();'],
    ['when it exits with calls under way', `for (let index = 0; index < 100; index += 1) { client.ping(); client.addGroups(${stuck}); } setImmediate(() => process.exit(0));`],
    [
      'when a transport is under way that nobody waits for',
      `const late = new Client({ timeout: 20, tries: 1, transport: () => new Promise(() => {}) });
      await late.ping().catch(({ code }) => process.stdout.write(code));`,
      'timeout',
    ],
    [
      'after 200 aborted calls, whatever they were doing',
      `await Promise.allSettled(Array.from({ length: 200 }, (_, index) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), index % 7);
        return client.ping({ signal: controller.signal });
      }));`,
    ],
  ];
  for (const [name, source, stdout = ''] of scripts) {
    test(name, async () => {
      assert.deepEqual(await scripted(source), { ...quiet, stdout });
    });
  }

  test('and a sandbox serves until then, also when nothing but its address is kept', async () => {
    const { code, stdout } = await scripted(`import { setFlagsFromString } from 'node:v8';
      import { runInNewContext } from 'node:vm';
      import { setImmediate } from 'node:timers/promises';
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc');
      const start = async () => { const { url, apiKey } = await Sandbox.start(); return { baseUrl: url, apiKey }; };
      const settings = await start();
      for (let round = 0; round < 5; round += 1) { collect(); await setImmediate(); }
      process.stdout.write(String((await new Client({ ...settings, tries: 1 }).ping()).attempts));`);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '1' });
  });

  test('but not before a call is answered, which keeps it alive', async () => {
    const { stdout, ...rest } = await scripted("let answered = false; client.ping().then(() => { answered = true; }); process.on('exit', () => process.stdout.write(String(answered)));");
    assert.deepEqual({ ...rest, stdout }, { ...quiet, stdout: 'true' });
  });

  test('after an exception in a callback, with the exception', async () => {
    const { code, stderr } = await scripted(`const plan = await client.plan([{ email: 'jan@barasek.com' }], { email: 'email', constantGroups: ['vip'] });
      await plan.run({ onProgress() { throw new Error('the bar broke'); } });`);
    assert.equal(code, 1);
    assert.match(stderr, /Error: the bar broke/);
  });
});

test('many calls, answered or aborted, leave nothing behind', async () => {
  // A server of its own: the log of the other one is short.
  const own = await Sandbox.start({ requestLogCapacity: 0, faults: [{ when: { email: 'stuck@example.com' }, effect: 'neverAnswer' }] });
  const source = `
    import { setImmediate } from 'node:timers/promises';
    const many = async (count, call) => {
      for (let begin = 0; begin < count; begin += 50) await Promise.allSettled(Array.from({ length: 50 }, call));
      for (let round = 0; round < 5; round += 1) { globalThis.gc(); await setImmediate(); }
      return process.memoryUsage();
    };
    const answered = () => client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] });
    const aborted = () => {
      const controller = new AbortController();
      const call = client.addGroups(${stuck}, { signal: controller.signal });
      controller.abort();
      return call;
    };
    // V8 gives itself more room during the first calls.
    await many(15_000, answered);
    const before = await many(500, aborted);
    await many(15_000, answered);
    const after = await many(3_000, aborted);
    const grown = (part) => Math.round((after[part] - before[part]) / 1e6);
    const alive = process.getActiveResourcesInfo().filter((name) => !/TTY|Pipe|Immediate/.test(name));
    process.stdout.write(JSON.stringify({ heap: grown('heapUsed'), rss: grown('rss'), alive }));`;
  const result = await run(process.execPath, ['--expose-gc', '--input-type=module', '--eval', `import { Client } from 'bizkithub'; const client = new Client(); ${source}`], {
    env: { BIZKITHUB_API_KEY: own.apiKey, BIZKITHUB_BASE_URL: own.url },
  });
  await own.stop();
  assert.deepEqual([result.code, result.stderr], [0, '']);
  const { heap, rss, alive } = JSON.parse(result.stdout);
  assert.ok(heap <= 2 && rss <= 24, result.stdout);
  assert.deepEqual(alive, []);
});

describe('a worker thread', () => {
  const source = `
    const { Client } = require(${JSON.stringify(packageFolder)});
    const { parentPort, workerData } = require('node:worker_threads');
    const client = new Client(workerData);
    client.ping().then(({ attempts }) => {
      parentPort.postMessage(attempts);
      for (let index = 0; index < 50; index += 1) client.addGroups({ email: 'stuck@example.com', groups: ['vip'] }).catch(() => {});
    });`;

  test('makes calls of its own, and may be terminated in the middle of them', async () => {
    const before = sandbox.requests().length;
    const workers = Array.from({ length: 4 }, () => new Worker(source, { eval: true, workerData: { baseUrl: sandbox.url, apiKey: sandbox.apiKey } }));
    for (const [attempts] of await Promise.all(workers.map((worker) => once(worker, 'message')))) assert.equal(attempts, 1);
    await eventually(() => sandbox.requests().length === before + 4 * 51, 'all calls are under way');
    await Promise.all(workers.map((worker) => worker.terminate()));
    await sandbox.client().ping();
  });

  test('ends by itself', async () => {
    const worker = new Worker(`require(${JSON.stringify(packageFolder)}).Sandbox.start().then((sandbox) => sandbox.client().ping())`, { eval: true });
    const [code] = await once(worker, 'exit');
    assert.equal(code, 0);
  });
});

describe('the command', () => {
  const command = join(packageFolder, 'bin', 'bizkithub.js');
  const env = () => ({ BIZKITHUB_API_KEY: sandbox.apiKey, BIZKITHUB_BASE_URL: sandbox.url });

  test('is the same as everywhere', async () => {
    assert.deepEqual(await run(process.execPath, [command, 'slug', 'Joolz Aer+']), { ...quiet, stdout: 'joolz-aer-plus\n' });
    assert.deepEqual((await run(process.execPath, [command, 'ping'], { env: env() })).code, 0);
    const { code, stderr } = await run(process.execPath, [command, 'no-such-command']);
    assert.equal(code, 2);
    assert.match(stderr, /no-such-command/);
  });

  test('accounts for a run that Ctrl-C ends', async () => {
    const file = join(folder, 'stuck.csv');
    await writeFile(file, 'email,groups\nstuck@example.com,vip\n');
    const before = sandbox.requests().length;
    const whileRunning = async (child) => {
      await eventually(() => sandbox.requests().length > before, 'the request has arrived');
      child.kill('SIGINT');
    };
    const { code, stdout } = await run(process.execPath, [command, '--json', 'run', file, '--email', 'email', '--groups', 'groups'], { env: env(), whileRunning });
    assert.equal(code, 130);
    const { isCancelled, unknown } = JSON.parse(stdout).report ?? JSON.parse(stdout);
    assert.deepEqual({ isCancelled, unknown }, { isCancelled: true, unknown: 1 });
  });
});

describe('without an addon that loads', () => {
  let copy;
  before(async () => {
    copy = join(folder, 'node_modules', 'bizkithub');
    for (const part of ['dist', 'bin', 'package.json']) await cp(join(packageFolder, part), join(copy, part), { recursive: true });
  });

  test('an import works, and the first use tells the truth', async () => {
    const source = `import { Client, InternalError } from 'bizkithub';
      try { new Client(); } catch (error) { console.log(error instanceof InternalError, error.code, error.message, error.advice); }`;
    const { stdout, ...rest } = await runScript(source, { cwd: folder });
    assert.deepEqual(rest, quiet);
    const { platform, arch, version } = process;
    for (const part of ['true addon_missing', platform, arch, `Node ${version}`, join(copy, 'bizkithub.node'), 'not installed', `@bizkithub/client-${platform}-${arch}`]) {
      assert.ok(stdout.includes(part), `${part} is not in: ${stdout}`);
    }
    if (platform === 'linux') assert.match(stdout, /with (glibc \d|musl)/);
    assert.doesNotMatch(stdout, /npm/);
  });

  test('a file that is broken is told from one that is missing', async () => {
    await writeFile(join(copy, 'bizkithub.node'), 'no addon');
    const { stdout } = await runScript("import { Client } from 'bizkithub'; try { new Client(); } catch ({ message }) { console.log(message); }", { cwd: folder });
    await rm(join(copy, 'bizkithub.node'));
    const line = stdout.split('\n').find((text) => text.includes(join(copy, 'bizkithub.node')));
    assert.ok(line !== undefined && !line.includes('not installed'), stdout);
  });

  test('a client with a transport runs on WebAssembly instead, but not with a ledger that needs the addon', async () => {
    const source = `import { Client, slug } from 'bizkithub';
      const transport = async (request) => {
        const response = await fetch(request.url, request);
        return { status: response.status, headers: response.headers, body: await response.text() };
      };
      const client = new Client({ transport });
      const plan = await client.plan([{ mail: 'jan@barasek.com' }], { email: 'mail', constantGroups: ['VIP'] });
      const { applied } = await plan.run();
      let code;
      try { new Client({ transport, ledger: 'groups.ledger' }); } catch (error) { code = error.code; }
      process.stdout.write(JSON.stringify([slug('Joolz Aer+'), (await client.ping()).attempts, applied, code]));`;
    const env = { BIZKITHUB_API_KEY: sandbox.apiKey, BIZKITHUB_BASE_URL: sandbox.url };
    const stdout = JSON.stringify(['joolz-aer-plus', 1, 1, 'addon_missing']);
    assert.deepEqual(await runScript(source, { cwd: folder, env }), { ...quiet, stdout });
  });

  test('the command says so too', async () => {
    const { code, stderr } = await run(process.execPath, [join(copy, 'bin', 'bizkithub.js'), 'ping']);
    assert.equal(code, 5);
    assert.match(stderr, /^bizkithub: the native part of bizkithub does not load/);
  });
});
