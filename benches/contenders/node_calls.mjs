// Calls as a Node program makes them: each client in the way that its documentation shows.
//
//     node_calls.mjs CLIENT URL KEY AT_ONCE SECONDS [CERTIFICATE]
//
// Warms up, prints `begin`, calls for so many seconds, prints `end` with the number of calls and the seconds, and waits until its input ends.
// All build the body of every call anew, and read the answer as JSON. The other clients are found in BIZKITHUB_BENCH_PEERS, and trust the
// certificate by NODE_EXTRA_CA_CERTS.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createRequire } from 'node:module';

import { Client } from '../../node/bizkithub/dist/index.mjs';
import { Client as WasmClient } from '../../node/bizkithub/dist/wasm.mjs';

const [name, baseUrl, apiKey, atOnceText, secondsText, caFile] = process.argv.slice(2);
const [atOnce, seconds] = [Number(atOnceText), Number(secondsText)];
const address = `${baseUrl}/api/v1/customer/add-groups?apiKey=${apiKey}`;
const require = createRequire(`${process.env.BIZKITHUB_BENCH_PEERS}/`);
const headers = { 'content-type': 'application/json' };
const isHttp2 = process.env.BIZKITHUB_BENCH_PROTOCOL === 'http2';
// Before that, most of what is measured is V8's compilers.
const WARM_UP = 2;

let number = 0;
const input = () => ({ email: `customer-${(number += 1)}@example.com`, groups: ['vip'] });

function check(answer) {
  if (answer.success !== true) throw new Error(JSON.stringify(answer));
}

function undici() {
  const { Agent, request } = require('undici');
  const dispatcher = new Agent({ connections: atOnce, allowH2: baseUrl.startsWith('https') });
  return async (url, options) => {
    const { statusCode, headers, body } = await request(url, { ...options, dispatcher });
    return { status: statusCode, headers, body: await body.text() };
  };
}

function transport() {
  const send = undici();
  return ({ url, ...options }) => send(url, options);
}

function ours(Engine, transport) {
  const client = new Engine({ baseUrl, apiKey, ...(transport === undefined ? caFile && { caFile } : { transport }) });
  return () => client.addGroups(input());
}

async function clientOf(name) {
  switch (name) {
    case 'bizkithub':
      return ours(Client);
    case 'bizkithub, transport: undici':
      return ours(Client, transport());
    case 'bizkithub/wasm, transport: undici':
      return ours(WasmClient, transport());
    case 'undici': {
      const send = undici();
      return async () => check(JSON.parse((await send(address, { method: 'POST', headers, body: JSON.stringify(input()) })).body));
    }
    case 'fetch':
      return async () => check(await (await fetch(address, { method: 'POST', headers, body: JSON.stringify(input()) })).json());
    case 'axios': {
      const settings = { keepAlive: true, maxSockets: atOnce };
      const agents = { httpAgent: new HttpAgent(settings), httpsAgent: new HttpsAgent(settings) };
      const axios = require('axios').create(isHttp2 ? { httpVersion: 2 } : agents);
      return async () => check((await axios.post(address, input())).data);
    }
    case 'got': {
      const { default: got } = await import(require.resolve('got'));
      const settings = { keepAlive: true, maxSockets: atOnce };
      const agents = { agent: { http: new HttpAgent(settings), https: new HttpsAgent(settings) } };
      const own = got.extend(isHttp2 ? { http2: true } : agents);
      return async () => check(await own.post(address, { json: input() }).json());
    }
    default:
      throw new Error(`nobody knows ${name}`);
  }
}

const call = await clientOf(name);

async function callFor(seconds) {
  const until = performance.now() + seconds * 1_000;
  let calls = 0;
  const worker = async () => {
    while (performance.now() < until) {
      await call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return calls;
}

await callFor(WARM_UP);
console.log('begin');
const start = performance.now();
const calls = await callFor(seconds);
console.log(`end ${calls} ${(performance.now() - start) / 1_000}`);
process.stdin.on('end', () => process.exit()).resume();
