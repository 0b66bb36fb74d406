import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';

import { tableFromArrays, tableToIPC } from 'apache-arrow';

import { ApiKeyError, InvalidInputError, LedgerError, NetworkError, Sandbox } from '../dist/index.mjs';
import { addonOnly, clientOf } from './support/engine.mjs';
import { eventually } from './support/eventually.mjs';

const ROWS = [
  { mail: 'jan@barasek.com', segment: 'VIP;sale' },
  { mail: 'eva@example.com', segment: ['vip'] },
  { mail: 'Jan@Barasek.com', segment: 'wholesale|vip' },
  { mail: 'nobody', segment: 'vip' },
  { mail: null, segment: 'vip' },
];
const COLUMNS = { email: 'mail', groups: 'segment' };

describe('a plan', () => {
  let sandbox;
  let client;
  let folder;
  before(async () => {
    sandbox = await Sandbox.start();
    client = clientOf(sandbox);
    folder = await mkdtemp(join(tmpdir(), 'bizkithub-'));
  });
  beforeEach(() => sandbox.reset());
  after(async () => {
    await sandbox.stop();
    await rm(folder, { recursive: true });
  });

  const file = async (content) => {
    const path = join(folder, 'customers.csv');
    await writeFile(path, content);
    return path;
  };

  test('has a bill and the refused rows, and sends nothing', async () => {
    const plan = await client.plan(ROWS, COLUMNS);
    assert.deepEqual(plan.bill, {
      rows: 5,
      customers: 2,
      requests: 2,
      assignments: 4,
      skipped: 0,
      skippedAssignments: 0,
      rejected: 2,
      rejectedByCode: { customer_missing: 1, email_invalid: 1 },
      groups: [
        { text: 'VIP', slug: 'vip', customers: 2, isNew: true, resembles: null },
        { text: 'sale', slug: 'sale', customers: 1, isNew: true, resembles: null },
        { text: 'wholesale', slug: 'wholesale', customers: 1, isNew: true, resembles: null },
      ],
      time: { seconds: 0.12, limit: 1000, windowSeconds: 60 },
    });
    assert.equal(plan.refusals.length, 2);
    assert.deepEqual([...plan.refusals].map(({ row, code, field }) => [row, code, field]), [
      [4, 'email_invalid', 'email'],
      [5, 'customer_missing', 'customer'],
    ]);
    assert.ok(plan.refusals.at(-1) instanceof InvalidInputError);
    assert.equal(plan.refusals.at(2), undefined);
    assert.deepEqual(sandbox.requests(), []);
  });

  test('runs, and accounts for every row', async () => {
    const report = await (await client.plan(ROWS, COLUMNS)).run();
    const { rows, applied, skipped, rejected, pending, unknown, requestsSent, isComplete, isCancelled, rejectedByCode } = report;
    assert.deepEqual(
      { rows, applied, skipped, rejected, pending, unknown, requestsSent, isComplete, isCancelled, rejectedByCode },
      {
        rows: 5,
        applied: 3,
        skipped: 0,
        rejected: 2,
        pending: 0,
        unknown: 0,
        requestsSent: 2,
        isComplete: false,
        isCancelled: false,
        rejectedByCode: { customer_missing: 1, email_invalid: 1 },
      },
    );
    assert.ok(report.startedAt instanceof Date && report.seconds > 0);
    assert.equal(report.stoppedBy, undefined);
    assert.equal(report.resumeAt, undefined);
    assert.deepEqual(report.outcomes().toArray().map(({ row, outcome, error }) => [row, outcome, error?.code]), [
      [1, 'applied', undefined],
      [2, 'applied', undefined],
      [3, 'applied', undefined],
      [4, 'rejected', 'email_invalid'],
      [5, 'rejected', 'customer_missing'],
    ]);
    assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip', 'sale', 'wholesale']));
    assert.deepEqual(
      sandbox.customers().map(({ email, groups }) => [email, groups.size]).sort(),
      [['eva@example.com', 1], ['jan@barasek.com', 3]],
    );
  });

  test('sends nothing again that an earlier run of it got acknowledged', async () => {
    const plan = await client.plan(ROWS, COLUMNS);
    await plan.run();
    const report = await plan.run();
    assert.deepEqual([report.skipped, report.requestsSent], [3, 0]);
    assert.equal(sandbox.requests().length, 2);
  });

  test('takes rows from generators and streams, over many batches', async () => {
    const rows = function* () {
      for (let index = 0; index < 2_500; index += 1) yield { email: `customer-${index}@example.com`, group: 2026 };
    };
    const stream = async function* () {
      yield* rows();
    };
    for (const source of [rows(), stream()]) {
      const plan = await client.plan(source, { email: 'email', groups: 'group' });
      assert.deepEqual([plan.bill.rows, plan.bill.requests, plan.bill.groups[0].slug], [2_500, 2_500, '2026']);
    }
    // A key for development is taken to be limited to 1,000 requests a minute.
    const ready = clientOf(sandbox, { quota: '1000000/min' });
    const report = await (await ready.plan(rows(), { email: 'email', groups: 'group' })).run({ concurrency: 64 });
    assert.ok(report.isComplete);
    assert.equal(report.outcomes().at(2_499).row, 2_500);
    let expected = 0;
    for (const { row, outcome } of report.outcomes()) {
      expected += 1;
      assert.deepEqual([row, outcome], [expected, 'applied']);
    }
    assert.equal(expected, 2_500);
  });

  test('passes on what a source throws, and closes the source', async () => {
    let isClosed = false;
    const source = (function* () {
      try {
        yield ROWS[0];
        throw new Error('the source broke');
      } finally {
        isClosed = true;
      }
    })();
    await assert.rejects(client.plan(source, COLUMNS), { message: 'the source broke' });
    assert.ok(isClosed);
  });

  test('puts groups for all rows, and refuses those that are not allowed', async () => {
    const plan = await client.plan([{ email: 'a@example.com' }, { email: 'b@example.com', groups: 'vpi' }], {
      email: 'email',
      groups: 'groups',
      constantGroups: ['newsletter'],
      allowGroups: ['VIP', 'Newsletter'],
    });
    assert.deepEqual([plan.bill.requests, plan.refusals.at(0).code, plan.refusals.at(0).row], [1, 'group_not_allowed', 2]);
  });

  test('refuses the rows whose values are no text, and keeps the others', async () => {
    const rows = [7, null, { mail: true }, { mail: new Date() }, { mail: ROWS[0].mail, segment: { a: 1 } }, { mail: 'a@b.cz', segment: [['x']] }];
    const endless = [];
    endless.push(endless);
    const odd = [{ mail: '\ud800@example.com', segment: 'vip' }, { mail: 'a@b.cz', segment: ['vip\ud800'] }, { mail: 'a@b.cz', segment: endless }];
    const plan = await client.plan([...rows, ROWS[1], ...odd], COLUMNS);
    assert.deepEqual([...plan.refusals].map(({ row, code, field }) => [row, code, field]), [
      [1, 'value_not_text', 'customer'],
      [2, 'value_not_text', 'customer'],
      [3, 'value_not_text', 'email'],
      [4, 'value_not_text', 'email'],
      [5, 'value_not_text', 'groups'],
      [6, 'value_not_text', 'groups'],
      [8, 'value_not_text', 'email'],
      [9, 'value_not_text', 'groups'],
      [10, 'value_not_text', 'groups'],
    ]);
    assert.equal(plan.bill.requests, 1);
  });

  describe('is refused as a whole', () => {
    const cases = [
      ['for a name that no row has', ROWS, { email: 'mail', groups: 'segmnt', constantGroups: ['vip'] }, 'column_missing'],
      ['without a name for the customers', ROWS, { groups: 'segment' }, 'column_missing'],
      ['without any groups', ROWS, { email: 'mail' }, 'groups_missing'],
      ['for rows that are none', 7, COLUMNS, 'rows_expected'],
      ['for one row', ROWS[0], COLUMNS, 'rows_expected'],
      ['for an option that does not exist', ROWS, { ...COLUMNS, group: 'segment' }, 'setting_unknown'],
      ['for a column that is no text', ROWS, { email: 7 }, 'setting_invalid'],
      ['for groups that are no texts', ROWS, { ...COLUMNS, constantGroups: [7] }, 'setting_invalid'],
      ['for a broken group for all rows', ROWS, { ...COLUMNS, constantGroups: ['🎉'] }, 'group_without_slug'],
    ];
    for (const [name, rows, options, code] of cases) {
      test(name, async () => {
        await assert.rejects(client.plan(rows, options), (error) => error instanceof InvalidInputError && error.code === code);
      });
    }

    test('with the properties of the first row, when a name is wrong', async () => {
      await assert.rejects(client.plan(ROWS, { ...COLUMNS, email: 'email' }), ({ advice }) => /mail, segment/.test(advice));
    });
  });

  test('is not run with a reserve that leaves nothing, or that is no number', async () => {
    const plan = await client.plan(ROWS, COLUMNS);
    for (const [reserve, code] of [[1, 'reserve_invalid'], [-0.1, 'reserve_invalid'], [NaN, 'setting_invalid'], ['0.5', 'setting_invalid']]) {
      await assert.rejects(plan.run({ reserve }), { name: 'InvalidInputError', code });
    }
  });

  describe('of rows that come one after another', () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => ({ mail: `customer-${index % 700}@example.com`, segment: 'vip' }));
    const sources = [
      ['a generator', function* () { yield* rows; }()],
      ['an async generator', async function* () { yield* rows; }()],
      ['a stream of Node', Readable.from(rows)],
      ['a stream of the web', ReadableStream.from(rows)],
      ['a stream through a transformation', Readable.from(rows).filter(({ mail }) => mail !== 'customer-0@example.com')],
    ];
    for (const [name, source] of sources) {
      test(name, async () => {
        const { bill } = await client.plan(source, COLUMNS);
        assert.equal(bill.customers, name.includes('transformation') ? 699 : 700);
      });
    }

    test('asks for no more than it has planned, and an abort does not wait for the next row', async () => {
      let asked = 0;
      const counted = async function* () {
        for (const row of rows) {
          asked += 1;
          yield row;
        }
      };
      const controller = new AbortController();
      const iterator = counted();
      const slow = { [Symbol.asyncIterator]: () => ({ next: () => (asked === 1_500 ? new Promise(() => {}) : iterator.next()) }) };
      const plan = client.plan(slow, COLUMNS, { signal: controller.signal });
      await eventually(() => asked === 1_500, 'half of the rows are read');
      controller.abort();
      await assert.rejects(plan, { name: 'AbortError' });
      assert.equal(asked, 1_500);
    });

    test('an abort closes streams that stall, and does not wait for a promise', async () => {
      const stalled = [
        ['a stream of Node', new Readable({ objectMode: true, read() {} }), (stream) => stream.destroyed],
        ['a stream of the web', new ReadableStream({ cancel() { isCancelled = true; } }), () => isCancelled],
        ['a promise in a list', [new Promise(() => {})], () => true],
      ];
      let isCancelled = false;
      for (const [name, source, isClosed] of stalled) {
        const controller = new AbortController();
        const plan = client.plan(source, COLUMNS, { signal: controller.signal });
        setImmediate(() => controller.abort(new Error('enough')));
        await assert.rejects(plan, /enough/, name);
        await eventually(() => isClosed(source), `${name} is closed`);
      }
    });

    test('a signal changes nothing for a source that goes to its end', async () => {
      const { signal } = new AbortController();
      const odd = { [Symbol.iterator]: () => { const iterator = rows.slice(0, 10)[Symbol.iterator](); return { next: () => ({ ...iterator.next() }), return() { throw new Error('closed'); } }; } };
      for (const source of [rows, odd, (async function* () { yield* rows; })(), ReadableStream.from(rows), [Promise.resolve(rows[0])]]) {
        const { bill } = await client.plan(source, COLUMNS, { signal });
        assert.ok(bill.customers >= 1);
      }
    });

    test('stops reading on abort, and closes the source', async () => {
      const controller = new AbortController();
      let isClosed = false;
      const endless = async function* () {
        try {
          for (let index = 0; ; index += 1) {
            if (index === 5_000) controller.abort(new Error('enough'));
            yield rows[0];
          }
        } finally {
          isClosed = true;
        }
      };
      await assert.rejects(client.plan(endless(), COLUMNS, { signal: controller.signal }), /enough/);
      await eventually(() => isClosed, 'the source is closed');
      await assert.rejects(client.plan(rows, COLUMNS, { signal: controller.signal }), /enough/);
    });

    test('a source that fails is told as it fails', async () => {
      const failing = async function* () {
        yield rows[0];
        throw new RangeError('the database is gone');
      };
      await assert.rejects(client.plan(failing(), COLUMNS), RangeError);
    });
  });

  describe('of Arrow data', addonOnly, () => {
    const table = tableFromArrays({ mail: ['jan@barasek.com', 'nobody', null], segment: ['VIP;sale', 'vip', 'vip'], other: [1, 2, 3] });
    for (const format of ['stream', 'file']) {
      test(`as an IPC ${format}`, async () => {
        const plan = await client.plan(tableToIPC(table, format), COLUMNS);
        assert.deepEqual([plan.bill.rows, plan.bill.requests, plan.bill.rejected], [3, 1, 2]);
        assert.deepEqual([...plan.refusals].map(({ row, code }) => [row, code]), [[2, 'email_invalid'], [3, 'customer_missing']]);
      });
    }

    test('whose bytes are not what they were is refused, or read, and nothing else', async () => {
      for (const format of ['stream', 'file']) {
        const bytes = tableToIPC(table, format);
        for (let place = 0; place < bytes.length; place += 3) {
          for (const value of [0xff, 0x7f]) {
            const broken = Uint8Array.from(bytes);
            broken[place] = value;
            const error = await client.plan(broken, COLUMNS).then(() => undefined, (reason) => reason);
            assert.ok(error === undefined || error instanceof InvalidInputError, `${format} ${place}: ${error}`);
          }
        }
        for (const length of [bytes.length - 1, bytes.length >> 1, 9]) {
          await assert.rejects(client.plan(bytes.slice(0, length), COLUMNS), InvalidInputError);
        }
      }
      const stream = tableToIPC(table, 'stream');
      assert.equal((await client.plan(Buffer.concat([stream, new Uint8Array(64)]), COLUMNS)).bill.rows, 3);
      await assert.rejects(client.plan(Buffer.concat([stream, stream]), COLUMNS), { code: 'arrow_invalid' });
      await assert.rejects(client.plan(new Uint16Array(8), COLUMNS), { code: 'arrow_invalid' });
    });

    test('that is none, or lacks a column', async () => {
      await assert.rejects(client.plan(Buffer.from('email,groups'), COLUMNS), { code: 'arrow_invalid' });
      await assert.rejects(client.plan(tableToIPC(table), { email: 'e-mail', groups: 'segment' }), { code: 'column_missing' });
    });
  });

  describe('of a CSV file', addonOnly, () => {
    test('reads it, runs, and writes the rejects', async () => {
      const path = await file('\ufeffmail,segment,note\njan@barasek.com,VIP;sale,=1+1\nnobody,vip,"=1+1"\n');
      const report = await (await client.plan(path, COLUMNS)).run();
      assert.deepEqual([report.applied, report.rejected], [1, 1]);
      const rejects = join(folder, 'rejects.csv');
      assert.equal(await report.writeRejects(rejects), 1);
      const lines = (await readFile(rejects, 'utf8')).split('\n');
      assert.equal(lines[0], 'mail,segment,note,row,kind,code,reason');
      assert.match(lines[1], /^nobody,vip,'=1\+1,2,invalid_input,email_invalid,/);
    });

    test('takes another separator', async () => {
      const plan = await client.plan(await file('mail;segment\njan@barasek.com;vip\n'), { ...COLUMNS, delimiter: ';' });
      assert.equal(plan.bill.requests, 1);
      await assert.rejects(client.plan('x.csv', { ...COLUMNS, delimiter: ';;' }), { code: 'delimiter_invalid' });
    });

    test('refuses what is broken, with its line', async () => {
      const cases = [
        ['without the named column', 'e-mail,segment\na@example.com,vip\n', 'column_missing', undefined, /e-mail, segment/],
        ['with a ragged line', 'mail,segment\na@example.com,vip\nb@example.com\n', 'csv_ragged', 3],
        ['with a NUL', 'mail,segment\na@example.com,v\0ip\n', 'csv_nul', 2],
        ['that is not UTF-8', Buffer.from([...Buffer.from('mail,segment\na@example.com,'), 0xff, 0x0a]), 'csv_not_utf8', 2],
        ['that is empty', '', 'csv_empty', undefined],
      ];
      for (const [name, content, code, line, advice = /./] of cases) {
        const error = await client.plan(await file(content), COLUMNS).catch((reason) => reason);
        assert.ok(error instanceof InvalidInputError, name);
        assert.deepEqual([error.code, error.line], [code, line], name);
        assert.match(error.advice, advice, name);
      }
      for (const path of [join(folder, 'missing.csv'), folder]) {
        await assert.rejects(client.plan(path, COLUMNS), { code: 'file_unreadable' });
      }
      assert.deepEqual(sandbox.requests(), []);
    });

    test('alone can have rejects written', async () => {
      const report = await (await client.plan(ROWS, COLUMNS)).run();
      await assert.rejects(report.writeRejects(join(folder, 'rejects.csv')), { code: 'rejects_without_file' });
    });
  });

  test('remembers in a ledger what any process got acknowledged', addonOnly, async () => {
    const ledger = join(folder, 'groups.ledger');
    const first = await (await clientOf(sandbox, { ledger }).plan(ROWS, COLUMNS)).run();
    assert.deepEqual([first.applied, first.requestsSent], [3, 2]);
    assert.equal(await first.writeOutcomes(join(folder, 'outcomes.ndjson')), 5);
    assert.equal((await readFile(join(folder, 'outcomes.ndjson'), 'utf8')).split('\n')[0], '{"row":1,"outcome":"applied"}');
    const later = clientOf(sandbox, { ledger });
    const plan = await later.plan(ROWS, COLUMNS);
    assert.deepEqual([plan.bill.requests, plan.bill.skipped, plan.bill.skippedAssignments, plan.bill.groups[0].isNew], [0, 3, 4, false]);
    assert.deepEqual([(await plan.run()).skipped, sandbox.requests().length], [3, 2]);
    const again = await later.plan(ROWS, { ...COLUMNS, resend: true });
    assert.equal((await again.run()).applied, 3);
    await assert.rejects(clientOf(sandbox, { ledger: folder }).plan(ROWS, COLUMNS), (error) => error instanceof LedgerError && error.code === 'ledger_unusable');
  });

  describe('while it runs', () => {
    const many = (count) => Array.from({ length: count }, (_, index) => ({ mail: `customer-${index}@example.com`, segment: 'vip' }));

    test('tells progress, at the end too', async () => {
      const seen = [];
      await (await client.plan(ROWS, COLUMNS)).run({ onProgress: (progress) => seen.push(progress) });
      assert.deepEqual(seen.filter(({ isDone }) => isDone).length, 1);
      const last = seen.at(-1);
      assert.deepEqual([last.isDone, last.rows, last.requests, last.requestsDone, last.applied, last.pending], [true, 5, 2, 2, 3, 0]);
    });

    test('stops on abort, closes its requests and resolves with the report', async () => {
      sandbox.addFault({ when: { everyNth: 2 }, effect: 'neverAnswer' });
      const controller = new AbortController();
      // With a quota given, a run begins with all its requests; and a group that is new would be introduced by one of them.
      const ready = clientOf(sandbox, { quota: '100000/min' });
      const rows = many(100).map((row, index) => ({ ...row, segment: `group ${index}` }));
      const run = (await ready.plan(rows, COLUMNS)).run({ signal: controller.signal, concurrency: 4 });
      await eventually(() => sandbox.requests().filter(({ fault }) => fault !== null).length === 4, 'all requests hang');
      controller.abort();
      const report = await run;
      assert.ok(report.isCancelled && !report.isComplete);
      assert.equal(report.unknown, 4);
      assert.equal(report.applied + report.pending + report.unknown, 100);
      await eventually(() => sandbox.requests().every(({ status, closedByClient }) => status === 200 || closedByClient), 'the requests are closed');
    });

    test('sends nothing when the signal is aborted already', async () => {
      const report = await (await client.plan(ROWS, COLUMNS)).run({ signal: AbortSignal.abort() });
      assert.deepEqual([report.isCancelled, report.requestsSent, report.pending], [true, 0, 3]);
      assert.deepEqual(sandbox.requests(), []);
    });

    test('is stopped by a listener that throws, and rejects with what was thrown', async () => {
      sandbox.addFault({ effect: 'neverAnswer' });
      const reason = new Error('the progress bar broke');
      const run = (await client.plan(many(100), COLUMNS)).run({
        onProgress: () => {
          throw reason;
        },
      });
      assert.equal(await run.catch((error) => error), reason);
      await eventually(() => sandbox.requests().every(({ closedByClient }) => closedByClient), 'the requests are closed');
    });

    test('is stopped by a listener that rejects, and rejects with the reason', async () => {
      sandbox.addFault({ effect: 'neverAnswer' });
      const reason = new Error('the progress bar broke');
      const run = (await client.plan(many(100), COLUMNS)).run({ onProgress: () => Promise.reject(reason) });
      assert.equal(await run.catch((error) => error), reason);
      await eventually(() => sandbox.requests().every(({ closedByClient }) => closedByClient), 'the requests are closed');
    });

    test('waits for a listener that rejects later, even at the end', async () => {
      const reason = new Error('the progress bar broke');
      const plan = await client.plan(ROWS, COLUMNS);
      const onProgress = async ({ isDone }) => {
        await Promise.resolve();
        if (isDone) throw reason;
      };
      assert.equal(await plan.run({ onProgress }).catch((error) => error), reason);
    });

    test('stops at the first answer when the key is wrong', async () => {
      const stranger = clientOf(sandbox, { apiKey: 'DEV_0123456789012345678901234567' });
      const report = await (await stranger.plan(many(500), COLUMNS)).run({ concurrency: 2 });
      assert.ok(report.stoppedBy instanceof ApiKeyError);
      assert.equal(report.stoppedBy.code, 'PUBLIC_API_KEY_DOES_NOT_EXIST');
      assert.ok(report.requestsSent <= 4, String(report.requestsSent));
      assert.equal(report.pending, 500);
    });

    test('stops for quota when it is told to, and says when to go on', async () => {
      const limited = await Sandbox.start({ quota: { model: 'slidingWindow', limit: 5, windowSeconds: 3_600 } });
      const plan = await clientOf(limited).plan(many(20), COLUMNS);
      const report = await plan.run({ onQuota: 'stop', pace: 'fast' });
      assert.deepEqual([report.applied, report.pending, report.throttled], [5, 15, 0]);
      assert.ok(report.resumeAt instanceof Date && report.resumeAt > new Date());
      const next = await plan.run({ onQuota: 'stop', pace: 'fast' });
      assert.deepEqual([next.requestsSent, next.skipped, next.pending], [0, 5, 15]);
      const patient = await plan.run({ longestWait: 60_000, pace: 'fast' });
      assert.deepEqual([patient.requestsSent, patient.pending], [0, 15]);
      assert.ok(patient.resumeAt > new Date(Date.now() + 60_000));
      await limited.stop();
    });

    test('stops when its first requests all fail alike, unless it is told not to', async () => {
      sandbox.addFault({ effect: { status: { status: 422, code: 'SOMETHING_NEW' } } });
      const plan = await client.plan(many(20), COLUMNS);
      const report = await plan.run({ breaker: 5, concurrency: 1 });
      assert.deepEqual([report.rejected, report.pending, report.stoppedBy.code], [5, 15, 'SOMETHING_NEW']);
      assert.match(report.stoppedBy.message, /^the first 5 requests all failed alike: /);
      const whole = await plan.run({ breaker: null });
      assert.deepEqual([whole.rejected, whole.pending, whole.stoppedBy], [20, 0, undefined]);
    });

    test('keeps what no answer came for as unknown, with the error', async () => {
      sandbox.addFault({ when: { email: 'customer-1@example.com' }, effect: 'resetAfterApplying' });
      const once = clientOf(sandbox, { tries: 1 });
      const report = await (await once.plan(many(3), COLUMNS)).run();
      assert.deepEqual([report.applied, report.unknown], [2, 1]);
      const { outcome, error } = report.outcomes().at(1);
      assert.equal(outcome, 'unknown');
      assert.ok(error instanceof NetworkError);
    });

    test('refuses options that are not valid', async () => {
      const plan = await client.plan(ROWS, COLUMNS);
      for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { onQuota: 'give up' }, { breaker: 0 }, { longestWait: -1 }, { onProgress: true }, { progress: true }]) {
        await assert.rejects(plan.run(options), InvalidInputError);
      }
      assert.deepEqual(sandbox.requests(), []);
    });
  });
});
