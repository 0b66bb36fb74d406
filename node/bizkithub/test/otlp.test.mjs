// Spans and metrics arrive at a collector of OpenTelemetry; what they hold, the core's tests decode.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

import { Client, Sandbox } from '../dist/index.mjs';
import { runScript } from './support/process.mjs';

describe('a collector of OpenTelemetry', () => {
  let sandbox;
  let collector;
  let endpoint;
  let status;
  const arrived = { '/v1/traces': '', '/v1/metrics': '' };

  before(async () => {
    sandbox = await Sandbox.start();
    collector = createServer(async (request, response) => {
      for await (const chunk of request) arrived[request.url] += chunk.toString('latin1');
      response.writeHead(status).end();
    });
    await new Promise((resolve) => { collector.listen(0, '127.0.0.1', resolve); });
    endpoint = `http://127.0.0.1:${collector.address().port}`;
  });
  beforeEach(() => {
    status = 200;
    for (const path of Object.keys(arrived)) arrived[path] = '';
  });
  after(async () => {
    await sandbox.stop();
    collector.close();
  });

  const options = () => ({ apiKey: sandbox.apiKey, baseUrl: sandbox.url, otlpEndpoint: endpoint });

  test('gets spans and metrics when the client is closed', async () => {
    const client = new Client(options());
    const plan = await client.plan([{ email: 'jan@barasek.com' }], { email: 'email', constantGroups: ['vip'] });
    await plan.run();
    await client.close();
    for (const name of ['bizkithub run', 'POST /api/v1/customer/add-groups', 'http.response.status_code']) assert.ok(arrived['/v1/traces'].includes(name), name);
    for (const name of ['http.client.request.duration', 'bizkithub.rows', 'applied']) assert.ok(arrived['/v1/metrics'].includes(name), name);
    for (const secret of [sandbox.apiKey, 'apiKey', 'barasek']) assert.ok(!Object.values(arrived).join('').includes(secret), secret);
  });

  test('is known by the environment, and closing says when it refuses', async () => {
    status = 400;
    const source = `
      import { Client } from 'bizkithub';
      const client = new Client({ onEvent: ({ name, level }) => process.stdout.write(name + ' ' + level) });
      await client.ping();
      await client.close();`;
    const env = { BIZKITHUB_API_KEY: sandbox.apiKey, BIZKITHUB_BASE_URL: sandbox.url, BIZKITHUB_OTLP_ENDPOINT: endpoint };
    assert.deepEqual(await runScript(source, { env }), { code: 0, signal: null, stdout: 'telemetry.lost warning', stderr: '' });
    assert.ok(arrived['/v1/traces'].includes('GET /ping/v1'));
  });

  test('must have an address', () => {
    assert.throws(() => new Client({ ...options(), otlpEndpoint: 'localhost:4318' }), { code: 'otlp_endpoint_invalid' });
  });
});
