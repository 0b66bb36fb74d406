import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { InvalidInputError, RejectedError, Sandbox } from '../dist/index.mjs';
import { clientOf } from './support/engine.mjs';

const JAN = { email: 'jan@barasek.com', groups: ['vip'] };
const ROWS = [JAN, { ...JAN, email: 'eva@barasek.com' }, { ...JAN, email: 'nobody' }];
const COLUMNS = { email: 'email', groups: 'groups' };

describe('events', () => {
  let sandbox;
  before(async () => {
    sandbox = await Sandbox.start();
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  /** A client, and the events it tells. */
  function telling(options = {}) {
    const events = [];
    return { events, client: clientOf(sandbox, { onEvent: (event) => { events.push(event); }, ...options }) };
  }

  test('of a call are its requests, at the level debug', async () => {
    const { client, events } = telling({ eventLevel: 'debug' });
    sandbox.addFault({ effect: { status: { status: 503 } }, atMost: 1 });
    await client.addGroups(JAN);
    assert.deepEqual(events.map(({ name, level }) => [name, level]), [['request', 'debug'], ['request.retried', 'debug'], ['request', 'debug']]);
    const [{ fields, at, run, message }] = events;
    assert.equal(run, undefined);
    assert.ok(Math.abs(at - Date.now()) < 60_000);
    assert.match(message, /^POST \/api\/v1\/customer\/add-groups: [\d.]+ ms, the server failed \(HTTP 503\)$/);
    const { seconds, ...known } = fields;
    assert.ok(seconds >= 0);
    assert.deepEqual(known, {
      method: 'POST', route: '/api/v1/customer/add-groups', attempt: 1, status: 503, errorType: 'server', requestId: null, remaining: null,
    });
    assert.ok(!JSON.stringify(events).includes('jan@'));
  });

  test('of a run are its course, at the level info', async () => {
    const { client, events } = telling();
    await client.addGroups(JAN);
    assert.deepEqual(events, []);
    const plan = await client.plan(ROWS, COLUMNS);
    await plan.run();
    assert.deepEqual(events.map(({ name, level }) => [name, level]), [['run.started', 'info'], ['run.ended', 'warning']]);
    const [begin, end] = events;
    assert.equal(begin.run, end.run);
    assert.deepEqual([begin.fields.requests, end.fields.applied, end.fields.rejected, end.fields.isComplete], [2, 2, 1, false]);
  });

  test('show no key', async () => {
    const { client, events } = telling({ eventLevel: 'debug' });
    sandbox.addFault({ effect: { status: { status: 404, code: 'PUBLIC_API_KEY_HAS_BEEN_DELETED' } } });
    await (await client.plan(ROWS, COLUMNS)).run();
    assert.ok(events.some(({ name, fields }) => name === 'run.stopping' && fields.errorType === 'PUBLIC_API_KEY_HAS_BEEN_DELETED'));
    assert.ok(!JSON.stringify(events).includes(sandbox.apiKey));
  });

  test('stop a run and reject it when the listener throws', async () => {
    const { client } = telling({ onEvent: ({ name }) => { throw new Error(name); } });
    const plan = await client.plan(ROWS, COLUMNS);
    await assert.rejects(plan.run(), { message: 'run.started' });
  });

  test('reject a call, after its end, when the promise of the listener rejects', async () => {
    const { client } = telling({ eventLevel: 'debug', onEvent: async ({ name }) => { throw new Error(name); } });
    await assert.rejects(client.addGroups(JAN), { message: 'request' });
    assert.deepEqual(await sandbox.groupsOf({ email: JAN.email }), new Set(['vip']));
  });

  test('have levels with names', () => {
    assert.throws(() => telling({ eventLevel: 'verbose' }), (error) => error instanceof InvalidInputError && error.code === 'setting_invalid');
  });

  test('and errors name the request as the server does', async () => {
    const answer = { status: 400, headers: { 'x-request-id': 'request-7' }, body: '{"error":{"code":"NOT_WANTED"}}' };
    const client = clientOf(sandbox, { transport: async () => answer });
    const named = (error) => error instanceof RejectedError && error.requestId === 'request-7' && error.toJSON().requestId === 'request-7';
    await assert.rejects(client.addGroups(JAN), named);
    const report = await (await client.plan([JAN], COLUMNS)).run();
    assert.ok(named(report.outcomes().at(0).error));
  });
});
