// The node in the real n8n, compared with what the sandbox saw.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { Sandbox } from '../../../node/bizkithub/dist/index.mjs';
import { command, install, N8n, uninstall } from './support/n8n.mjs';
import { workflow } from './support/workflow.mjs';

const packages = resolve(import.meta.dirname, '..', '..', '..', 'node');
const ROWS = [
  { mail: 'jan@barasek.com', segment: 'VIP; Sale' },
  { mail: 'nobody', segment: 'vip' },
  { mail: 'eva@example.com', segment: ['vip', 'wholesale'] },
  { mail: 'unknown@example.com', segment: 'vip' },
  { mail: 'JAN@barasek.com', segment: 'yoga' },
];

describe('in the real n8n', () => {
  const home = mkdtempSync(join(tmpdir(), 'bizkithub-n8n-'));
  let n8n;
  let sandbox;
  let credential;
  /** Every key that was used, and what was kept of every execution. */
  const keys = [];
  const texts = [];

  before(async () => {
    install(home, join(packages, 'n8n-nodes-bizkithub'));
    sandbox = await Sandbox.start();
    n8n = await N8n.start(home);
    credential = await n8n.credential({ apiKey: sandbox.apiKey, baseUrl: sandbox.url });
    keys.push(sandbox.apiKey, 'DEV_0000000000000000000000000000');
  });
  beforeEach(() => sandbox.reset());
  after(async () => {
    await n8n?.stop();
    await sandbox?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const itemsOf = ({ runData }, output = 0) => runData.BizKitHub[0].data.main[output].map(({ json }) => json);
  const pairsOf = ({ runData }, output = 0) => runData.BizKitHub[0].data.main[output].map(({ pairedItem }) => pairedItem.item);

  /** A sandbox in which two customers exist, with a credential for it. */
  async function strict(context, options = {}) {
    const other = await Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: 'jan@barasek.com' }, { email: 'eva@example.com' }], ...options });
    context.after(() => other.stop());
    keys.push(other.apiKey);
    return { other, credentialOfOther: await n8n.credential({ apiKey: other.apiKey, baseUrl: other.url }) };
  }

  test('the credential is tested by a ping, and says what is wrong', async () => {
    const good = await n8n.testCredential({ apiKey: sandbox.apiKey, baseUrl: sandbox.url });
    assert.equal(good.status, 'OK');
    assert.equal(sandbox.requests().at(-1).path, '/ping/v1');
    const bad = await n8n.testCredential({ apiKey: 'DEV_0000000000000000000000000000', baseUrl: sandbox.url });
    assert.equal(bad.status, 'Error');
    assert.match(bad.message, /does not accept this API key/);
  });

  test('1,000 items of 300 customers are 300 requests, and 1,000 items in their order', async () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({ mail: `customer-${index % 300}@example.com`, segment: `group-${index % 7}` }));
    const result = await n8n.run(workflow(credential), rows);
    assert.equal(result.status, 'success');
    const items = itemsOf(result);
    assert.deepEqual(items.map(({ email }) => email), rows.map(({ mail }) => mail));
    assert.ok(items.every(({ outcome }) => outcome === 'applied'));
    assert.deepEqual(pairsOf(result), rows.map((_, index) => index));
    assert.equal(sandbox.requests().length, 300);
    assert.ok(sandbox.requests().every(({ keyPlacement }) => keyPlacement === 'query'));
    assert.deepEqual(sandbox.groupsOf({ email: 'customer-0@example.com' }), new Set(Array.from({ length: 7 }, (_, index) => `group-${index}`).filter((_, index) => [0, 300, 600, 900].some((row) => row % 7 === index))));
  });

  test('a bad item stops the node before anything is sent', async (context) => {
    const { other, credentialOfOther } = await strict(context);
    const { status, runData } = await n8n.run(workflow(credentialOfOther), ROWS);
    assert.equal(status, 'error');
    const { error } = runData.BizKitHub[0];
    assert.match(error.message, /e-mail/);
    assert.match(error.description, /Nothing was sent/);
    assert.equal(error.context.itemIndex, 1);
    assert.deepEqual(other.requests(), []);
  });

  test('an unknown customer stops the node when all others are done, with the code and the text of the API', async (context) => {
    const { other, credentialOfOther } = await strict(context);
    const { status, runData } = await n8n.run(workflow(credentialOfOther), ROWS.filter(({ mail }) => mail !== 'nobody'));
    assert.equal(status, 'error');
    const { error } = runData.BizKitHub[0];
    assert.equal(error.context.itemIndex, 2);
    assert.match(error.message, /INTERNAL_RESOURCE_NOT_FOUND/);
    assert.match(error.description, /3 of 4 items are done/);
    assert.deepEqual(other.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip', 'sale', 'yoga']));
  });

  test('the error output gets what is refused, with the fields of its input and the reason', async (context) => {
    const { other, credentialOfOther } = await strict(context);
    const result = await n8n.run(workflow(credentialOfOther, { onError: 'continueErrorOutput' }), ROWS);
    assert.equal(result.status, 'success');
    assert.deepEqual(itemsOf(result).map(({ email, outcome }) => [email, outcome]), [['jan@barasek.com', 'applied'], ['eva@example.com', 'applied'], ['JAN@barasek.com', 'applied']]);
    assert.deepEqual(pairsOf(result), [0, 2, 4]);
    const [invalid, unknown] = itemsOf(result, 1);
    assert.deepEqual([invalid.mail, invalid.details.code, invalid.details.field], ['nobody', 'email_invalid', 'email']);
    assert.deepEqual([unknown.mail, unknown.details.code, unknown.details.status], ['unknown@example.com', 'INTERNAL_RESOURCE_NOT_FOUND', 404]);
    assert.deepEqual(pairsOf(result, 1), [1, 3]);
    assert.equal(other.requests().length, 3);
  });

  test('continuing gives every item its place', async (context) => {
    const { credentialOfOther } = await strict(context);
    const result = await n8n.run(workflow(credentialOfOther, { onError: 'continueRegularOutput' }), ROWS);
    assert.equal(result.status, 'success');
    const outcomes = itemsOf(result).map(({ outcome, details }) => outcome ?? details.code);
    assert.deepEqual(outcomes, ['applied', 'email_invalid', 'applied', 'INTERNAL_RESOURCE_NOT_FOUND', 'applied']);
  });

  test('an unknown customer may be an ordinary outcome', async (context) => {
    const { credentialOfOther } = await strict(context);
    const parameters = { options: { onUnknownCustomer: 'continue' } };
    const result = await n8n.run(workflow(credentialOfOther, { parameters }), ROWS.filter(({ mail }) => mail !== 'nobody'));
    assert.equal(result.status, 'success');
    assert.deepEqual(itemsOf(result)[2].outcome, 'rejected');
    assert.equal(itemsOf(result)[2].code, 'INTERNAL_RESOURCE_NOT_FOUND');
  });

  test('a wrong key fails every item, and is asked once', async () => {
    const wrong = await n8n.credential({ apiKey: 'DEV_0000000000000000000000000000', baseUrl: sandbox.url });
    const parameters = { options: { concurrency: 1 } };
    const result = await n8n.run(workflow(wrong, { onError: 'continueErrorOutput', parameters }), ROWS.filter(({ mail }) => mail !== 'nobody'));
    assert.equal(itemsOf(result).length, 0);
    assert.deepEqual(itemsOf(result, 1).map(({ details }) => details.code), Array(4).fill('PUBLIC_API_KEY_DOES_NOT_EXIST'));
    assert.equal(sandbox.requests().length, 1);
  });

  test('a group that is not allowed is refused', async () => {
    const parameters = { options: { allowGroups: ['VIP', 'Sale'] } };
    const result = await n8n.run(workflow(credential, { onError: 'continueErrorOutput', parameters }), ROWS);
    assert.deepEqual(itemsOf(result, 1).map(({ details }) => details.code), ['email_invalid', 'group_not_allowed', 'group_not_allowed']);
  });

  describe('with a used-up quota', () => {
    const rows = Array.from({ length: 40 }, (_, index) => ({ mail: `customer-${index}@example.com`, segment: 'vip' }));

    test('what was done is output, and the rest is pending until a moment', async (context) => {
      const { credentialOfOther } = await strict(context, { customerPolicy: 'acceptEvery', quota: { model: 'fixedBlock', limit: 25, blockSeconds: 86_400 } });
      const parameters = { options: { longestWait: 1 } };
      const result = await n8n.run(workflow(credentialOfOther, { parameters }), rows);
      assert.equal(result.status, 'success');
      const items = itemsOf(result);
      assert.equal(items.filter(({ outcome }) => outcome === 'applied').length, 25);
      const pending = items.filter(({ outcome }) => outcome === 'pending');
      assert.equal(pending.length, 15);
      for (const { resumeAt } of pending) assert.ok(new Date(resumeAt) > new Date(), resumeAt);
    });

    test('or it fails, as the user chose', async (context) => {
      const { credentialOfOther } = await strict(context, { customerPolicy: 'acceptEvery', quota: { model: 'fixedBlock', limit: 25, blockSeconds: 86_400 } });
      const parameters = { options: { longestWait: 0, onLongWait: 'fail' } };
      const { status, runData } = await n8n.run(workflow(credentialOfOther, { parameters }), rows);
      assert.equal(status, 'error');
      assert.match(runData.BizKitHub[0].error.message, /used up until \d{4}-/);
      assert.match(runData.BizKitHub[0].error.description, /25 of 40 items are done/);
    });
  });

  test('a server that is not there is told by its name, without the key', async () => {
    const nowhere = await n8n.credential({ apiKey: sandbox.apiKey, baseUrl: 'http://127.0.0.1:1' });
    const { status, runData } = await n8n.run(workflow(nowhere), ROWS.slice(0, 1));
    assert.equal(status, 'error');
    assert.match(runData.BizKitHub[0].error.message, /refused/);
  });

  test('what takes too long is pending', async (context) => {
    const { credentialOfOther } = await strict(context, { customerPolicy: 'acceptEvery', quota: { model: 'slidingWindow', limit: 600 } });
    const rows = Array.from({ length: 200 }, (_, index) => ({ mail: `customer-${index}@example.com`, segment: 'vip' }));
    const result = await n8n.run(workflow(credentialOfOther, { parameters: { options: { longestRun: 2 } } }), rows);
    assert.equal(result.status, 'success');
    const outcomes = itemsOf(result).map(({ outcome }) => outcome);
    assert.ok(outcomes.includes('applied') && outcomes.includes('pending'), outcomes.join());
    assert.ok(result.runData.BizKitHub[0].executionTime < 10_000);
  });

  test('slugs are predicted without a credential', async () => {
    const parameters = { resource: 'group', operation: 'predictSlug', name: '={{ $json.segment }}' };
    const result = await n8n.run(workflow(undefined, { parameters }), [{ segment: 'Joolz Aer+' }, { segment: 'Привет, мир!' }]);
    assert.deepEqual(itemsOf(result), [{ name: 'Joolz Aer+', slug: 'joolz-aer-plus' }, { name: 'Привет, мир!', slug: 'priviet-mir' }]);
  });

  describe('the native engine', () => {
    const native = (options = {}) => n8n.credential({ apiKey: sandbox.apiKey, baseUrl: sandbox.url, engine: 'native', ...options });
    after(() => { uninstall(home, 'bizkithub'); });

    test('says how to install it where it is missing', async () => {
      const { status, runData } = await n8n.run(workflow(await native()), ROWS.slice(0, 1));
      assert.equal(status, 'error');
      assert.match(runData.BizKitHub[0].error.message, /native engine is not installed/);
      assert.match(runData.BizKitHub[0].error.description, /npm package bizkithub/);
    });

    test('does the same, and remembers in a ledger', async () => {
      install(home, join(packages, 'bizkithub'));
      // Node remembers what it did not find.
      texts.push(...n8n.texts);
      await n8n.stop();
      n8n = await N8n.start(home);
      const withLedger = await native({ ledger: join(home, 'groups.ledger') });
      const rows = ROWS.filter(({ mail }) => mail !== 'nobody');
      const first = await n8n.run(workflow(withLedger), rows);
      assert.equal(first.status, 'success', JSON.stringify(first.error));
      assert.deepEqual(itemsOf(first).map(({ outcome }) => outcome), Array(4).fill('applied'));
      assert.equal(sandbox.requests().length, 3);
      const second = await n8n.run(workflow(withLedger), rows);
      assert.deepEqual(itemsOf(second).map(({ outcome }) => outcome), Array(4).fill('skipped'));
      assert.equal(sandbox.requests().length, 3);
    });

    test('makes 300 requests of 1,000 items of 300 customers too', async () => {
      const rows = Array.from({ length: 1_000 }, (_, index) => ({ mail: `customer-${index % 300}@example.com`, segment: `group-${index % 7}` }));
      const result = await n8n.run(workflow(await native()), rows);
      assert.deepEqual(itemsOf(result).map(({ email, outcome }) => [email, outcome]), rows.map(({ mail }) => [mail, 'applied']));
      assert.equal(sandbox.requests().length, 300);
    });
  });

  test('the example of the README does what it says', async () => {
    const example = JSON.parse(readFileSync(join(packages, 'n8n-nodes-bizkithub', 'examples', 'tag-customers.json'), 'utf8'));
    for (const node of example.nodes) {
      if (node.name === 'BizKitHub') node.credentials = { bizKitHubApi: { id: credential.id, name: credential.name } };
    }
    const result = await n8n.run(example, [{}]);
    assert.equal(result.status, 'success', JSON.stringify(result.error));
    assert.deepEqual(itemsOf(result).map(({ outcome }) => outcome), ['applied', 'applied']);
    assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip', 'newsletter']));
  });

  test('and waits until the quota is back for what is left', async (context) => {
    const { other, credentialOfOther } = await strict(context, { customerPolicy: 'acceptEvery', quota: { model: 'slidingWindow', limit: 1, windowSeconds: 4 } });
    const example = JSON.parse(readFileSync(join(packages, 'n8n-nodes-bizkithub', 'examples', 'tag-customers.json'), 'utf8'));
    for (const node of example.nodes) {
      if (node.name !== 'BizKitHub') continue;
      node.credentials = { bizKitHubApi: { id: credentialOfOther.id, name: credentialOfOther.name } };
      node.parameters.options.longestWait = 0;
    }
    const { status, runData } = await n8n.run(example, [{}]);
    assert.equal(status, 'success');
    assert.ok(runData.BizKitHub.length > 1, 'the loop went round');
    assert.deepEqual(other.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip', 'newsletter']));
    assert.deepEqual(other.groupsOf({ email: 'eva@example.com' }), new Set(['wholesale']));
  });

  test('the command of n8n runs it too', async () => {
    const rows = JSON.stringify(ROWS.filter(({ mail }) => mail !== 'nobody').map((json) => ({ json })));
    const { nodes, ...rest } = workflow(credential);
    const code = { type: 'n8n-nodes-base.code', typeVersion: 2, parameters: { jsCode: `return ${rows}` } };
    const source = { ...nodes[0], ...code, id: 'Rows', name: 'Rows', position: [120, 0] };
    const connections = { ...rest.connections, Start: { main: [[{ node: 'Rows', type: 'main', index: 0 }]] }, Rows: rest.connections.Start };
    const file = join(home, 'workflow.json');
    writeFileSync(file, JSON.stringify([{ ...rest, id: 'tagcustomers0001', active: false, nodes: [...nodes, source], connections }]));
    assert.equal((await command(home, ['import:workflow', `--input=${file}`])).code, 0);
    const { code: exitCode, json, text } = await command(home, ['execute', '--id=tagcustomers0001', '--rawOutput']);
    assert.equal(exitCode, 0, text);
    assert.deepEqual(itemsOf(json.data.resultData).map(({ outcome }) => outcome), Array(4).fill('applied'));
    assert.equal(sandbox.requests().length, 3);
  });

  test('and nowhere is the key: not in what is kept of the executions, not in the log', async () => {
    texts.push(...n8n.texts);
    assert.ok(texts.length > 10);
    for (const text of [...texts, n8n.log]) {
      for (const key of keys) assert.ok(!text.includes(key.slice(4)), text.slice(0, 2_000));
    }
  });
});
