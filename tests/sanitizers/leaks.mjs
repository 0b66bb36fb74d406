// Does a little of everything, so that the leak sanitizer sees at the end what was not given back.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client, Sandbox } from 'bizkithub';

const rows = Array.from({ length: 200 }, (_, number) => ({ email: `user${number}@example.com`, groups: ['vip', 'sale'] }));
const columns = { email: 'email', groups: 'groups' };
const events = { eventLevel: 'debug', onEvent: () => undefined };

async function calls(sandbox) {
  const client = new Client({ baseUrl: sandbox.url, apiKey: sandbox.apiKey, quota: '100000/min', ...events });
  await Promise.all(rows.map((row) => client.addGroups(row)));
  const plan = await client.plan(rows, columns);
  const report = await plan.run({ onProgress: () => undefined });
  for (const _ of report.outcomes());
  for (const wrong of [{ email: 'x', groups: ['vip'] }, { email: 'a@example.com', groups: [] }]) await client.addGroups(wrong).catch(() => undefined);
  const controller = new AbortController();
  const aborted = client.ping({ signal: controller.signal }).catch(() => undefined);
  controller.abort();
  await aborted;
  await client.close();
}

async function ledgers(sandbox, folder) {
  const path = join(folder, 'customers.csv');
  await writeFile(path, `email,groups\n${rows.map(({ email }) => `${email},vip\n`).join('')}nobody,vip\n`);
  for (let run = 0; run < 2; run += 1) {
    const client = new Client({ baseUrl: sandbox.url, apiKey: sandbox.apiKey, ledger: join(folder, 'groups.ledger'), quota: '100000/min' });
    const report = await (await client.plan(path, columns)).run();
    await report.writeOutcomes(join(folder, 'outcomes.csv'));
    await report.writeRejects(join(folder, 'rejects.csv'));
    await client.close();
  }
}

async function hostHttp(sandbox) {
  const transport = async (request) => {
    const response = await fetch(request.url, request);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const client = new Client({ baseUrl: sandbox.url, apiKey: sandbox.apiKey, transport });
  await client.addGroups(rows[0]);
  await client.close();
}

const sandbox = await Sandbox.start();
const folder = await mkdtemp(join(tmpdir(), 'bizkithub-'));
for (let round = 0; round < 3; round += 1) {
  await calls(sandbox);
  await ledgers(sandbox, folder);
  await hostHttp(sandbox);
}
await sandbox.stop();
await rm(folder, { recursive: true });
