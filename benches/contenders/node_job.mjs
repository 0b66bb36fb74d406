// The job with bizkithub: `node_job.mjs FILE URL KEY FOLDER`, with its ledger in the folder.
import { Client } from '../../node/bizkithub/dist/index.mjs';

const [path, baseUrl, apiKey, folder] = process.argv.slice(2);
const client = new Client({ apiKey, baseUrl, ledger: `${folder}/node.ledger`, quota: '1000000000/h' });
const plan = await client.plan(path, { email: 'email', groups: 'segment' });
const { rejected } = await plan.run({ concurrency: 32, pace: 'fast' });
console.log(JSON.stringify({ refused: rejected }));
