// What the node does with many kinds of items, on a context that has n8n's own types of errors and real HTTP; the real n8n is tried
// in tests/platforms.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { Sandbox } from 'bizkithub';

const require = createRequire(import.meta.url);
const { BizKitHub } = require('../dist/nodes/BizKitHub/BizKitHub.node.js');
const { BizKitHubApi } = require('../dist/credentials/BizKitHubApi.credentials.js');
const { NodeApiError } = require('n8n-workflow');

const node = new BizKitHub();
const credential = new BizKitHubApi();
const NODE = { id: '1', name: 'BizKitHub', type: 'n8n-nodes-bizkithub.bizKitHub', typeVersion: 1, position: [0, 0], parameters: {} };

/** What n8n gives to a node: parameters by item, the credential, and HTTP that authenticates by it. */
function contextOf(items, { credentials, parameters = {}, continues = false, signal } = {}) {
  const valueOf = (name, index, fallback) => {
    const all = { resource: 'customer', operation: 'addGroups', email: items[index]?.email, cuRefNo: items[index]?.cuRefNo, groups: items[index]?.groups, ...parameters };
    return all[name] ?? fallback;
  };
  return {
    getInputData: () => items.map((json) => ({ json })),
    getNodeParameter: valueOf,
    getNode: () => NODE,
    getCredentials: async () => credentials,
    getExecutionCancelSignal: () => signal,
    continueOnFail: () => continues,
    helpers: {
      async httpRequestWithAuthentication(type, options) {
        assert.equal(type, credential.name);
        assert.ok(!JSON.stringify(options).includes(credentials.apiKey), 'the key is put in by n8n alone');
        const { url, method, headers, body, qs } = await credential.authenticate(credentials, options);
        const response = await fetch(`${url}?${new URLSearchParams(qs)}`, { method, headers, body, redirect: 'manual' }).catch((error) => {
          throw Object.assign(new NodeApiError(NODE, { message: 'The service refused the connection' }), { cause: { code: error.cause.code } });
        });
        return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
      },
    },
  };
}

