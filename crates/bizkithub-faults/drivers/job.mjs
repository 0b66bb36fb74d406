// Runs one job with the Node client, as the fault campaign's settings say, and prints the report's counts as JSON. Everything that the client
// tells goes to standard error, and every file that a report can write is written.
import { Client } from '../../../node/bizkithub/dist/index.mjs';

const { ledger, client: options, run, file } = JSON.parse(process.argv[2]);
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => abort.abort());
const client = new Client({ ...options, eventLevel: 'debug', onEvent: (event) => console.error(event), ...(ledger === null ? {} : { ledger }) });
const plan = await client.plan(file, { email: 'email', groups: 'groups' });
for (const refusal of plan.refusals) console.error(String(refusal), refusal);
const report = await plan.run({ ...run, signal: abort.signal });
await report.writeOutcomes('outcomes.csv');
await report.writeRejects('rejects.csv');
const { rows, applied, skipped, rejected, pending, unknown, requestsSent, retries, seconds, resumeAt, stoppedBy, isComplete } = report;
const counts = { rows, applied, skipped, rejected, pending, unknown, requestsSent, retries, seconds, resumeAt, isComplete };
const codes = report.reasons.map((reason) => reason.code);
console.log(JSON.stringify({ ...counts, codes, stoppedBy: stoppedBy && { code: stoppedBy.code, kind: stoppedBy.kind } }));
if (stoppedBy) console.error(stoppedBy, String(stoppedBy), stoppedBy.stack, report);
