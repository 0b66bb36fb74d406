// What only the WebAssembly engine has; the other tests run on it too, see support/engine.mjs.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import * as addon from '../dist/index.mjs';
import { BizKitHubError, Client, InvalidInputError, LedgerError, slug } from '../dist/wasm.mjs';
import { transportOverFetch } from './support/engine.mjs';
import { packageFolder, run } from './support/process.mjs';

const ROWS = [
  { email: 'jan@barasek.com', groups: 'VIP;sale' },
  { email: 'eva@example.com', groups: 'vip' },
  { email: 'missing@example.com', groups: 'vip' },
];
const COLUMNS = { email: 'email', groups: 'groups' };

/** A ledger in a host's own tables. */
function hostLedger() {
  const entries = new Map();
  const groups = new Map();
  return {
    entries,
    groups,
    knownGroups: async () => [...groups.values()],
    lookUp: async (customers) => [...entries.values()].filter(({ customer }) => customers.includes(customer)).reverse(),
    record: async (batch) => {
      for (const entry of batch.entries) entries.set(`${entry.customer} ${entry.group}`, entry);
      for (const group of batch.groups) if (!groups.has(group.group)) groups.set(group.group, group);
    },
  };
}

describe('the WebAssembly engine', () => {
  let sandbox;
  before(async () => {
    sandbox = await addon.Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: 'jan@barasek.com' }, { email: 'eva@example.com' }] });
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.stop());

  const client = (options = {}) => new Client({ apiKey: sandbox.apiKey, baseUrl: sandbox.url, transport: transportOverFetch, ...options });

  test('has the same errors as the addon', () => {
    assert.equal(BizKitHubError, addon.BizKitHubError);
    assert.throws(() => slug(7), InvalidInputError);
  });

  test('says that it has no files and no Arrow', async () => {
    await assert.rejects(client().plan('customers.csv', COLUMNS), { code: 'files_unsupported' });
    await assert.rejects(client().plan(new Uint8Array(8), COLUMNS), { code: 'arrow_unsupported' });
    const report = await (await client().plan(ROWS, COLUMNS)).run();
    await assert.rejects(report.writeOutcomes('outcomes.csv'), { code: 'files_unsupported' });
    await assert.rejects(report.writeRejects('rejects.csv'), { code: 'rejects_without_file' });
  });

  test('refuses what only the addon can do, by name', () => {
    for (const setting of [{ caFile: 'ca.pem' }, { proxy: 'http://proxy.example' }, { connectTimeout: 5 }]) {
      assert.throws(() => client(setting), { code: 'setting_unknown' });
    }
    for (const ledger of ['groups.ledger', {}, { lookUp() {}, record() {} }]) {
      assert.throws(() => client({ ledger }), { code: 'setting_invalid' });
    }
  });

  test('takes no key from the environment', () => {
    process.env.BIZKITHUB_API_KEY = sandbox.apiKey;
    try {
      assert.throws(() => client({ apiKey: undefined }), { code: 'api_key_missing' });
    } finally {
      delete process.env.BIZKITHUB_API_KEY;
    }
  });

  test('gives a host that authenticates by itself requests without a key', async () => {
    const seen = [];
    const authenticating = async (request) => {
      seen.push(JSON.stringify({ ...request, signal: undefined }));
      return transportOverFetch({ ...request, url: `${request.url}?apiKey=${sandbox.apiKey}` });
    };
    const authenticated = client({ transport: authenticating, keyPlacement: 'host' });
    await authenticated.ping();
    await authenticated.addGroups({ email: 'jan@barasek.com', groups: ['vip'] });
    assert.equal(seen.length, 2);
    for (const text of seen) assert.ok(!text.includes(sandbox.apiKey), text);
  });

  test('remembers in a ledger of the host, in which nobody is named', async () => {
    const ledger = hostLedger();
    const first = await (await client({ ledger }).plan(ROWS, COLUMNS)).run();
    assert.deepEqual([first.applied, first.rejected, first.requestsSent], [2, 1, 3]);
    assert.deepEqual([...ledger.groups.values()].map(({ slug: name, text }) => [name, text]).sort(), [['sale', 'sale'], ['vip', 'VIP']]);
    const text = JSON.stringify([[...ledger.entries], [...ledger.groups]]);
    for (const secret of ['jan@', 'eva@', 'barasek', sandbox.apiKey]) assert.ok(!text.includes(secret), text);

    const plan = await client({ ledger }).plan([...ROWS, { email: 'eva@example.com', groups: 'sael' }], COLUMNS);
    const { requests, skipped, rejectedByCode, groups } = plan.bill;
    assert.deepEqual({ requests, skipped, rejectedByCode }, { requests: 1, skipped: 2, rejectedByCode: { INTERNAL_RESOURCE_NOT_FOUND: 1 } });
    assert.deepEqual(groups.map(({ slug: name, isNew }) => [name, isNew]), [['vip', false], ['sale', false], ['sael', true]]);
    const again = await plan.run();
    assert.deepEqual([again.applied, again.skipped, again.rejected, again.requestsSent], [1, 2, 1, 1]);
  });

  test('asks a ledger of the host for no more at once than it says, and takes the latest of its answers', async () => {
    const sizes = { lookUp: 0, record: 0 };
    const { lookUp, record, ...ledger } = hostLedger();
    const counted = {
      ...ledger,
      lookUp: async (customers) => {
        sizes.lookUp = Math.max(sizes.lookUp, customers.length);
        const found = await lookUp(customers);
        return found.flatMap((entry) => [entry, { ...entry, at: entry.at - 1, refused: 'OLD' }]);
      },
      record: async (batch) => {
        sizes.record = Math.max(sizes.record, batch.entries.length);
        await record(batch);
      },
    };
    const rows = Array.from({ length: 2_500 }, (_, index) => ({ email: `customer-${index}@example.com`, groups: 'vip' }));
    const yes = client({ ledger: counted, quota: '1000000/min', transport: async () => ({ status: 200, body: '{"success":true}' }) });
    const plan = await yes.plan(rows, COLUMNS);
    assert.equal((await plan.run({ pace: 'fast', concurrency: 256 })).applied, 2_500);
    assert.equal((await yes.plan(rows, COLUMNS)).bill.skipped, 2_500);
    assert.ok(sizes.lookUp <= 1_000 && sizes.lookUp > 1 && sizes.record <= 1_000, JSON.stringify(sizes));
  });

  test('takes nothing of what a ledger of the host knew before its latest answer', async () => {
    const { lookUp, ...ledger } = hostLedger();
    const refusedSince = async (customers) =>
      (await lookUp(customers)).flatMap(({ customer, group, at }) => [
        { customer, group, at: at - 1_000, refused: 'INTERNAL_VALIDATION_FAILED' },
        { customer, group, at: at - 2_000 },
      ]);
    await (await client({ ledger: { lookUp, ...ledger } }).plan(ROWS, COLUMNS)).run();
    const again = await client({ ledger: { ...ledger, lookUp: refusedSince } }).plan(ROWS, { ...COLUMNS, retryRejected: true });
    assert.deepEqual([again.bill.skipped, again.bill.requests], [0, 3]);
  });

  test('takes no offence at what a ledger of the host resolves to', async () => {
    const { record, ...ledger } = hostLedger();
    const circular = { lastInsertRowid: 1n };
    circular.self = circular;
    const odd = { ...ledger, record: async (batch) => { await record(batch); return circular; } };
    assert.equal((await (await client({ ledger: odd }).plan(ROWS, COLUMNS)).run()).applied, 2);
    const nothing = { ...hostLedger(), lookUp: async () => () => undefined };
    await assert.rejects(client({ ledger: nothing }).plan(ROWS, COLUMNS), { code: 'ledger_failed' });
  });

  describe('tells why a ledger of the host failed', () => {
    const broken = async () => { throw new Error('the table is gone'); };
    const ledgers = [
      ['when it is asked', { ...hostLedger(), lookUp: broken }, /lookUp: the table is gone/],
      ['when it throws at once', { ...hostLedger(), knownGroups: () => { throw new Error('the table is gone'); } }, /knownGroups: the table is gone/],
      ['when it answers something else', { ...hostLedger(), lookUp: async () => [{ customer: 7 }] }, /lookUp answered something else/],
      ['when it answers nothing', { ...hostLedger(), knownGroups: async () => undefined }, /knownGroups/],
      ['when it answers a key that it was not given', { ...hostLedger(), lookUp: async (customers) => [{ customer: customers[0], group: 'vip', at: 0 }] }, /key of a group/],
    ];
    for (const [name, ledger, message] of ledgers) {
      test(name, async () => {
        const error = await client({ ledger }).plan(ROWS, COLUMNS).catch((reason) => reason);
        assert.ok(error instanceof LedgerError, String(error));
        assert.match(error.message, message);
      });
    }

    for (const [name, reason] of [['nothing', undefined], ['a text', 'gone'], ['an error whose message is none', Object.assign(new Error(), { message: 7 })]]) {
      test(`and rejects with ${name}`, async () => {
        const ledger = { ...hostLedger(), lookUp: () => Promise.reject(reason) };
        await assert.rejects(client({ ledger }).plan(ROWS, COLUMNS), { code: 'ledger_failed' });
        // The engine, which all clients share, is as it was.
        assert.equal(slug('VIP'), 'vip');
      });
    }

    test('in the middle of a run, which counts nothing that it did not record', async () => {
      const report = await (await client({ ledger: { ...hostLedger(), record: broken } }).plan(ROWS, COLUMNS)).run();
      assert.ok(report.stoppedBy instanceof LedgerError);
      assert.equal(report.applied, 0);
      assert.equal(report.rows, 3);
    });
  });

  test('leaves a process that ends by itself, at once', async () => {
    const script = `import { Client } from 'bizkithub/wasm';
      const client = new Client({ apiKey: '${sandbox.apiKey}', transport: async () => ({ status: 200, body: '{"success":true}' }) });
      await client.ping();
      const hanging = new Client({ apiKey: '${sandbox.apiKey}', timeout: 20, tries: 1, transport: () => new Promise(() => {}) });
      await hanging.ping().catch(({ code }) => process.stdout.write(code));
      process.on('exit', () => process.stdout.write(String(process.getActiveResourcesInfo().includes('Timeout'))));`;
    const result = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: packageFolder });
    assert.deepEqual(result, { code: 0, signal: null, stdout: 'timeoutfalse', stderr: '' });
  });

  test('may be asked anything from within its own calls', async () => {
    const rows = Array.from({ length: 50 }, (_, index) => ({ email: `customer-${index}@example.com`, groups: 'vip' }));
    let inner;
    const controller = new AbortController();
    const transport = async () => {
      inner ??= client({ transport: async () => ({ status: 200, body: '{"success":true}' }) }).ping();
      return { status: 200, body: '{"success":true}' };
    };
    const plan = await client({ transport }).plan(rows, COLUMNS);
    const report = await plan.run({ concurrency: 1, signal: controller.signal, onProgress: () => { controller.abort(); } });
    assert.ok(report.isCancelled);
    assert.equal(report.rows, 50);
    assert.equal((await inner).attempts, 1);
  });
});
