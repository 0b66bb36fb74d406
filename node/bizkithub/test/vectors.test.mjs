// Runs the contract between the languages: see tests/vectors/README.md.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { inspect } from 'node:util';

import { BizKitHubError } from '../dist/index.mjs';
import { Client, slug } from './support/engine.mjs';

const folder = new URL('../../../tests/vectors/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const KEY = 'DEV_VectorsKey000000000000000001';
const YES = { status: 200, body: '{"success":true}' };

/** A client that sends nothing, but keeps the requests. */
function recorder(settings = {}, answer = YES) {
  const requests = [];
  const transport = async (request) => {
    requests.push(request);
    return answer;
  };
  return { requests, client: new Client({ apiKey: KEY, baseUrl: 'https://api.bizkithub.com', transport, ...settings }) };
}

/** A text, or one that is made. */
function textOf(text) {
  if (Array.isArray(text)) return text.map(textOf).join('');
  if (typeof text !== 'object' || text === null) return text;
  return 'repeat' in text ? text.repeat.repeat(text.times) : listOf(text).join('');
}

/** A list of texts, or one that is made. */
function listOf(list) {
  if (Array.isArray(list)) return list.map(textOf);
  const { each, times, from = 1 } = list;
  return Array.from({ length: times }, (_, index) => each.replaceAll('{index}', String(from + index)));
}

/** Groups of a row: a text to be split, or a list. */
const groupsOf = (groups) => (Array.isArray(groups) || groups?.each !== undefined ? listOf(groups) : textOf(groups));

async function errorOf(action) {
  try {
    await action();
  } catch (error) {
    assert.ok(error instanceof BizKitHubError, inspect(error));
    return error;
  }
  return undefined;
}

function checkError(error, expected, ...leaveOut) {
  if (expected === undefined) {
    assert.equal(error, undefined, inspect(error));
    return;
  }
  assert.ok(error !== undefined, `nothing was thrown, but ${inspect(expected)} was expected`);
  const seen = { kind: error.kind, code: error.code, status: error.status, field: error.field, retryable: error.isRetryable, retryAfter: error.retryAfter };
  const wanted = { kind: expected.kind, code: textOf(expected.code), status: expected.status, field: expected.field, retryable: expected.retryable ?? false, retryAfter: expected.retryAfter };
  for (const name of leaveOut) {
    delete seen[name];
    delete wanted[name];
  }
  assert.deepEqual(seen, wanted);
  const text = inspect(error, { showHidden: true, depth: Infinity }) + JSON.stringify(error) + String(error.stack);
  assert.ok(!text.includes(KEY), text);
}

const sent = (request) => JSON.parse(request.body);

const runners = {
  async 'api-keys.json'({ input, error }) {
    const text = textOf(input);
    const thrown = await errorOf(() => new Client({ apiKey: text, baseUrl: 'http://127.0.0.1:1' }));
    checkError(thrown, error);
    const secret = text.trim().slice(4);
    if (thrown !== undefined && secret.length > 8) assert.ok(!inspect(thrown).includes(secret));
  },

  async 'base-urls.json'({ input, written, error }) {
    let client;
    checkError(await errorOf(() => { client = new Client({ apiKey: KEY, baseUrl: textOf(input) }); }), error);
    if (written !== undefined) assert.equal(client.baseUrl, textOf(written));
  },

  async 'cu-ref-nos.json'({ input, written, error }) {
    const { client, requests } = recorder();
    checkError(await errorOf(() => client.addGroups({ cuRefNo: textOf(input), groups: ['vip'] })), error);
    assert.deepEqual(requests.map((request) => sent(request).cuRefNo), written === undefined ? [] : [textOf(written)]);
  },

  async 'emails.json'({ input, written, identity, error }) {
    const { client, requests } = recorder();
    const email = textOf(input);
    checkError(await errorOf(() => client.addGroups({ email, groups: ['vip'] })), error);
    assert.deepEqual(requests.map((request) => sent(request).email), written === undefined ? [] : [textOf(written)]);
    const rows = [{ email }, { email: textOf(identity ?? input) }];
    const plan = await client.plan(rows, { email: 'email', constantGroups: ['vip'] });
    if (error === undefined) assert.deepEqual([plan.bill.requests, plan.bill.rejected], [1, 0]);
    else checkError(plan.refusals.at(0), error);
  },

  async 'groups.json'({ input, inputs, slug: expectedSlug, slugs, text, texts, error }) {
    const { client, requests } = recorder();
    const groups = inputs === undefined ? [textOf(input)] : listOf(inputs);
    checkError(await errorOf(() => client.addGroups({ email: 'jan@barasek.com', groups })), error);
    if (inputs === undefined) assert.equal(slug(groups[0]), textOf(expectedSlug));
    if (error !== undefined) {
      assert.deepEqual(requests, []);
      return;
    }
    const written = sent(requests[0]).groups;
    assert.deepEqual(written, texts === undefined ? [textOf(text)] : listOf(texts));
    assert.deepEqual(written.map(slug), slugs === undefined ? [textOf(expectedSlug)] : listOf(slugs));
  },

  async 'requests.json'({ operation, email, cuRefNo, groups, keyPlacement, baseUrl, request, error }, file) {
    const { client, requests } = recorder({ apiKey: file.apiKey, baseUrl: baseUrl ?? file.baseUrl, keyPlacement });
    const input = { email: textOf(email), cuRefNo: textOf(cuRefNo), groups: groups === undefined ? undefined : listOf(groups) };
    checkError(await errorOf(() => (operation === 'ping' ? client.ping() : client.addGroups(input))), error);
    if (request === undefined) {
      assert.deepEqual(requests, []);
      return;
    }
    const [{ method, url, headers, body = '' }] = requests;
    assert.equal(requests.length, 1);
    assert.deepEqual({ method, url, headers, body }, { ...request, url: textOf(request.url), body: textOf(request.body) });
  },

  async 'responses.json'({ operation, status, headers, json, body, bodyHex, error, quota, requestId, needsClock }, file) {
    const bytes = bodyHex === undefined ? (json === undefined ? textOf(body) : JSON.stringify(json)) : Buffer.from(bodyHex, 'hex');
    const { client, requests } = recorder({ apiKey: file.apiKey, tries: 1, deadline: 0 }, { status, headers, body: bytes });
    let receipt;
    const thrown = await errorOf(async () => {
      receipt = await (operation === 'ping' ? client.ping() : client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] }));
    });
    assert.equal(requests.length, 1);
    // The moments of such a case count from the file's `now`, and a transport cannot set the clock.
    checkError(thrown, error, ...(needsClock ? ['retryAfter'] : []));
    assert.equal((receipt ?? thrown).requestId, requestId);
    if (receipt === undefined) return;
    const { resetsAt, ...seen } = receipt.quota;
    const { resetsAt: moment, ...wanted } = quota ?? {};
    if (needsClock) delete seen.retryAfter, delete wanted.retryAfter;
    else assert.equal(resetsAt === undefined ? undefined : resetsAt.getTime() / 1000, moment);
    assert.deepEqual(seen, wanted);
  },

  async 'cells.json'({ column, value, sent: expected, error }) {
    const { client, requests } = recorder();
    const row = { email: column === 'groups' ? 'jan@barasek.com' : undefined, groups: 'vip', [column]: value };
    const plan = await client.plan([row], { email: 'email', groups: 'groups', [column]: column });
    if (error !== undefined) {
      checkError(plan.refusals.at(0), error);
      return;
    }
    await plan.run();
    assert.deepEqual(requests.map((request) => sent(request)[column]), [expected]);
  },

  async 'results.json'({ name, fields }) {
    const events = {};
    const { client } = recorder({ quota: '100/h', eventLevel: 'debug', onEvent: (event) => { events[event.name] = event; } });
    const rows = ['nobody', 'a@example.com', 'b@example.com'].map((email) => ({ email }));
    const plan = await client.plan(rows, { email: 'email', constantGroups: ['vip'] });
    let progress;
    const report = await plan.run({ onProgress: (snapshot) => { progress = snapshot; } });
    const results = {
      bill: plan.bill,
      billGroup: plan.bill.groups[0],
      billTime: plan.bill.time,
      progress,
      report,
      quotaPoint: report.timeline[0],
      reason: report.reasons[0],
      rowOutcome: report.outcomes().at(0),
      event: events.request,
      requestEventFields: events.request.fields,
      runStartedEventFields: events['run.started'].fields,
      runEndedEventFields: events['run.ended'].fields,
    };
    const result = results[name];
    assert.deepEqual(Object.keys(result).filter((field) => !(field in fields)), []);
    for (const [field, type] of Object.entries(fields)) assert.ok(isOfType(result[field], type), `${field}: ${inspect(result[field])}`);
  },

  async 'plans.json'({ rows, options = {}, bill, requests: expected, refused, error }) {
    const { client, requests } = recorder();
    const input = rows.map(({ email, cuRefNo, groups }) => ({ email: textOf(email), cuRefNo: textOf(cuRefNo), groups: groupsOf(groups) }));
    let plan;
    const thrown = await errorOf(async () => {
      plan = await client.plan(input, {
        email: 'email',
        cuRefNo: 'cuRefNo',
        groups: 'groups',
        constantGroups: options.groups && listOf(options.groups),
        allowGroups: options.allowGroups && listOf(options.allowGroups),
      });
    });
    checkError(thrown, error);
    if (plan === undefined) return;
    const { rows: count, customers, requests: requestCount, rejected } = plan.bill;
    assert.deepEqual({ rows: count, customers, requests: requestCount, rejected }, bill);
    assert.deepEqual([...plan.refusals].map(({ row, code, field }) => ({ row, code, field })), refused);
    await plan.run({ concurrency: 1 });
    const wanted = expected.map((request) => ({ ...request, ...textsOf(request), groups: listOf(request.groups) }));
    assert.deepEqual(requests.map(sent), wanted);
  },
};

