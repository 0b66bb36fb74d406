// Measures what the client is to its process: the time to load it, the memory that many calls leave behind, and how long a run keeps the
// event loop from others.
//
// Usage: node --expose-gc benches/node_footprint.mjs [calls]
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Client, Sandbox } from '../node/bizkithub/dist/index.mjs';

const packageFolder = fileURLToPath(new URL('../node/bizkithub', import.meta.url));

if (process.argv[2] === 'serve') {
  const sandbox = await Sandbox.start({ requestLogCapacity: 0 });
  process.send({ baseUrl: sandbox.url, apiKey: sandbox.apiKey });
  process.once('disconnect', () => sandbox.stop());
} else {
  const calls = Number(process.argv[2] ?? 100_000);
  console.log(`the addon: ${(statSync(`${packageFolder}/bizkithub.node`).size / 1e6).toFixed(1)} MB`);
  for (const [name, script] of [
    ['to require the package', 'require(folder)'],
    ['and to load the addon', "require(folder); new (require(folder).Client)({ apiKey: 'DEV_0123456789012345678901234567' })"],
    ['to require the WebAssembly engine', "require(folder + '/dist/wasm.js')"],
    ['and to compile it', "require(folder + '/dist/wasm.js').slug('VIP')"],
  ]) {
    console.log(`${name}: ${median(Array.from({ length: 11 }, () => timed(script))).toFixed(1)} ms`);
  }

  const server = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: [] });
  const [settings] = await once(server, 'message');
  const client = new Client(settings);
  // V8 gives itself more room during the first calls.
  await callOften(client, calls);
  const before = memory();
  await callOften(client, calls);
  console.log(`memory after ${calls} calls: ${grown(before)} MB more`);
  await abortOften(client, calls / 10);
  console.log(`and after ${calls / 10} aborted calls: ${grown(before)} MB more, with these alive: ${process.getActiveResourcesInfo().join(', ')}`);

  const rows = Array.from({ length: calls }, (_, index) => ({ email: `customer-${index}@example.com` }));
  const plan = await new Client({ ...settings, quota: '1000000/min' }).plan(rows, { email: 'email', constantGroups: ['vip'] });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const { seconds, applied } = await plan.run({ pace: 'fast', onProgress: () => undefined });
  delay.disable();
  console.log(`event-loop delay in a run of ${applied} rows, ${seconds.toFixed(1)} s: p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, max ${ms(delay.max)} ms`);
  server.disconnect();
}

function timed(script) {
  const source = `const folder = ${JSON.stringify(packageFolder)}; const begin = performance.now(); ${script}; process.stdout.write(String(performance.now() - begin));`;
  return Number(spawnSync(process.execPath, ['--eval', source], { encoding: 'utf8' }).stdout);
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

async function callOften(client, calls) {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await client.addGroups({ email: 'jan@barasek.com', groups: ['vip'] });
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

async function abortOften(client, calls) {
  for (let begin = 0; begin < calls; begin += 100) {
    const controller = new AbortController();
    const batch = Array.from({ length: 100 }, () => client.ping({ signal: controller.signal }).catch(() => undefined));
    setImmediate(() => controller.abort());
    await Promise.all(batch);
  }
  await setTimeout(200);
}

function memory() {
  globalThis.gc();
  return process.memoryUsage().rss;
}

function grown(before) {
  return ((memory() - before) / 1e6).toFixed(1);
}

function ms(nanoseconds) {
  return (nanoseconds / 1e6).toFixed(1);
}
