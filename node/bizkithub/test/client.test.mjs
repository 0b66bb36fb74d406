import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { InvalidInputError, NetworkError, QuotaError, RejectedError, Sandbox, ServerError } from '../dist/index.mjs';
import { addonOnly, Client, clientOf, slug } from './support/engine.mjs';
import { eventually } from './support/eventually.mjs';

const EMAIL = 'jan@barasek.com';

describe('a client', () => {
  let sandbox;
  let client;
  before(async () => {
    sandbox = await Sandbox.start();
    client = clientOf(sandbox);
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  test('puts groups on a customer by e-mail', async () => {
    const receipt = await client.addGroups({ email: EMAIL, groups: ['Personal training', 'vip'] });
    assert.deepEqual(receipt, { attempts: 1, quota: {} });
    assert.deepEqual(sandbox.groupsOf({ email: EMAIL }), new Set(['personal-training', 'vip']));
  });

  test('puts groups on a customer by cuRefNo', async () => {
    await client.addGroups({ cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['vip'] });
    assert.deepEqual(sandbox.groupsOf({ cuRefNo: '1cGIHvFoQDGLAbcA' }), new Set(['vip']));
  });

  test('takes null for a name that a customer does not have', async () => {
    await client.addGroups({ email: EMAIL, cuRefNo: null, groups: ['vip'] });
    assert.equal(sandbox.requests()[0].customer, EMAIL);
  });

  test('pings', async () => {
    assert.equal((await client.ping()).attempts, 1);
    assert.equal(sandbox.requests()[0].path, '/ping/v1');
  });

  test('makes hundreds of calls at once, each with its own answer', async () => {
    const calls = Array.from({ length: 300 }, (_, index) =>
      client.addGroups({ email: `customer-${index}@example.com`, groups: [`group-${index}`] }),
    );
    calls.push(client.addGroups({ email: 'no address', groups: ['vip'] }));
    const results = await Promise.allSettled(calls);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 300);
    assert.equal(results.at(-1).reason.code, 'email_invalid');
    assert.deepEqual(sandbox.groupsOf({ email: 'customer-299@example.com' }), new Set(['group-299']));
  });

  test('puts the key where it is told to', async () => {
    for (const keyPlacement of ['query', 'body', 'bearer']) {
      await clientOf(sandbox, { keyPlacement }).addGroups({ email: EMAIL, groups: ['vip'] });
      assert.equal(sandbox.requests().at(-1).keyPlacement, keyPlacement);
    }
  });

  test('tries again after a failure of the server, and tells how often', async () => {
    sandbox.addFault({ atMost: 1, effect: { status: { status: 503 } } });
    assert.equal((await client.addGroups({ email: EMAIL, groups: ['vip'] })).attempts, 2);
  });

  test('tells what the answer said about the quota', async () => {
    const limited = await Sandbox.start({ quota: { model: 'slidingWindow', limit: 2 }, frozenAt: new Date('2026-11-23T12:00:00Z') });
    const { quota } = await clientOf(limited).addGroups({ email: EMAIL, groups: ['vip'] });
    const { resetsAt, ...counts } = quota;
    assert.deepEqual(counts, { limit: 2, remaining: 1 });
    // The server's clock says that it is an hour from now, whatever ours shows.
    assert.equal(Math.round((resetsAt - Date.now()) / 600_000), 6);
    await limited.stop();
  });

  test('gives a used-up quota back to its caller when the wait does not fit the deadline', async () => {
    const limited = await Sandbox.start({ quota: { model: 'slidingWindow', limit: 1 } });
    const limitedClient = clientOf(limited, { deadline: 1_000 });
    await limitedClient.ping();
    const error = await limitedClient.ping().catch((reason) => reason);
    assert.ok(error instanceof QuotaError);
    assert.equal(error.code, 'RATE_LIMIT_EXCEEDED');
    assert.equal(error.status, 429);
    assert.ok(error.isRetryable);
    assert.ok(error.retryAfter > 3_500 && error.retryAfter <= 3_600, String(error.retryAfter));
    assert.ok(error.retryAt instanceof Date && error.retryAt > new Date());
    await limited.stop();
  });

  test('stops waiting for an answer after the timeout', async () => {
    sandbox.addFault({ effect: 'neverAnswer' });
    const error = await clientOf(sandbox, { timeout: 50, tries: 1 }).ping().catch((reason) => reason);
    assert.ok(error instanceof NetworkError);
    assert.equal(error.code, 'timeout');
    await eventually(() => sandbox.requests()[0].closedByClient, 'the request is closed');
  });

  test('tells a customer that does not exist, and a server that is none', async () => {
    const strict = await Sandbox.start({ customerPolicy: 'onlySeeded', missingCustomerStatus: 500 });
    const error = await clientOf(strict).addGroups({ email: EMAIL, groups: ['vip'] }).catch((reason) => reason);
    assert.ok(error instanceof RejectedError);
    assert.equal(error.code, 'INTERNAL_RESOURCE_NOT_FOUND');
    assert.equal(error.docUrl, 'https://docs.bizkithub.com/errors/INTERNAL_RESOURCE_NOT_FOUND');
    await strict.stop();
    sandbox.addFault({ effect: 'htmlBody' });
    assert.ok((await client.ping().catch((reason) => reason)) instanceof ServerError);
  });

  test('takes its settings from the environment when they are not given', addonOnly, async () => {
    process.env.BIZKITHUB_API_KEY = sandbox.apiKey;
    process.env.BIZKITHUB_BASE_URL = sandbox.url;
    try {
      await new Client().ping();
      assert.equal(sandbox.requests().length, 1);
      process.env.BIZKITHUB_API_KEY = 'DEV_0000000000000000000000000000';
      await new Client({ apiKey: sandbox.apiKey }).ping();
    } finally {
      delete process.env.BIZKITHUB_API_KEY;
      delete process.env.BIZKITHUB_BASE_URL;
    }
  });

  test('predicts slugs', () => {
    assert.equal(slug('Project Review: Q1 & Q2'), 'project-review-q1-and-q2');
    assert.throws(() => slug(7), { code: 'value_not_text' });
  });

  test('is closed when its calls are answered, and then makes none', async () => {
    const closed = clientOf(sandbox);
    let answered = 0;
    for (let index = 0; index < 10; index += 1) void closed.ping().then(() => { answered += 1; });
    await closed[Symbol.asyncDispose]();
    assert.equal(answered, 10);
    await assert.rejects(closed.ping(), { code: 'client_closed' });
    await assert.rejects(closed.plan([], { email: 'email', constantGroups: ['vip'] }), { code: 'client_closed' });
  });

  describe('refuses bad input and sends nothing', () => {
    const apiKey = 'DEV_0123456789012345678901234567';
    const settings = [
      ['no key', {}, 'api_key_missing', 'apiKey'],
      ['an empty key', { apiKey: '' }, 'api_key_missing', 'apiKey'],
      ['a key with a space', { apiKey: 'DEV_01234567890123 5678901234567' }, 'api_key_invalid', 'apiKey'],
      ['a key of 31 characters', { apiKey: apiKey.slice(1) }, 'api_key_invalid', 'apiKey'],
      ['the sample key', { apiKey: 'PRODPGrFxpGEtrOZfuWhnoJohUYBXuOE' }, 'api_key_sample', 'apiKey'],
      ['a key that is no text', { apiKey: 7 }, 'setting_invalid', 'apiKey'],
      ['null for a key', { apiKey: null }, 'setting_invalid', 'apiKey'],
      ['an http:// address that is not loopback', { apiKey, baseUrl: 'http://api.bizkithub.com' }, 'base_url_insecure', 'baseUrl'],
      ['a placement that does not exist', { apiKey, keyPlacement: 'header' }, 'setting_invalid', undefined],
      ['a timeout of zero', { apiKey, timeout: 0 }, 'setting_invalid', undefined],
      ['a timeout that is no number', { apiKey, timeout: '30' }, 'setting_invalid', undefined],
      ['a timeout without end', { apiKey, timeout: Infinity }, 'setting_invalid', undefined],
      ['no tries', { apiKey, tries: 0 }, 'setting_invalid', undefined],
      ['half a try', { apiKey, tries: 1.5 }, 'setting_invalid', undefined],
      ['a CA file that does not exist', { apiKey, caFile: '/no/such/file' }, 'ca_file_unreadable', 'caFile'],
      ['a transport that is no function', { apiKey, transport: {} }, 'setting_invalid', undefined],
      ['a setting that does not exist', { apikey: apiKey }, 'setting_unknown', undefined],
      ['settings that are no object', apiKey, 'setting_invalid', undefined],
    ];
    for (const [name, options, code, field] of settings) {
      test(name, options.caFile === undefined ? {} : addonOnly, () => {
        const error = caught(() => new Client(options));
        assert.ok(error instanceof InvalidInputError, String(error));
        assert.deepEqual({ kind: error.kind, code: error.code, field: error.field }, { kind: 'invalid_input', code, field });
        assert.ok(error.message !== '' && error.advice !== '');
      });
    }

    const inputs = [
      ['an e-mail without @', { email: 'jan.barasek.com', groups: ['vip'] }, 'email_invalid', 'email'],
      ['an e-mail with a line break', { email: 'jan@bara\nsek.com', groups: ['vip'] }, 'email_invalid', 'email'],
      ['an e-mail of 400 characters', { email: `${'a'.repeat(388)}@example.com`, groups: ['vip'] }, 'email_too_long', 'email'],
      ['an e-mail that is no text', { email: 7, groups: ['vip'] }, 'value_not_text', 'email'],
      ['neither e-mail nor cuRefNo', { groups: ['vip'] }, 'customer_missing', 'customer'],
      ['a cuRefNo of 15 characters', { cuRefNo: '1cGIHvFoQDGLAbc', groups: ['vip'] }, 'cu_ref_no_invalid', 'cuRefNo'],
      ['a cuRefNo with a hyphen', { cuRefNo: '1cGIHvFo-DGLAbcA', groups: ['vip'] }, 'cu_ref_no_invalid', 'cuRefNo'],
      ['no groups', { email: EMAIL, groups: [] }, 'groups_missing', 'groups'],
      ['groups left out', { email: EMAIL }, 'groups_missing', 'groups'],
      ['an empty group', { email: EMAIL, groups: ['vip', ''] }, 'group_empty', 'groups'],
      ['a group of emoji only', { email: EMAIL, groups: ['🎉🎉'] }, 'group_without_slug', 'groups'],
      ['one text for groups', { email: EMAIL, groups: 'vip' }, 'value_not_text', 'groups'],
      ['a group that is no text', { email: EMAIL, groups: [7] }, 'value_not_text', 'groups'],
      ['a customer that is no object', EMAIL, 'value_not_text', 'customer'],
    ];
    for (const [name, input, code, field] of inputs) {
      test(name, async () => {
        const error = await client.addGroups(input).catch((reason) => reason);
        assert.ok(error instanceof InvalidInputError, String(error));
        assert.deepEqual({ code: error.code, field: error.field, attempts: error.attempts }, { code, field, attempts: 0 });
        assert.deepEqual(sandbox.requests(), []);
      });
    }

    test('a signal that is none', async () => {
      await assert.rejects(client.ping({ signal: true }), { code: 'setting_invalid' });
      await assert.rejects(client.ping({ sginal: AbortSignal.abort() }), { code: 'setting_unknown' });
      assert.deepEqual(sandbox.requests(), []);
    });
  });

  test('accepts spaces around an e-mail', async () => {
    await client.addGroups({ email: `  ${EMAIL} `, groups: ['vip'] });
    assert.equal(sandbox.requests()[0].customer, EMAIL);
  });

  test('accepts 10,000 groups on one customer', async () => {
    await client.addGroups({ email: EMAIL, groups: Array.from({ length: 10_000 }, (_, index) => `group-${index}`) });
    assert.equal(sandbox.groupsOf({ email: EMAIL }).size, 10_000);
  });

  describe('on abort', () => {
    test('closes the request and rejects with the reason of the signal', async () => {
      sandbox.addFault({ effect: 'neverAnswer' });
      const controller = new AbortController();
      const call = client.addGroups({ email: EMAIL, groups: ['vip'] }, { signal: controller.signal });
      await eventually(() => sandbox.requests().length === 1, 'the request has arrived');
      const reason = new Error('changed my mind');
      controller.abort(reason);
      assert.equal(await call.catch((error) => error), reason);
      await eventually(() => sandbox.requests()[0].closedByClient, 'the request is closed');
    });

    test('rejects with an AbortError by default, and at once for pings too', async () => {
      sandbox.addFault({ effect: 'neverAnswer' });
      const controller = new AbortController();
      const call = client.ping({ signal: controller.signal });
      controller.abort();
      await assert.rejects(call, { name: 'AbortError' });
    });

    test('sends nothing when the signal is aborted already', async () => {
      await assert.rejects(client.addGroups({ email: EMAIL, groups: ['vip'] }, { signal: AbortSignal.abort() }), { name: 'AbortError' });
      await client.ping();
      assert.deepEqual(sandbox.requests().map(({ method }) => method), ['GET']);
    });

    test('leaves other calls alone, and no listener behind', async () => {
      sandbox.addFault({ when: { email: 'stuck@example.com' }, effect: 'neverAnswer' });
      const { signal, listeners, abort } = countingSignal();
      const stuck = client.addGroups({ email: 'stuck@example.com', groups: ['vip'] }, { signal });
      const others = Array.from({ length: 20 }, (_, index) =>
        client.addGroups({ email: `free-${index}@example.com`, groups: ['vip'] }, { signal }),
      );
      // One for all of them, or Node would warn of a leak.
      assert.equal(listeners.size, 1);
      await Promise.all(others);
      assert.equal(listeners.size, 1);
      abort();
      await assert.rejects(stuck, { name: 'AbortError' });
      assert.equal(listeners.size, 0);
    });

    test('ends all calls of one signal', async () => {
      sandbox.addFault({ effect: 'neverAnswer' });
      const controller = new AbortController();
      const calls = Array.from({ length: 40 }, () => client.ping({ signal: controller.signal }));
      await eventually(() => sandbox.requests().length === 40, 'all requests have arrived');
      controller.abort();
      const results = await Promise.allSettled(calls);
      assert.ok(results.every(({ reason }) => reason === controller.signal.reason));
      await eventually(() => sandbox.requests().every(({ closedByClient }) => closedByClient), 'all requests are closed');
    });
  });
});

function caught(action) {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

/** A signal that knows its listeners. */
function countingSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type, listener, options) => {
    listeners.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type, listener) => {
    listeners.delete(listener);
    remove(type, listener);
  };
  return { signal, listeners, abort: () => controller.abort() };
}
