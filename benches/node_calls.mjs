// Measures what a call costs the client's process: user and system CPU time per `addGroups`, 32 at a time, against the sandbox in a
// process of its own; with the built-in HTTP, and with undici as the transport of either engine, where it is installed in node/ (`npm
// install --no-save undici`). undici and Node's own fetch do the same without this client for comparison.
//
// Usage: node benches/node_calls.mjs [calls]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { Client, Sandbox } from '../node/bizkithub/dist/index.mjs';
import { Client as WasmClient } from '../node/bizkithub/dist/wasm.mjs';

const CONCURRENCY = 32;
const input = { email: 'jan@barasek.com', groups: ['personal-training'] };

if (process.argv[2] === 'serve') {
  const sandbox = await Sandbox.start({ requestLogCapacity: 0 });
  process.send({ baseUrl: sandbox.url, apiKey: sandbox.apiKey });
  process.once('disconnect', () => sandbox.stop());
} else {
  const calls = Number(process.argv[2] ?? 50_000);
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ baseUrl, apiKey }] = await once(server, 'message');
  const client = new Client({ baseUrl, apiKey });

  await measure('bizkithub', CONCURRENCY, calls, () => client.addGroups(input));
  await measure('bizkithub, one at a time', 1, calls / 5, () => client.addGroups(input));
  const url = `${baseUrl}/api/v1/customer/add-groups?apiKey=${apiKey}`;
  const request = () => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(input) });
  const undici = await installed('undici');
  if (undici !== undefined) {
    const transport = async ({ url, ...options }) => {
      const { statusCode, headers, body } = await undici.request(url, options);
      return { status: statusCode, headers, body: await body.text() };
    };
    for (const [name, Engine] of [['addon', Client], ['WebAssembly', WasmClient]]) {
      const hosted = new Engine({ baseUrl, apiKey, transport });
      await measure(`undici as the transport of the ${name}`, CONCURRENCY, calls, () => hosted.addGroups(input));
    }
    await measure('undici', CONCURRENCY, calls, async () => (await undici.request(url, request())).body.json());
  }
  await measure('fetch', CONCURRENCY, calls / 5, async () => (await fetch(url, request())).json());
  server.disconnect();
}

async function installed(name) {
  try {
    return createRequire(new URL('../node/', import.meta.url))(name);
  } catch {
    return undefined;
  }
}

async function measure(name, concurrency, calls, call) {
  await repeat(concurrency, calls / 10, call);
  const before = process.cpuUsage();
  const start = performance.now();
  await repeat(concurrency, calls, call);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  const perCall = (time) => (time / calls).toFixed(1);
  console.log(
    `${name}: ${perCall(user + system)} µs CPU a call (user ${perCall(user)}, system ${perCall(system)}), ${Math.round(calls / seconds)} calls a second`,
  );
}

async function repeat(concurrency, calls, call) {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
