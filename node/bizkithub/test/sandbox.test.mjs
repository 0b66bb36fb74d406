import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InvalidInputError, NetworkError, Sandbox } from '../dist/index.mjs';

async function startSandbox(context, options) {
  const sandbox = await Sandbox.start(options);
  context.after(() => sandbox.stop());
  return sandbox;
}

test('a sandbox takes its options', async (context) => {
  const expired = 'DEV_0000000000000000000000000000';
  const sandbox = await startSandbox(context, {
    seed: 7,
    keys: [{ key: expired, state: 'expired' }],
    customerPolicy: 'onlySeeded',
    customers: [{ email: 'jan@barasek.com', cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['VIP'] }],
    quota: { model: 'perMinute', development: 3, minuteSeconds: 30 },
    faults: [{ when: { everyNth: 2 }, atMost: 1, effect: { latencySeconds: 0 } }],
    frozenAt: new Date('2026-11-23T12:00:00Z'),
    requestLogCapacity: 1,
  });
  assert.match(sandbox.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(sandbox.apiKey, (await startSandbox(context, { seed: 7 })).apiKey);
  await assert.rejects(sandbox.client({ apiKey: expired }).ping(), { code: 'PUBLIC_API_KEY_HAS_BEEN_EXPIRED' });
  const client = sandbox.client({ deadline: 1_000 });
  await client.addGroups({ cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['sale'] });
  assert.deepEqual(sandbox.customers(), [{ email: 'jan@barasek.com', cuRefNo: '1cGIHvFoQDGLAbcA', groups: new Set(['sale', 'vip']) }]);
  await assert.rejects(client.addGroups({ email: 'eva@example.com', groups: ['vip'] }), { code: 'INTERNAL_RESOURCE_NOT_FOUND' });
  const [record, ...others] = sandbox.requests();
  assert.deepEqual(others, []);
  assert.deepEqual([record.status, record.code, record.time], [404, 'INTERNAL_RESOURCE_NOT_FOUND', new Date('2026-11-23T12:00:00Z')]);
});

test('time passes when it is told to', async (context) => {
  const sandbox = await startSandbox(context, { quota: { model: 'fixedBlock', limit: 1 }, frozenAt: new Date('2026-11-23T12:00:00Z') });
  const client = sandbox.client({ deadline: 1_000, tries: 1 });
  await client.ping();
  await assert.rejects(client.ping(), { kind: 'quota' });
  sandbox.advance(600_000);
  await client.ping();
  for (const time of [0, -1, NaN, '1']) assert.throws(() => sandbox.advance(time), InvalidInputError);
});

test('faults come and go', async (context) => {
  const sandbox = await startSandbox(context);
  const client = sandbox.client({ tries: 1 });
  sandbox.addFault({ when: { email: 'jan@barasek.com' }, effect: 'resetBeforeApplying' });
  await client.ping();
  await assert.rejects(client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] }), NetworkError);
  assert.equal(sandbox.requests().at(-1).fault, 'resetBeforeApplying');
  sandbox.clearFaults();
  await client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] });
  sandbox.reset();
  assert.deepEqual([sandbox.customers(), sandbox.requests()], [[], []]);
});

test('what is not valid is refused', async (context) => {
  const sandbox = await startSandbox(context);
  for (const [options, code] of [
    [{ prot: 0 }, 'sandbox_option_invalid'],
    [{ port: 'any' }, 'sandbox_option_invalid'],
    [{ validationStatus: 200 }, 'sandbox_option_invalid'],
    [{ keys: [{ key: 'x' }] }, 'api_key_invalid'],
    [{ port: Number(new URL(sandbox.url).port) }, 'sandbox_address_unavailable'],
  ]) {
    await assert.rejects(Sandbox.start(options), (error) => error instanceof InvalidInputError && error.code === code, code);
  }
  assert.throws(() => sandbox.addFault({ effect: 'explode' }), { code: 'fault_invalid' });
  assert.throws(() => sandbox.addFault({ when: { probability: 2 }, effect: 'htmlBody' }), { code: 'fault_invalid' });
  assert.throws(() => sandbox.groupsOf({}), { code: 'customer_missing' });
});

test('a stopped sandbox answers nobody, remembers everything and may be stopped again', async () => {
  const sandbox = await Sandbox.start();
  await sandbox.client().addGroups({ email: 'jan@barasek.com', groups: ['vip'] });
  await sandbox[Symbol.asyncDispose]();
  await sandbox.stop();
  await assert.rejects(sandbox.client({ tries: 1 }).ping(), { code: 'connect_failed' });
  assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip']));
});

test('a client of a sandbox stays with it when settings are there but undefined', async (context) => {
  const sandbox = await startSandbox(context);
  const client = sandbox.client({ baseUrl: undefined, apiKey: undefined });
  assert.equal(client.baseUrl, sandbox.url);
  assert.equal((await client.ping()).attempts, 1);
});
