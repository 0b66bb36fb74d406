/**
 * The client of `bizkithub` on the WebAssembly engine, for hosts where no addon may be: automation platforms, bundles.
 * The host performs the HTTP exchanges; everything else is as in `bizkithub`, but for files, Arrow data and the sandbox.
 *
 * @module bizkithub/wasm
 */
import { BaseClient, COMMON_CLIENT_OPTIONS, type CommonClientOptions } from './base-client.js';
import { beLedger, ledgerOf, type HostLedger } from './host-ledger.js';
import { checkSettings, must } from './settings.js';
import { slugBy } from './slug-by.js';
import type { Transport } from './transport.js';
import { wasmEngine } from './wasm-engine.js';

/** The settings of a {@link Client}. Times are in milliseconds. */
export interface ClientOptions extends CommonClientOptions {
  /** The API key, also with `keyPlacement: 'host'`: the ledger's keys are made with it, and errors are searched for it. */
  readonly apiKey: string;
  /** Performs the HTTP exchanges. */
  readonly transport: Transport;
  /** Where plans remember what the server acknowledged. Default: a plan remembers its own runs only. */
  readonly ledger?: HostLedger | undefined;
}

const CLIENT_OPTIONS = { apiKey: must.beText, ...COMMON_CLIENT_OPTIONS, transport: must.beFunction, ledger: beLedger };

/**
 * A client of one organisation whose HTTP exchanges the host performs.
 *
 * ```ts
 * const client = new Client({ apiKey, transport });
 * await client.addGroups({ email: 'jan@barasek.com', groups: ['personal-training'] });
 * ```
 */
export class Client extends BaseClient {
  /**
   * Begins a client. Nothing is sent.
   *
   * @param options - See {@link ClientOptions}.
   * @throws InvalidInputError for a key, an address or another setting that is not valid.
   */
  constructor(options: ClientOptions) {
    checkSettings(options, CLIENT_OPTIONS);
    const { transport, ledger, ...settings } = options;
    super(wasmEngine(), { settings, transport, ledger: ledger && ledgerOf(ledger) });
  }
}

/**
 * The predicted slug of a text: at most 64 of `a-z 0-9 -`. The server's own `toSlug` has the last word.
 *
 * @param text - A group's name.
 * @returns The slug; empty when nothing of the text survives, such as of emoji only.
 */
export function slug(text: string): string {
  return slugBy(wasmEngine(), text);
}

export type { AddGroupsInput, CallOptions, CommonClientOptions, CustomerColumns, CustomerName, PlanOptions, Quota, Receipt } from './base-client.js';
export {
  ApiKeyError,
  BizKitHubError,
  InternalError,
  InvalidInputError,
  LedgerError,
  NetworkError,
  PermissionDeniedError,
  QuotaError,
  RejectedError,
  ServerError,
} from './errors.js';
export type { ErrorField, ErrorKind, ErrorProperties } from './errors.js';
export type { ClientEvent, EventLevel, EventListener, EventName } from './event.js';
export { allowedGroupsOfField, groupsOfField } from './field.js';
export type { HostLedger, LedgerBatch, LedgerEntry, LedgerGroup } from './host-ledger.js';
export type { LazyList } from './lazy-list.js';
export type { Bill, BillGroup, BillTime, Plan, Progress, RunOptions } from './plan.js';
export type { Outcome, OutcomeCounts, QuotaPoint, Reason, Report, RowOutcome } from './report.js';
export type { RowColumns, Rows } from './rows.js';
export type { Transport, TransportRequest, TransportResponse } from './transport.js';
