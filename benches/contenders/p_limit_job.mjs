// The job as a loop of p-limit around fetch, with care: `p_limit_job.mjs FILE URL KEY FOLDER`.
//
// A request a row, 32 at a time; waits as the server asks, tries again what failed, counts what was refused.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

const require = createRequire(`${process.env.BIZKITHUB_BENCH_PEERS}/`);
const { default: pLimit } = await import(require.resolve('p-limit'));

const [path, url, key] = process.argv.slice(2);
const address = `${url}/api/v1/customer/add-groups?apiKey=${key}`;
const TRIES = 3;

async function send(email, group) {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email, groups: [group] }) };
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const response = await fetch(address, request);
      const answer = await response.json();
      if (![429, 500, 502, 503, 504].includes(response.status)) return response.ok && answer.success === true;
      await setTimeout(Number(response.headers.get('retry-after') ?? 2 ** attempt) * 1_000);
    } catch {
      await setTimeout(2 ** attempt * 1_000);
    }
  }
  return false;
}

const rows = readFileSync(path, 'utf8').trimEnd().split('\n').slice(1).map((line) => line.trimEnd().split(','));
const limit = pLimit(32);
const sent = await Promise.all(rows.map(([email, group]) => limit(() => send(email, group))));
console.log(JSON.stringify({ refused: sent.filter((isSent) => !isSent).length }));
