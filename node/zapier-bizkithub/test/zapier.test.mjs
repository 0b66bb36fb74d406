// The integration in Zapier's own tester: its real handler and middleware, against the sandbox.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { Sandbox } from 'bizkithub';

const require = createRequire(import.meta.url);
const { createAppTester } = require('zapier-platform-core');
const App = require('../index.js');

const appTester = createAppTester(App);
const { perform, sample, outputFields } = App.creates.add_groups.operation;
const INPUT = { email: 'jan@barasek.com', groups: ['VIP', 'personal-training'] };

describe('the integration for Zapier', () => {
  let sandbox;
  before(async () => {
    sandbox = await Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: INPUT.email }, { cuRefNo: '1cGIHvFoQDGLAbcA' }] });
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  const authData = (more = {}) => ({ apiKey: sandbox.apiKey, baseUrl: sandbox.url, ...more });
  const add = (inputData, more) => appTester(perform, { authData: authData(more), inputData });

  /** The error of a step, whose texts hold neither the key nor an address. */
  async function failure(work) {
    const error = await work.then((value) => assert.fail(inspect(value)), (reason) => reason);
    for (const text of [error.message, error.stack, inspect(error, { depth: Infinity, showHidden: true })]) {
      assert.ok(!text.includes(sandbox.apiKey.slice(4)), text);
      assert.doesNotMatch(text.split('\n    at ')[0], /https?:|apiKey/);
    }
    return error;
  }

  test('tests a connection and names it', async () => {
    const result = await appTester(App.authentication.test, { authData: authData() });
    assert.deepEqual(result, { kind: 'DEV_', host: new URL(sandbox.url).host });
    const label = await appTester(App.authentication.connectionLabel, { authData: authData(), inputData: result });
    assert.equal(label, `DEV_ key at ${result.host}`);
    assert.equal(sandbox.requests().at(-1).path, '/ping/v1');
  });

  test('puts groups on a customer, and the key only where the request needs it', async () => {
    const result = await add(INPUT);
    assert.deepEqual(result, { email: INPUT.email, cuRefNo: null, groups: INPUT.groups });
    assert.deepEqual(sandbox.groupsOf({ email: INPUT.email }), new Set(['vip', 'personal-training']));
    assert.deepEqual(sandbox.requests().map(({ keyPlacement }) => keyPlacement), ['query']);
    assert.deepEqual(Object.keys(result), Object.keys(sample));
    assert.deepEqual(outputFields.map(({ key }) => key), Object.keys(sample));
  });

  for (const [name, groups, expected] of [
    ['one text', 'VIP', ['vip']],
    ['a list with gaps', ['VIP', '', ' sale '], ['vip', 'sale']],
    ['separated text', 'VIP; sale|', ['vip', 'sale']],
    ['text in double braces', ['{{bundle.authData.apiKey}}'], ['bundle-authdata-apikey']],
  ]) {
    test(`takes groups as ${name}`, async () => {
      await add({ cuRefNo: '1cGIHvFoQDGLAbcA', groups });
      assert.deepEqual(sandbox.groupsOf({ cuRefNo: '1cGIHvFoQDGLAbcA' }), new Set(expected));
    });
  }

  test('tries again after a failure of the server', async () => {
    sandbox.addFault({ atMost: 1, effect: { status: { status: 503 } } });
    await add(INPUT);
    assert.equal(sandbox.requests().length, 2);
  });

  test('halts for a customer that is refused, and for input that no server would take', async () => {
    for (const [input, message] of [
      [{ ...INPUT, email: 'unknown@example.com' }, /INTERNAL_RESOURCE_NOT_FOUND/],
      [{ ...INPUT, email: 'nobody' }, /e-mail/],
      [{ groups: ['vip'] }, /customer|e-mail/],
      [{ email: INPUT.email }, /group/],
      [{ ...INPUT, allowedGroups: ['VIP'] }, /personal-training/],
    ]) {
      const error = await failure(add(input));
      assert.equal(error.name, 'HaltedError', inspect(error));
      assert.match(error.message, message);
    }
  });

  test('waits for a used-up quota as Zapier does, until it comes back', async () => {
    const limited = await Sandbox.start({ quota: { model: 'slidingWindow', limit: 1 } });
    try {
      const connection = { apiKey: limited.apiKey, baseUrl: limited.url };
      await add(INPUT, connection);
      const error = await failure(add(INPUT, connection));
      assert.equal(error.name, 'ThrottledError', inspect(error));
      const { delay, message } = JSON.parse(error.message);
      assert.ok(delay > 3_500 && delay <= 3_600, String(delay));
      assert.match(message, /quota/);
    } finally {
      await limited.stop();
    }
  });

  test('waits no longer than a quota by the minute that tells no moment', async () => {
    sandbox.addFault({ effect: { status: { status: 429, code: 'INTERNAL_TOO_MANY_REQUESTS' } } });
    const error = await failure(add(INPUT));
    assert.equal(error.name, 'ThrottledError', inspect(error));
    const { delay, message } = JSON.parse(error.message);
    assert.ok(delay >= 1 && delay <= 61, String(delay));
    assert.match(message, /INTERNAL_TOO_MANY_REQUESTS/);
  });

  test('asks for the connection anew when the key is not accepted', async () => {
    const error = await failure(add(INPUT, { apiKey: 'DEV_0000000000000000000000000000' }));
    assert.equal(error.name, 'ExpiredAuthError');
    const tested = await failure(appTester(App.authentication.test, { authData: authData({ apiKey: 'DEV_0000000000000000000000000000' }) }));
    assert.match(tested.message, /PUBLIC_API_KEY_DOES_NOT_EXIST/);
    for (const apiKey of ['', 'key']) assert.equal((await failure(appTester(App.authentication.test, { authData: authData({ apiKey }) }))).name, 'HaltedError');
  });

  test('says when nobody answers, or somebody else', async () => {
    const nobody = await failure(add(INPUT, { baseUrl: 'http://127.0.0.1:1' }));
    assert.match(nobody.message, /connect_failed/);
    sandbox.addFault({ effect: 'htmlBody' });
    assert.equal((await failure(add(INPUT))).name, 'AppError');
  });
});
