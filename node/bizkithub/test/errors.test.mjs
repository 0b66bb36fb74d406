import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';

import * as esm from '../dist/index.mjs';
import { addonOnly, Client, clientOf, isWasm } from './support/engine.mjs';

const { ApiKeyError, BizKitHubError, InvalidInputError, RejectedError, Sandbox } = esm;
const require = createRequire(import.meta.url);
const { valueOf } = require('../dist/calls.js');

const KINDS = {
  invalid_input: InvalidInputError,
  api_key: ApiKeyError,
  permission: esm.PermissionDeniedError,
  rejected: RejectedError,
  quota: esm.QuotaError,
  server: esm.ServerError,
  network: esm.NetworkError,
  ledger: esm.LedgerError,
  internal: esm.InternalError,
};

const brokenLedger = {
  knownGroups: async () => { throw new Error('the host has lost it'); },
  lookUp: async () => [],
  record: async () => undefined,
};

describe('errors', () => {
  test('are a small tree of classes with names', () => {
    const classes = Object.entries(esm).filter(([name]) => name.endsWith('Error'));
    assert.equal(classes.length, 10);
    for (const [name, errorClass] of classes) {
      const error = new errorClass({ kind: 'internal', message: 'text' });
      assert.ok(error instanceof BizKitHubError && error instanceof Error);
      assert.equal(error.name, name);
      assert.match(error.stack, new RegExp(`^${name}: text\\n`));
      assert.match(inspect(error), new RegExp(`^${name}: text\\n`));
    }
  });

  test('tell what they know, and nothing else', async () => {
    const error = await new Client({ apiKey: 'DEV_0123456789012345678901234567' }).addGroups({ email: 'x', groups: [] }).catch((reason) => reason);
    const known = {
      name: 'InvalidInputError',
      kind: 'invalid_input',
      code: 'email_invalid',
      field: 'email',
      advice: error.advice,
      isRetryable: false,
      attempts: 0,
      message: error.message,
    };
    assert.deepEqual(JSON.parse(JSON.stringify(error)), known);
    assert.ok(error instanceof InvalidInputError);
    assert.ok(!('status' in error) && !('retryAt' in error));
  });

  const codes = {
    api_key: { status: 404, code: 'PUBLIC_API_KEY_HAS_BEEN_DELETED' },
    permission: { status: 401, code: 'PERMISSION_MEMBER_HAS_NO_PERMISSION' },
    rejected: { status: 500, code: 'INTERNAL_RESOURCE_NOT_FOUND' },
    quota: { status: 429, code: 'RATE_LIMIT_EXCEEDED', retryAfterSeconds: 3600 },
    server: { status: 500 },
  };
  const jan = { email: 'jan@barasek.com', groups: ['vip'] };
  const provoked = {
    ...Object.fromEntries(Object.entries(codes).map(([kind, status]) => [kind, (sandbox) => {
      sandbox.addFault({ effect: { status } });
      return clientOf(sandbox, { tries: 1 }).addGroups(jan);
    }])),
    invalid_input: (sandbox) => clientOf(sandbox).addGroups({ ...jan, email: 'jan' }),
    network: (sandbox) => {
      sandbox.addFault({ effect: 'resetBeforeApplying' });
      return clientOf(sandbox, { tries: 1 }).addGroups(jan);
    },
    ledger: async (sandbox, context) => {
      const folder = mkdtempSync(join(tmpdir(), 'bizkithub-'));
      context.after(() => rmSync(folder, { recursive: true }));
      const file = join(folder, 'customers.csv');
      writeFileSync(file, 'email\n');
      const ledger = isWasm ? brokenLedger : file;
      return (await clientOf(sandbox, { ledger }).plan([jan], { email: 'email', groups: 'groups' })).run();
    },
    internal: () => {
      const { callsOf } = require('../dist/calls.js');
      const { load } = require('../dist/addon.js');
      const calls = callsOf(load());
      return calls.start((call) => valueOf(load().panicForTests(calls.native, call, true)));
    },
  };

  for (const [kind, errorClass] of Object.entries(KINDS)) {
    // A panic ends a WebAssembly module: test/calls.test.mjs shows what becomes of its calls.
    test(`of the kind ${kind} are reached`, { skip: isWasm && kind === 'internal' }, async (context) => {
      const sandbox = await startSandbox(context);
      const error = await Promise.resolve().then(() => provoked[kind](sandbox, context)).then(() => undefined, (reason) => reason);
      assert.equal(error?.constructor, errorClass, inspect(error));
      assert.equal(error.kind, kind);
    });
  }

  test('of a panic leave the process and its other calls alone', addonOnly, async (context) => {
    const { callsOf } = require('../dist/calls.js');
    const { load } = require('../dist/addon.js');
    const sandbox = await startSandbox(context);
    const calls = callsOf(load());
    for (let number = 0; number < 100; number += 1) {
      const panicking = calls.start((call) => valueOf(load().panicForTests(calls.native, call, true)));
      const [, receipt] = await Promise.all([assert.rejects(panicking, { code: 'internal', message: /a panic for tests/ }), clientOf(sandbox).addGroups(jan)]);
      assert.equal(receipt.attempts, 1);
    }
    assert.match(load().panicForTests(calls.native, 0, false).failure, /a panic for tests/);
  });

  test('lead back to the call in their stack', async (context) => {
    const sandbox = await startSandbox(context);
    const error = await (async function theCaller() {
      await clientOf(sandbox, { apiKey: 'DEV_0123456789012345678901234567' }).ping();
    })().catch((reason) => reason);
    assert.ok(error instanceof ApiKeyError);
    assert.match(error.stack, /at async theCaller/);
  });

  test('are the same classes for import and require', () => {
    const cjs = createRequire(import.meta.url)('bizkithub');
    assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
    for (const [name, value] of Object.entries(cjs)) assert.equal(value, esm[name], name);
    assert.ok(new cjs.RejectedError({ kind: 'rejected', message: 'text' }) instanceof RejectedError);
  });
});

