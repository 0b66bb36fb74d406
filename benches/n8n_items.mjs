// Measures 1,000 items of 300 customers in the real n8n: the node on both engines, beside n8n's own HTTP Request node, which sends a request
// for each item. Needs what `make n8n-test` installs; `make n8n-bench` runs it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { Sandbox } from '../node/bizkithub/dist/index.mjs';
import { install, N8n } from '../tests/platforms/n8n/support/n8n.mjs';
import { workflow } from '../tests/platforms/n8n/support/workflow.mjs';

const packages = resolve(import.meta.dirname, '..', 'node');
const rows = Array.from({ length: 1_000 }, (_, index) => ({ mail: `customer-${index % 300}@example.com`, segment: `group-${index % 7}` }));
const ROUNDS = 5;

const home = mkdtempSync(join(tmpdir(), 'bizkithub-n8n-'));
for (const name of ['n8n-nodes-bizkithub', 'bizkithub']) install(home, join(packages, name));
const sandbox = await Sandbox.start();
const n8n = await N8n.start(home);
try {
  const key = { apiKey: sandbox.apiKey, baseUrl: sandbox.url };
  const httpRequest = {
    type: 'n8n-nodes-base.httpRequest',
    typeVersion: 4.4,
    credentialType: 'httpQueryAuth',
    parameters: {
      method: 'POST',
      url: `${sandbox.url}/api/v1/customer/add-groups`,
      authentication: 'genericCredentialType',
      genericAuthType: 'httpQueryAuth',
      sendBody: true,
      specifyBody: 'json',
      jsonBody: '={{ JSON.stringify({ email: $json.mail, groups: [$json.segment] }) }}',
      options: {},
    },
  };
  // The native client is one for all rounds, and would obey the quota that is assumed for a key like this.
  const node = { parameters: { options: { quota: '1000000/min' } } };
  for (const [name, credential, options] of [
    ['BizKitHub, built in', await n8n.credential(key), node],
    ['BizKitHub, native', await n8n.credential({ ...key, engine: 'native' }), node],
    ['HTTP Request', await n8n.credential({ name: 'apiKey', value: sandbox.apiKey }, 'httpQueryAuth'), httpRequest],
  ]) {
    const seconds = [];
    let requests = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      sandbox.reset();
      const { status, runData } = await n8n.run(workflow(credential, options), rows);
      if (status !== 'success') throw new Error(`${name} ended with ${status}`);
      seconds.push(runData.BizKitHub[0].executionTime / 1_000);
      requests = sandbox.requests().length;
    }
    seconds.sort((a, b) => a - b);
    console.log(`${name}: ${seconds[ROUNDS >> 1].toFixed(2)} s (${seconds[0].toFixed(2)} to ${seconds.at(-1).toFixed(2)}), ${requests} requests`);
  }
} finally {
  await n8n.stop();
  await sandbox.stop();
  rmSync(home, { recursive: true, force: true });
}
