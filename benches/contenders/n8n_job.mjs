// The job in the real n8n, from its command: `n8n_job.mjs bizKitHub|httpRequest FILE URL KEY FOLDER`, with n8n's own folder in the folder.
//
// A workflow reads the file, takes the rows out of it, and gives them to the node: ours with all rows as one job, or n8n's own HTTP Request,
// which sends a request a row. Refused rows go on as items with an error, and are counted.
import { existsSync, mkdirSync, copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { command, install } from '../../tests/platforms/n8n/support/n8n.mjs';

const [kind, path, baseUrl, apiKey, folder] = process.argv.slice(2);
const home = join(folder, 'n8n');
// The folder of which n8n lets a workflow read.
const file = join(home, '.n8n-files', 'customers.csv');

const KINDS = {
  bizKitHub: {
    type: 'n8n-nodes-bizkithub.bizKitHub',
    typeVersion: 1,
    parameters: {
      resource: 'customer',
      operation: 'addGroups',
      email: '={{ $json.email }}',
      groups: ['={{ $json.segment }}'],
      options: { quota: '1000000/min' },
    },
    credential: ['bizKitHubApi', { apiKey, baseUrl }],
  },
  httpRequest: {
    type: 'n8n-nodes-base.httpRequest',
    typeVersion: 4.4,
    parameters: {
      method: 'POST',
      url: `${baseUrl}/api/v1/customer/add-groups`,
      authentication: 'genericCredentialType',
      genericAuthType: 'httpQueryAuth',
      sendBody: true,
      specifyBody: 'json',
      jsonBody: '={{ JSON.stringify({ email: $json.email, groups: [$json.segment] }) }}',
      options: {},
    },
    credential: ['httpQueryAuth', { name: 'apiKey', value: apiKey }],
  },
};

function workflow({ type, typeVersion, parameters, credential: [credentialType] }) {
  const node = (name, type, typeVersion, parameters, rest) => ({ id: name, name, type, typeVersion, position: [0, 0], parameters, ...rest });
  const to = (name) => ({ main: [[{ node: name, type: 'main', index: 0 }]] });
  return {
    id: 'job00000000000001',
    name: 'Job',
    settings: { executionOrder: 'v1' },
    active: false,
    nodes: [
      node('Start', 'n8n-nodes-base.manualTrigger', 1, {}),
      node('Read', 'n8n-nodes-base.readWriteFile', 1, { operation: 'read', fileSelector: file, options: {} }),
      node('Rows', 'n8n-nodes-base.extractFromFile', 1, { operation: 'csv', options: {} }),
      node('Send', type, typeVersion, parameters, {
        onError: 'continueRegularOutput',
        credentials: { [credentialType]: { id: 'key00000000000001', name: 'Key' } },
      }),
    ],
    connections: { Start: to('Read'), Read: to('Rows'), Rows: to('Send') },
  };
}

async function must(...args) {
  const { code, text, json } = await command(home, args, { timeout: 1_800_000 });
  if (code !== 0) throw new Error(`n8n ${args[0]} ended with ${code}: ${text.slice(-2_000)}`);
  return json;
}

const wanted = KINDS[kind];
if (!existsSync(home)) {
  mkdirSync(join(home, '.n8n-files'), { recursive: true });
  copyFileSync(path, file);
  install(home, resolve(import.meta.dirname, '../../node/n8n-nodes-bizkithub'));
  const [type, data] = wanted.credential;
  writeFileSync(join(home, 'credentials.json'), JSON.stringify([{ id: 'key00000000000001', name: 'Key', type, data }]));
  writeFileSync(join(home, 'workflow.json'), JSON.stringify([workflow(wanted)]));
  await must('import:credentials', `--input=${join(home, 'credentials.json')}`);
  await must('import:workflow', `--input=${join(home, 'workflow.json')}`);
}
if (process.env.BIZKITHUB_BENCH_STEP !== 'prepare') {
  const { data } = await must('execute', '--id=job00000000000001', '--rawOutput');
  const items = data.resultData.runData.Send[0].data.main[0];
  console.log(JSON.stringify({ refused: items.filter(({ json, error }) => error !== undefined || json.error !== undefined).length }));
}