describe('the key is nowhere', () => {
  const look = { showHidden: true, depth: Infinity, getters: true };
  const texts = (value) => [inspect(value), inspect(value, look), JSON.stringify(value), String(value), value.stack ?? ''];

  test('in a client, a plan and a report', async (context) => {
    const sandbox = await startSandbox(context);
    const client = clientOf(sandbox);
    const plan = await client.plan([{ email: 'jan@barasek.com' }], { email: 'email', constantGroups: ['vip'] });
    const report = await plan.run();
    for (const text of [client, plan, report].flatMap(texts)) assert.ok(!text.includes(sandbox.apiKey.slice(4, 20)), text);
    assert.equal(inspect(client), `Client { baseUrl: '${sandbox.url}' }`);
  });

  test('in a sandbox that is printed, and in its log', async (context) => {
    const sandbox = await startSandbox(context);
    await clientOf(sandbox).ping();
    for (const text of [inspect(sandbox), JSON.stringify(sandbox), JSON.stringify(sandbox.requests())]) {
      assert.ok(!text.includes(sandbox.apiKey), text);
    }
  });

  test('in errors of keys that are refused, of servers, of the network and of settings', async (context) => {
    const sandbox = await startSandbox(context);
    const apiKey = 'DEV_SecretSecretSecretSecret1234';
    const errors = [];
    const keep = (error) => errors.push(error);
    const wrongSettings = [
      { apiKey: `${apiKey} ${apiKey}` },
      { apiKey: apiKey.slice(1) },
      { apiKey, tries: apiKey },
      { apiKey, baseUrl: apiKey },
      { apiKey, proxy: `http://[${apiKey}`, baseUrl: 'https://api.example' },
    ];
    for (const settings of wrongSettings) {
      try {
        new Client(settings);
      } catch (error) {
        keep(error);
      }
    }
    for (const keyPlacement of ['query', 'bearer', 'body']) {
      const client = clientOf(sandbox, { apiKey, keyPlacement, tries: 1, timeout: 100 });
      await client.ping().catch(keep);
      const effects = [{ status: { status: 400, code: 'X' } }, 'resetBeforeApplying', 'htmlBody', 'neverAnswer', { redirectTo: 'http://127.0.0.1:1/' }];
      for (const effect of effects) {
        sandbox.addFault({ atMost: 1, effect });
        await clientOf(sandbox, { keyPlacement, tries: 1, timeout: 100 }).ping().catch(keep);
      }
      await new Client({ apiKey, keyPlacement, baseUrl: 'http://127.0.0.1:1', tries: 1 }).ping().catch(keep);
    }
    assert.equal(errors.length, 5 + 3 * 7);
    for (const error of errors) {
      assert.ok(error instanceof BizKitHubError, inspect(error));
      for (const text of texts(error)) {
        assert.ok(!text.includes(apiKey.slice(4, 16)) && !text.includes(sandbox.apiKey.slice(4, 16)), text);
      }
    }
  });
});

/** A sandbox that stops at the end of its test. */
async function startSandbox(context) {
  const sandbox = await Sandbox.start();
  context.after(() => sandbox.stop());
  return sandbox;
}