describe('the node of n8n', () => {
  let sandbox;
  before(async () => {
    sandbox = await Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: 'jan@barasek.com' }, { cuRefNo: '1cGIHvFoQDGLAbcA' }] });
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  const credentials = (more) => ({ apiKey: sandbox.apiKey, baseUrl: sandbox.url, engine: 'n8n', ...more });
  const execute = async (items, options) => {
    const [output] = await node.execute.call(contextOf(items, { credentials: credentials(), ...options }));
    return output;
  };
  const jsonOf = async (items, options) => (await execute(items, options)).map(({ json }) => json);
  const failureOf = async (items, options) => {
    const error = await execute(items, options).then((output) => assert.fail(inspect(output)), (reason) => reason);
    assert.ok(error instanceof NodeApiError, inspect(error));
    for (const text of [error.message, error.description, inspect(error, { depth: Infinity })]) assert.ok(!String(text).includes(sandbox.apiKey.slice(4)));
    return error;
  };

  const JAN = { email: 'jan@barasek.com', groups: ['VIP'] };

  describe('takes groups as', () => {
    for (const [name, groups, expected] of [
      ['a list', ['VIP', 'Sale'], ['vip', 'sale']],
      ['separated text', 'VIP; Sale|Yoga', ['vip', 'sale', 'yoga']],
      ['a list of separated texts', ['VIP;Sale', 'Yoga'], ['vip', 'sale', 'yoga']],
      ['a list that an expression gave', [['VIP', 'Sale']], ['vip', 'sale']],
      ['a list with gaps', ['', 'VIP', null, undefined], ['vip']],
      ['numbers', [2026, 'VIP'], ['2026', 'vip']],
      ['a JSON list, as agents write it', '["VIP", "Sale"]', ['vip', 'sale']],
    ]) {
      test(name, async () => {
        const [{ outcome }] = await jsonOf([{ ...JAN, groups }]);
        assert.equal(outcome, 'applied');
        assert.deepEqual(sandbox.groupsOf({ email: JAN.email }), new Set(expected));
      });
    }
  });

  test('gives every item its own, with the names that it has and no others', async () => {
    const output = await execute([JAN, { cuRefNo: '1cGIHvFoQDGLAbcA', email: '', groups: ['VIP'] }, JAN]);
    assert.deepEqual(output, [
      { json: { email: JAN.email, groups: ['VIP'], outcome: 'applied' }, pairedItem: { item: 0 } },
      { json: { cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['VIP'], outcome: 'applied' }, pairedItem: { item: 1 } },
      { json: { email: JAN.email, groups: ['VIP'], outcome: 'applied' }, pairedItem: { item: 2 } },
    ]);
    assert.equal(sandbox.requests().length, 2);
  });

  test('of no items makes none', async () => {
    assert.deepEqual(await execute([]), []);
  });

  describe('stops before anything is sent for', () => {
    for (const [name, item, message, options] of [
      ['an address that is none', { email: 'nobody', groups: ['VIP'] }, /e-mail/],
      ['nobody', { groups: ['VIP'] }, /customer|e-mail/],
      ['no groups', { email: JAN.email, groups: [] }, /group/],
      ['groups that are none', { email: JAN.email, groups: [{ name: 'VIP' }] }, /object/],
      ['a number that is no name', { email: JAN.email, groups: [1.5] }, /1\.5/],
      ['a group that is not allowed', { email: JAN.email, groups: ['VPI'] }, /VPI/, { parameters: { options: { allowGroups: ['VIP'] } } }],
    ]) {
      test(name, async () => {
        const error = await failureOf([JAN, item], options);
        assert.equal(error.context.itemIndex, 1);
        assert.match(error.message, message);
        assert.match(error.description, /Nothing was sent\.$/);
        assert.deepEqual(sandbox.requests(), []);
      });
    }
  });

  test('names a trouble of all items without one of them', async () => {
    const error = await failureOf([JAN], { credentials: credentials({ apiKey: 'key' }) });
    assert.equal(error.context.itemIndex, undefined);
    const quota = await failureOf([JAN], { parameters: { options: { quota: 'plenty' } } });
    assert.match(quota.message, /quota/);
  });

  test('allows nothing when the allowed groups are given and empty', async () => {
    for (const allowGroups of [[], [''], [undefined], '']) {
      assert.match((await failureOf([JAN], { parameters: { options: { allowGroups } } })).message, /allowed groups/);
    }
    assert.deepEqual(sandbox.requests(), []);
    assert.equal((await jsonOf([JAN], { parameters: { options: { allowGroups: 'VIP; Sale' } } }))[0].outcome, 'applied');
  });

  test('an expression that fails concerns its own item', async () => {
    const items = [JAN, { get email() { throw new Error('the expression is broken'); }, groups: ['VIP'] }, JAN];
    const error = await failureOf(items);
    assert.deepEqual([error.message, error.context.itemIndex], ['the expression is broken', 1]);
    assert.deepEqual(sandbox.requests(), []);
    const results = await jsonOf(items, { continues: true });
    assert.deepEqual(results.map(({ outcome, error: message }) => outcome ?? message), ['applied', 'the expression is broken', 'applied']);
  });

  test('tells the failure of an item as it is, also while others wait for quota', async () => {
    const limited = await Sandbox.start({ quota: { model: 'fixedBlock', limit: 3, blockSeconds: 86_400 }, faults: [{ when: { email: 'broken@example.com' }, effect: { status: { status: 500 } } }] });
    try {
      const items = ['broken', 'a', 'b', 'c', 'd', 'e'].map((name) => ({ email: `${name}@example.com`, groups: ['VIP'] }));
      const connection = { apiKey: limited.apiKey, baseUrl: limited.url, engine: 'n8n' };
      const results = await jsonOf(items, { continues: true, credentials: connection, parameters: { options: { longestWait: 1 } } });
      assert.ok(results[0].details?.status === 500 || results[0].outcome === 'pending', inspect(results[0]));
      assert.ok(results.some(({ outcome, resumeAt }) => outcome === 'pending' && resumeAt !== undefined));
    } finally {
      await limited.stop();
    }
  });

  test('trims the key as the client does', async () => {
    assert.equal((await jsonOf([JAN], { credentials: credentials({ apiKey: ` ${sandbox.apiKey}\n` }) }))[0].outcome, 'applied');
  });

  describe('the test of the credential, which n8n sends by itself,', () => {
    const authenticated = (baseURL) => credential.authenticate({ apiKey: ' DEV_0123456789abcdefghijABCDEFGH ' }, { baseURL, url: '/ping/v1' });

    for (const baseURL of ['https://api.bizkithub.com', 'http://127.0.0.1:8080', 'http://127.1.2.3', 'http://[::1]:8080', 'http://localhost']) {
      test(`takes the key to ${baseURL}`, async () => {
        const { qs } = await authenticated(baseURL);
        assert.deepEqual(qs, { apiKey: 'DEV_0123456789abcdefghijABCDEFGH' });
      });
    }

    for (const baseURL of ['http://api.bizkithub.com', 'http://127.0.0.1.example.com', 'http://localhost@example.com', 'api.bizkithub.com']) {
      test(`takes no key to ${baseURL}`, async () => {
        await assert.rejects(authenticated(baseURL), (error) => /https:/.test(error.message) && !inspect(error).includes('DEV_'));
      });
    }

    test('follows no redirect', () => assert.equal(credential.test.request.disableFollowRedirect, true));
  });

  describe('the native engine', () => {
    const native = (more) => credentials({ engine: 'native', ...more });

    test('is one for all executions', async () => {
      const { readdirSync } = await import('node:fs');
      await execute([JAN], { credentials: native() });
      const before = readdirSync('/proc/self/fd').length;
      for (let round = 0; round < 20; round += 1) await execute([JAN], { credentials: native() });
      assert.ok(readdirSync('/proc/self/fd').length <= before + 2);
    });

    test('refuses a password that the ledger has no place for', async () => {
      for (const ledger of ['/tmp/groups.ledger', 'postgresql:///database?host=/run']) {
        assert.match((await failureOf([JAN], { credentials: native({ ledger, ledgerPassword: 'a%b' }) })).message, /takes no password/);
      }
    });
  });

  test('never throws while it continues on errors', async () => {
    const items = [JAN, { email: 'nobody', groups: ['VIP'] }];
    for (const apiKey of ['key', 'DEV_0000000000000000000000000000']) {
      const output = await execute(items, { continues: true, credentials: credentials({ apiKey }) });
      assert.equal(output.length, 2);
      for (const { json } of output) assert.deepEqual(Object.keys(json), ['error', 'message', 'details']);
    }
    const [done, refused] = await execute(items, { continues: true });
    assert.equal(done.json.outcome, 'applied');
    assert.deepEqual(Object.keys(refused.json), ['error', 'message', 'details']);
    assert.deepEqual(refused.json.details, { email: 'nobody', groups: ['VIP'], outcome: 'rejected', kind: 'invalid_input', code: 'email_invalid', field: 'email' });
  });

  test('keeps a text that has a word of n8n in it', async () => {
    sandbox.addFault({ effect: { status: { status: 400, code: 'INTERNAL_VALIDATION_FAILED', message: 'a preexisting trouble' } } });
    const error = await failureOf([JAN]);
    assert.match(error.message, /INTERNAL_VALIDATION_FAILED/);
    assert.doesNotMatch(error.message, /already exists/);
  });

  test('says so when a connection is refused', async () => {
    const gone = await Sandbox.start();
    await gone.stop();
    const [{ json }] = await execute([JAN], { continues: true, credentials: credentials({ baseUrl: gone.url }) });
    assert.equal(json.details.code, 'connect_failed');
    assert.match(json.error, /refused/);
  });

  test('leaves to a later run what is under way when the time is up', async () => {
    sandbox.addFault({ effect: { latencySeconds: 5 } });
    const [left] = await jsonOf([JAN], { parameters: { options: { longestRun: 0.2 } } });
    assert.equal(left.outcome, 'unknown');
    assert.ok(!Number.isNaN(Date.parse(left.resumeAt)), inspect(left));
  });

  test('stops when the execution is cancelled', async () => {
    const [{ json }] = await execute([JAN], { continues: true, signal: AbortSignal.abort() });
    assert.equal(json.details.outcome, 'pending');
    assert.deepEqual(sandbox.requests(), []);
  });

  describe('predicts slugs', () => {
    const predict = (name, continues = false) => execute([{}], { continues, parameters: { resource: 'group', operation: 'predictSlug', name } });

    test('of names', async () => {
      assert.deepEqual(await predict('Project Review: Q1 & Q2'), [{ json: { name: 'Project Review: Q1 & Q2', slug: 'project-review-q1-and-q2' }, pairedItem: { item: 0 } }]);
    });

    test('or tells of an expression that fails as of its item', async () => {
      const parameters = { resource: 'group', get name() { throw new Error('the expression is broken'); } };
      const context = contextOf([{}], { continues: true });
      context.getNodeParameter = (name) => parameters[name];
      const [[{ json }]] = await node.execute.call(context);
      assert.equal(json.error, 'the expression is broken');
    });

    test('or says that there is none', async () => {
      await assert.rejects(predict('🎉'), NodeApiError);
      assert.match((await predict('🎉', true))[0].json.error, /slug/);
    });
  });
});
