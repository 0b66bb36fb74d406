/**
 * The families of errors. Stable: decide on them, or on `code`, never on the message.
 *
 * - `invalid_input`: refused by this client before anything was sent.
 * - `api_key`: the server does not accept the API key; no other request with it can succeed.
 * - `permission`: the key is known but may not do this; no other request with it can succeed.
 * - `rejected`: the server refused this customer or its groups; other customers are not concerned.
 * - `quota`: the quota is used up; `retryAt` says when it comes back, if the server told.
 * - `server`: the server failed, or what answered is not the API.
 * - `network`: no answer arrived.
 * - `ledger`: the ledger cannot be read or written.
 * - `internal`: a defect of this client.
 */
export type ErrorKind =
  'invalid_input' | 'api_key' | 'permission' | 'rejected' | 'quota' | 'server' | 'network' | 'ledger' | 'internal';

/** The input at fault, by its name on the wire or in the settings. */
export type ErrorField =
  'apiKey' | 'baseUrl' | 'caFile' | 'customer' | 'cuRefNo' | 'email' | 'groups' | 'proxy';

/** What an error knows. */
export interface ErrorProperties {
  /** The family of the error. */
  readonly kind: ErrorKind;
  /** What happened, in a sentence. The wording may change between versions. */
  readonly message: string;
  /** The stable code: the server's own in capitals, kept even when this client does not know it, or one of this client's in lower case. */
  readonly code?: string;
  /** The HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** The server's name for the request, if its answer gave one: quote it when you ask about the request. */
  readonly requestId?: string;
  /** The input at fault. */
  readonly field?: ErrorField;
  /** The row at fault; rows count from 1. */
  readonly row?: number;
  /** The line of the input file at fault; lines count from 1, the header included. */
  readonly line?: number;
  /** What to do now, if there is something to do. */
  readonly advice?: string;
  /** The vendor's page about the code, for codes of the server. */
  readonly docUrl?: string;
  /** How long to wait before the next try, in seconds, counted from the arrival of the answer. */
  readonly retryAfter?: number;
  /** The moment from which a next try makes sense. */
  readonly retryAt?: Date;
  /** Whether the same request may succeed later. Default: `false`. */
  readonly isRetryable?: boolean;
  /** How many requests were sent before this error: 0 when it was found before sending. Default: 0. */
  readonly attempts?: number;
}

/** The root of all errors of this package. None ever contains the API key, nor a URL with it. */
export class BizKitHubError extends Error implements ErrorProperties {
  /** The family of the error. */
  declare readonly kind: ErrorKind;
  /** The stable code: the server's own in capitals, or one of this client's in lower case. */
  declare readonly code?: string;
  /** The HTTP status of the answer, if there was one. */
  declare readonly status?: number;
  /** The server's name for the request, if its answer gave one. */
  declare readonly requestId?: string;
  /** The input at fault. */
  declare readonly field?: ErrorField;
  /** The row at fault; rows count from 1. */
  declare readonly row?: number;
  /** The line of the input file at fault; lines count from 1, the header included. */
  declare readonly line?: number;
  /** What to do now, if there is something to do. */
  declare readonly advice?: string;
  /** The vendor's page about the code, for codes of the server. */
  declare readonly docUrl?: string;
  /** How long to wait before the next try, in seconds, counted from the arrival of the answer. */
  declare readonly retryAfter?: number;
  /** The moment from which a next try makes sense. */
  declare readonly retryAt?: Date;
  /** Whether the same request may succeed later. */
  declare readonly isRetryable: boolean;
  /** How many requests were sent before this error: 0 when it was found before sending. */
  declare readonly attempts: number;

  /**
   * Makes an error of what is known about it.
   *
   * @param properties - What the error knows; whatever is absent stays absent.
   */
  constructor({ message, kind, isRetryable = false, attempts = 0, ...known }: ErrorProperties) {
    super(message);
    Object.assign(this, { kind, ...known, isRetryable, attempts });
  }

  /** What the error knows as plain data, for logs: without the stack. */
  toJSON(): ErrorProperties & { readonly name: string } {
    // Spreading takes what is known; name and message are no enumerable properties of an error.
    return { name: this.name, ...(this as ErrorProperties), message: this.message };
  }
}

/** Refused by this client before anything was sent. */
export class InvalidInputError extends BizKitHubError {
  declare readonly kind: 'invalid_input';
}

/** The server does not accept the API key. No other request with it can succeed. */
export class ApiKeyError extends BizKitHubError {
  declare readonly kind: 'api_key';
}

/** The key is known but may not do this. No other request with it can succeed. */
export class PermissionDeniedError extends BizKitHubError {
  declare readonly kind: 'permission';
}

/** The server refused this customer or its groups; other customers are not concerned. */
export class RejectedError extends BizKitHubError {
  declare readonly kind: 'rejected';
}

/** The quota is used up: `retryAt` says when it comes back, if the server told. */
export class QuotaError extends BizKitHubError {
  declare readonly kind: 'quota';
}

/** The server failed, or what answered is not the API. */
export class ServerError extends BizKitHubError {
  declare readonly kind: 'server';
}

/** No answer arrived: no connection, a reset, a timeout. */
export class NetworkError extends BizKitHubError {
  declare readonly kind: 'network';
}

/** The ledger cannot be read or written. What a report counts as applied is in it all the same. */
export class LedgerError extends BizKitHubError {
  declare readonly kind: 'ledger';
}

/** A defect of this client. */
export class InternalError extends BizKitHubError {
  declare readonly kind: 'internal';
}

const CLASSES: Readonly<Record<ErrorKind, typeof BizKitHubError>> = {
  invalid_input: InvalidInputError,
  api_key: ApiKeyError,
  permission: PermissionDeniedError,
  rejected: RejectedError,
  quota: QuotaError,
  server: ServerError,
  network: NetworkError,
  ledger: LedgerError,
  internal: InternalError,
};

for (const errorClass of [BizKitHubError, ...Object.values(CLASSES)]) {
  // On the prototype, so that it is not printed beside every error.
  Object.defineProperty(errorClass.prototype, 'name', { value: errorClass.name, configurable: true, writable: true });
}

/** The core's error as it crosses the border. */
export type ErrorShape = Omit<ErrorProperties, 'retryAt'> & { readonly retryAt?: string };

/** Makes an error of its class of the core's error. The one place where classes are chosen. */
export function errorOf({ retryAt, ...shape }: ErrorShape): BizKitHubError {
  const moment = retryAt === undefined ? {} : { retryAt: new Date(retryAt) };
  return new CLASSES[shape.kind]({ ...shape, ...moment });
}

/** Makes an error for an input that only JavaScript can hand over: a value of a wrong type, an option that does not exist. */
export function invalidInput(code: string, message: string, advice: string, field?: ErrorField): BizKitHubError {
  return errorOf({ kind: 'invalid_input', code, message, advice, ...(field === undefined ? {} : { field }) });
}

/** Makes an error for a file in an engine that knows none. */
export function filesUnsupported(advice: string): BizKitHubError {
  return invalidInput('files_unsupported', 'the WebAssembly engine reads and writes no files', advice);
}
