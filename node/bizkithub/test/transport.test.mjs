import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';

import { NetworkError, Sandbox } from '../dist/index.mjs';
import { Client, clientOf, transportOverFetch } from './support/engine.mjs';
import { eventually } from './support/eventually.mjs';
import { packageFolder, run } from './support/process.mjs';

const apiKey = 'DEV_0123456789012345678901234567';
const INPUT = { email: 'jan@barasek.com', groups: ['vip'] };
const YES = { status: 200, body: '{"success":true}' };

describe('a transport', () => {
  let sandbox;
  before(async () => {
    sandbox = await Sandbox.start();
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  test('over fetch carries calls, pings and whole plans', async () => {
    const client = clientOf(sandbox, { transport: transportOverFetch });
    await client.addGroups(INPUT);
    await client.ping();
    const rows = Array.from({ length: 100 }, (_, index) => ({ email: `customer-${index}@example.com` }));
    const report = await (await client.plan(rows, { email: 'email', constantGroups: ['vip'] })).run();
    assert.ok(report.isComplete);
    assert.equal(sandbox.requests().length, 102);
  });

  test('over fetch does not follow redirects', async () => {
    const other = await Sandbox.start();
    sandbox.addFault({ effect: { redirectTo: `${other.url}/ping/v1` } });
    await assert.rejects(clientOf(sandbox, { transport: transportOverFetch }).ping(), { code: 'redirect_refused' });
    assert.deepEqual(other.requests(), []);
    await other.stop();
  });

  test('gets the request as fetch takes it', async () => {
    const requests = [];
    const client = new Client({
      apiKey,
      baseUrl: 'https://api.example',
      transport: async ({ signal, ...request }) => {
        assert.ok(signal instanceof AbortSignal && !signal.aborted);
        requests.push(request);
        return YES;
      },
    });
    await client.addGroups(INPUT);
    await client.ping();
    assert.deepEqual(requests, [
      {
        method: 'POST',
        url: `https://api.example/api/v1/customer/add-groups?apiKey=${apiKey}`,
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: '{"email":"jan@barasek.com","groups":["vip"]}',
        redirect: 'manual',
      },
      {
        method: 'GET',
        url: `https://api.example/ping/v1?apiKey=${apiKey}`,
        headers: { accept: 'application/json' },
        redirect: 'manual',
      },
    ]);
  });

  describe('may answer with', () => {
    const bytes = new TextEncoder().encode(YES.body);
    const answers = [
      ['a text', YES],
      ['a Buffer', { ...YES, body: Buffer.from(YES.body) }],
      ['bytes', { ...YES, body: bytes }],
      ['an ArrayBuffer', { ...YES, body: bytes.buffer }],
      ['bytes of another realm', { ...YES, body: runInNewContext('Uint8Array.from(bytes)', { bytes: [...bytes] }) }],
      ['an ArrayBuffer of another realm', { ...YES, body: runInNewContext('Uint8Array.from(bytes).buffer', { bytes: [...bytes] }) }],
      ['headers of fetch', { ...YES, headers: new Headers({ 'X-RateLimit-Remaining': '7' }) }, 7],
      ['headers in an object', { ...YES, headers: { 'X-RateLimit-Remaining': '7', 'set-cookie': ['a', 'b'], via: undefined } }, 7],
      ['headers in a map', { ...YES, headers: new Map([['x-ratelimit-remaining', '7']]) }, 7],
      ['headers with numbers', { ...YES, headers: { 'x-ratelimit-remaining': 7 } }, 7],
    ];
    for (const [name, answer, remaining] of answers) {
      test(name, async () => {
        const { quota } = await new Client({ apiKey, transport: async () => answer }).addGroups(INPUT);
        assert.equal(quota.remaining, remaining);
      });
    }
  });

  describe('that fails is a NetworkError without the key, when it', () => {
    const failures = [
      ['rejects', async () => Promise.reject(new Error('no network'))],
      ['throws before it returns', () => { throw new TypeError('not a function'); }],
      ['puts the URL into its message', async ({ url }) => Promise.reject(new Error(`GET ${url} failed`))],
      ['puts a part of the URL into its message', async ({ url }) => Promise.reject(new Error(`${url.slice(0, -4)}… failed`))],
      ['puts the encoded URL into its message', async ({ url }) => Promise.reject(new Error(encodeURIComponent(url)))],
      ['puts the URL into its name', async ({ url }) => Promise.reject(Object.assign(new Error('failed'), { name: url }))],
      ['puts the request beside its message', async (request) => Promise.reject(Object.assign(new Error('failed'), { request, cause: request }))],
      ['rejects with the request', async (request) => Promise.reject(request)],
      ['rejects with nothing', async () => Promise.reject()],
      ['rejects with an error that throws when it is looked at', async () => Promise.reject(Object.defineProperty(new Error('failed'), 'message', { get: () => { throw new Error('again'); } }))],
      ['is not async', () => YES.body],
      ['answers with nothing', async () => undefined],
      ['answers without a status', async () => ({ body: YES.body })],
      ['answers with a status that is none', async () => ({ ...YES, status: 20_000 })],
      ['answers with an object for a body', async () => ({ ...YES, body: { success: true } })],
      ['answers with a text for headers', async () => ({ ...YES, headers: 'via: me' })],
      ['answers with headers that are no pairs', async () => ({ ...YES, headers: ['via'] })],
    ];
    for (const [name, transport] of failures) {
      test(name, async () => {
        for (const keyPlacement of ['query', 'bearer', 'body']) {
          const error = await new Client({ apiKey, keyPlacement, transport }).addGroups(INPUT).catch((reason) => reason);
          assert.ok(error instanceof NetworkError, inspect(error));
          assert.equal(error.code, 'transport_failed');
          assert.equal(error.attempts, 1);
          const text = inspect(error, { showHidden: true, depth: Infinity }) + JSON.stringify(error) + error.stack;
          assert.ok(!text.includes(apiKey.slice(4, 16)), text);
        }
      });
    }

    test('names what went wrong', async () => {
      const transport = async () => Promise.reject(Object.assign(new Error('connect refused'), { code: 'EOTHER' }));
      const error = await new Client({ apiKey, transport }).ping().catch((reason) => reason);
      assert.match(error.message, /Error: EOTHER: connect refused/);
    });
  });

  describe('that fails as networks do is tried again, or not, as with the built-in HTTP, after', () => {
    const failures = [
      ['a refused connection', { code: 'ECONNREFUSED' }, 'connect_failed', 2],
      ['a name that is not found, as fetch tells it', { cause: { code: 'ENOTFOUND' } }, 'connect_failed', 2],
      ['a reset', { code: 'ECONNRESET' }, 'connection_lost', 2],
      ['a timeout of its own', { code: 'ETIMEDOUT' }, 'timeout', 2],
      ['a certificate that is not good', { code: 'CERT_HAS_EXPIRED' }, 'tls_failed', 1],
      ['anything else', { code: 'toString' }, 'transport_failed', 1],
    ];
    for (const [name, properties, code, attempts] of failures) {
      test(name, async () => {
        const transport = async ({ url }) => Promise.reject(Object.assign(new Error(`no answer from ${url}`), properties));
        const error = await new Client({ apiKey, transport, tries: 2 }).ping().catch((reason) => reason);
        assert.ok(error instanceof NetworkError);
        assert.deepEqual([error.code, error.attempts], [code, attempts]);
        assert.ok(!error.message.includes(apiKey));
      });
    }
  });

  test('is freed with its client', async () => {
    const script = `
      import { Client } from 'bizkithub';
      import { setImmediate } from 'node:timers/promises';
      const count = 100;
      let freed = 0;
      const registry = new FinalizationRegistry(() => { freed += 1; });
      const use = async () => {
        const transport = async () => ({ status: 200, body: '{"success":true}' });
        registry.register(transport);
        await new Client({ apiKey: '${apiKey}', transport }).ping();
      };
      for (let index = 0; index < count; index += 1) await use();
      for (let round = 0; round < 1_000 && freed < count; round += 1) { globalThis.gc(); await setImmediate(); }
      process.stdout.write(String(freed));`;
    const result = await run(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], { cwd: packageFolder });
    assert.deepEqual(result, { code: 0, signal: null, stdout: '100', stderr: '' });
  });

  test('is told to stop after the timeout, and may answer too late', async () => {
    const late = [];
    const transport = ({ signal }) => new Promise((resolve) => { late.push([signal, resolve]); });
    const error = await new Client({ apiKey, transport, timeout: 20, tries: 1 }).ping().catch((reason) => reason);
    assert.equal(error.code, 'timeout');
    await eventually(() => late[0][0].aborted, 'the signal is aborted');
    late[0][1](YES);
    await new Client({ apiKey, transport: async () => YES }).ping();
  });

  test('is told to stop on abort', async () => {
    const controller = new AbortController();
    const signals = [];
    const transport = ({ signal }) => {
      signals.push(signal);
      return once(signal, 'abort').then(() => YES);
    };
    const call = new Client({ apiKey, transport }).addGroups(INPUT, { signal: controller.signal });
    await eventually(() => signals.length === 1, 'the transport was asked');
    controller.abort();
    await assert.rejects(call, { name: 'AbortError' });
    await eventually(() => signals[0].aborted, 'the signal is aborted');
  });

  test('that fails in the middle of a run is accounted for', async () => {
    let count = 0;
    const transport = async () => {
      count += 1;
      if (count > 3) throw new Error('no more');
      return YES;
    };
    const rows = Array.from({ length: 10 }, (_, index) => ({ email: `customer-${index}@example.com` }));
    const plan = await new Client({ apiKey, transport }).plan(rows, { email: 'email', constantGroups: ['vip'] });
    const report = await plan.run({ concurrency: 1 });
    assert.deepEqual([report.applied, report.unknown, report.rows], [3, 7, 10]);
  });
});
