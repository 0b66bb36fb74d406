// The job as a loop of p-limit around undici, with care: `p_limit_job.mjs row|customer FILE URL KEY FOLDER`.
//
// A request a row, or one with all groups of a customer; 32 at a time. Waits as the server asks, tries again what failed, and counts the
// rows that were refused. Of a customer whose request is refused, each group is tried alone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

const require = createRequire(`${process.env.BIZKITHUB_BENCH_PEERS}/`);
const { default: pLimit } = await import(require.resolve('p-limit'));
const { Agent, request } = require('undici');

const [unit, path, url, key] = process.argv.slice(2);
const address = `${url}/api/v1/customer/add-groups?apiKey=${key}`;
const dispatcher = new Agent({ connections: 32 });
const TRIES = 3;

async function send(email, groups) {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email, groups }), dispatcher };
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const { statusCode, headers, body } = await request(address, options);
      const answer = await body.json();
      if (![429, 500, 502, 503, 504].includes(statusCode)) return statusCode === 200 && answer.success === true;
      await setTimeout(Number(headers['retry-after'] ?? 2 ** attempt) * 1_000);
    } catch {
      await setTimeout(2 ** attempt * 1_000);
    }
  }
  return false;
}

const rows = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1).map((line) => line.trimEnd().split(','));
const wanted = new Map();
for (const [email, group] of rows) {
  const groups = wanted.get(email) ?? new Map();
  wanted.set(email, groups.set(group, (groups.get(group) ?? 0) + 1));
}
const whole = unit === 'row' ? rows.map(([email, group]) => [email, new Map([[group, 1]])]) : [...wanted];

async function refusedOf(email, groups) {
  if (await send(email, [...groups.keys()])) return 0;
  let refused = 0;
  for (const [group, count] of groups) {
    const isApplied = groups.size > 1 && (await send(email, [group]));
    refused += isApplied ? 0 : count;
  }
  return refused;
}

const limit = pLimit(32);
const refused = await Promise.all(whole.map(([email, groups]) => limit(() => refusedOf(email, groups))));
console.log(JSON.stringify({ refused: refused.reduce((sum, count) => sum + count, 0) }));
process.exit();
