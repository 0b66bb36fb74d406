// Compiled, never run: what users write must have types, for `import` as for `require`, and what makes no sense must be refused.
import { BizKitHubError, Client, QuotaError, Sandbox, type Outcome, type Report, type Transport } from 'bizkithub';
import { Client as WasmClient } from 'bizkithub/wasm';

export async function usage(signal: AbortSignal): Promise<Report> {
  const transport: Transport = async (request) => {
    const response = await fetch(request.url, request);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const client = new Client({ transport, deadline: null });
  // @ts-expect-error -- groups are required
  await client.addGroups({ email: 'jan@barasek.com' });
  // @ts-expect-error -- somebody must be named
  await client.addGroups({ groups: ['vip'] });
  // @ts-expect-error -- null names nobody
  await client.addGroups({ email: null, groups: ['vip'] });
  await client.addGroups({ email: null, cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['vip'] });
  // @ts-expect-error -- one text is no list
  await client.addGroups({ email: 'jan@barasek.com', groups: 'vip' });
  // @ts-expect-error -- there is no such placement
  new Client({ keyPlacement: 'header' });

  const plan = await client.plan([{ mail: 'jan@barasek.com' }], { email: 'mail', constantGroups: ['vip'] });
  // @ts-expect-error -- a column names the customers
  await client.plan([{ segment: 'vip' }], { groups: 'segment' });
  await client.plan(ReadableStream.from([{ id: '1cGIHvFoQDGLAbcA' }]), { cuRefNo: 'id', constantGroups: ['vip'] }, { signal });
  const report = await plan.run({ signal, onQuota: 'stop', onProgress: ({ requestsDone }) => requestsDone.toFixed() });
  for (const { outcome, error } of report.outcomes()) {
    const known: Outcome = outcome;
    if (error instanceof QuotaError) error.kind satisfies 'quota';
    switch (known) {
      case 'applied':
      case 'skipped':
      case 'rejected':
      case 'pending':
      case 'unknown':
        break;
      default:
        known satisfies never;
    }
  }
  for await (const { row, outcome } of report.outcomes()) outcome satisfies Outcome satisfies string, row.toFixed();
  for (const { error } of report.rejects) error?.message.trim();
  // @ts-expect-error -- the WebAssembly engine has no HTTP of its own
  new WasmClient({ apiKey: 'key' });
  const hosted = new WasmClient({ apiKey: 'key', transport, keyPlacement: 'host' });
  (await (await hosted.plan([], { email: 'mail' })).run()) satisfies Report;
  await using closing = client;
  const seconds: number | undefined = report.stoppedBy?.retryAfter;
  const moment: Date | undefined = report.resumeAt;
  try {
    await client.ping({ signal });
  } catch (error) {
    if (error instanceof BizKitHubError && error.kind === 'api_key') throw new Error(`${seconds} ${moment?.toISOString()}`);
  }
  await using sandbox = await Sandbox.start({ quota: { model: 'fixedBlock', limit: 10 }, faults: [{ effect: 'htmlBody' }] });
  // @ts-expect-error -- there is no such effect
  sandbox.addFault({ effect: 'explode' });
  // @ts-expect-error -- only a client makes plans
  new (plan.constructor as typeof import('bizkithub').Plan)();
  return report;
}