/** Whether a value is of a type that a result's field has. */
function isOfType(value, type) {
  if (value === undefined || value === null) return type.endsWith('?');
  switch (type.replace('?', '')) {
    case 'count': return Number.isSafeInteger(value) && value >= 0;
    case 'counts': return Object.values(value).every(Number.isSafeInteger);
    case 'moment': return value instanceof Date;
    case 'error': return value instanceof BizKitHubError;
    case 'text': return typeof value === 'string';
    case 'list': return Array.isArray(value);
    default: return typeof value === type.replace('?', '');
  }
}

function textsOf({ email, cuRefNo }) {
  return { ...(email === undefined ? {} : { email: textOf(email) }), ...(cuRefNo === undefined ? {} : { cuRefNo: textOf(cuRefNo) }) };
}

describe('vectors', () => {
  const { files } = read('manifest.json');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && !['schema.json', 'manifest.json'].includes(name));
  const ran = {};
  after(() => assert.deepEqual(ran, files));

  test('every file has a runner, and every runner a file', () => {
    assert.deepEqual(names.sort(), Object.keys(runners).sort());
  });

  for (const name of names) {
    describe(name, () => {
      const file = read(name);
      ran[name] = 0;
      for (const oneCase of file.cases) {
        test(oneCase.name, async () => {
          await runners[name](oneCase, file);
          ran[name] += 1;
        });
      }
    });
  }
});
