/**
 * Puts groups on customers of the BizKitHub CRM: one customer, or a file of ten million, planned, minimal and accounted for.
 *
 * @module bizkithub
 */
export type { AddGroupsInput, CallOptions, CommonClientOptions, CustomerColumns, CustomerName, PlanOptions, Quota, Receipt } from './base-client.js';
export { Client } from './client.js';
export type { ClientOptions } from './client.js';
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
export type { LazyList } from './lazy-list.js';
export type { Bill, BillGroup, BillTime, Plan, Progress, RunOptions } from './plan.js';
export type { Outcome, OutcomeCounts, QuotaPoint, Reason, Report, RowOutcome } from './report.js';
export type { RowColumns, Rows } from './rows.js';
export { Sandbox } from './sandbox.js';
export type { CustomerRecord, Fault, QuotaModel, RequestRecord, SandboxKey, SandboxOptions, SeededCustomer } from './sandbox.js';
export { slug } from './slug.js';
export type { Transport, TransportRequest, TransportResponse } from './transport.js';
