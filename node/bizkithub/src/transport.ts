import type { Engine, EngineTransport, ExchangeRequest } from './engine.js';

/**
 * One HTTP request that a {@link Transport} sends. It has the form of `fetch`'s options.
 *
 * **It contains the API key**, in the URL, a header or the body: never log it.
 */
export interface TransportRequest {
  /** `POST` for a call, `GET` for a ping. */
  readonly method: 'GET' | 'POST';
  /** The whole address. */
  readonly url: string;
  /** The headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; absent for a ping. */
  readonly body?: string;
  /** Redirects must not be followed: they would carry the key elsewhere. */
  readonly redirect: 'manual';
  /** Aborted when nobody waits for the answer any more: after a timeout or an abort. */
  readonly signal: AbortSignal;
}

/** The answer to a {@link TransportRequest}, whatever its status. */
export interface TransportResponse {
  /** The HTTP status, 100 to 999. */
  readonly status: number;
  /** The headers: an object, or anything that yields pairs, such as `Headers` or a `Map`. Those about the quota are looked at. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | Iterable<readonly [string, string]>;
  /** The body. More than 1 MiB is refused. */
  readonly body?: string | Uint8Array | ArrayBuffer | null;
}

/**
 * Performs one HTTP exchange for the client, in place of the built-in HTTP.
 *
 * It sends the request once and resolves with whatever answer arrives. It does not follow redirects, retry or limit the time: the
 * client does. When it rejects with an error whose `code`, or that of a cause, is one of Node's for networks, such as `ECONNREFUSED`, the
 * client tries again as it would with the built-in HTTP; with any other, the call fails with a `NetworkError` `transport_failed`.
 *
 * ```ts
 * const transport: Transport = async (request) => {
 *   const response = await fetch(request.url, request);
 *   return { status: response.status, headers: response.headers, body: await response.text() };
 * };
 * ```
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

class Malformed extends Error {}

/**
 * Gives a host's transport to an engine.
 *
 * @internal
 */
export function carrierOf({ Transport: Carrier, answerExchange, failExchange }: Engine, transport: Transport): EngineTransport {
  const underWay = new Map<number, AbortController>();
  // The function must not reach the carrier, which holds it in a way that no garbage collector can see.
  return new Carrier((exchange, request) => {
    if (request === null) {
      const controller = underWay.get(exchange);
      underWay.delete(exchange);
      controller?.abort();
      return;
    }
    const controller = new AbortController();
    underWay.set(exchange, controller);
    perform(transport, request, controller.signal)
      .then(
        ({ status, headers, body }) => {
          if (underWay.delete(exchange)) answerExchange(exchange, status, headers, body);
        },
        (error: unknown) => {
          if (underWay.delete(exchange)) failExchange(exchange, reason(error), kindOf(error));
        },
      )
      // What a host's function answers or rejects with may throw when it is looked at.
      .catch(() => {
        failExchange(exchange, 'the transport failed');
      });
  });
}

interface Answer {
  readonly status: number;
  /** Names and values, in turn. */
  readonly headers: string[];
  readonly body: string | Uint8Array;
}

async function perform(transport: Transport, request: ExchangeRequest, signal: AbortSignal): Promise<Answer> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < request.headers.length; index += 2) {
    headers[request.headers[index] ?? ''] = request.headers[index + 1] ?? '';
  }
  const { method, url, body } = request;
  // What a host's function returns is not what its type says.
  const response: unknown = await transport({
    method: method as TransportRequest['method'],
    url,
    headers,
    ...(body === undefined ? {} : { body }),
    redirect: 'manual',
    signal,
  });
  if (typeof response !== 'object' || response === null) throw new Malformed('its answer is not an object');
  return {
    status: statusOf((response as TransportResponse).status),
    headers: headersOf((response as TransportResponse).headers),
    body: bodyOf((response as TransportResponse).body),
  };
}

function statusOf(status: unknown): number {
  if (Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 999) return status as number;
  throw new Malformed('the status of its answer is not a whole number from 100 to 999');
}

function headersOf(headers: unknown): string[] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object') throw new Malformed('the headers of its answer are neither an object nor pairs');
  const pairs: Iterable<unknown> = Symbol.iterator in headers ? (headers as Iterable<unknown>) : Object.entries(headers);
  const texts: string[] = [];
  for (const pair of pairs) {
    if (!Array.isArray(pair)) throw new Malformed('the headers of its answer are neither an object nor pairs');
    const [name, value] = pair as readonly unknown[];
    if (value === undefined || value === null) continue;
    texts.push(String(name), Array.isArray(value) ? value.join(', ') : String(value));
  }
  return texts;
}

function bodyOf(body: unknown): string | Uint8Array {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string') return body;
  // By its form, because a host's objects may be of another realm.
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (isTagged(body, 'ArrayBuffer') || isTagged(body, 'SharedArrayBuffer')) return new Uint8Array(body as ArrayBuffer);
  throw new Malformed('the body of its answer is neither text nor bytes');
}

/** Says why a transport failed. The core takes the key out of it, which HTTP libraries repeat with the URL. */
function reason(error: unknown): string {
  if (error instanceof Malformed) return `the transport failed: ${error.message}`;
  if (!isError(error)) return 'the transport failed: it rejected with something that is no Error';
  const text = [error.name, (error as { code?: unknown }).code, error.message].filter((part) => typeof part === 'string' && part !== '');
  return `the transport failed: ${text.join(': ')}`;
}

/** What Node's codes, and those of its `fetch`, say of an exchange: how far it came, and so whether to try again. */
const KINDS: Readonly<Record<string, 'connect' | 'tls' | 'interrupted' | 'timeout'>> = {
  EAI_AGAIN: 'connect',
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  ENOTFOUND: 'connect',
  ENETDOWN: 'connect',
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  CERT_HAS_EXPIRED: 'tls',
  CERT_NOT_YET_VALID: 'tls',
  CERT_REVOKED: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  EPROTO: 'tls',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  ECONNRESET: 'interrupted',
  EPIPE: 'interrupted',
  ERR_STREAM_PREMATURE_CLOSE: 'interrupted',
  UND_ERR_CLOSED: 'interrupted',
  UND_ERR_SOCKET: 'interrupted',
  ECONNABORTED: 'timeout',
  ESOCKETTIMEDOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
};

/** How deep the causes of an error are looked at. */
const DEPTH = 4;

function kindOf(error: unknown): string | undefined {
  let cause = error;
  for (let depth = 0; depth < DEPTH && typeof cause === 'object' && cause !== null; depth += 1) {
    const { code, name } = cause as { readonly code?: unknown; readonly name?: unknown };
    if (typeof code === 'string' && Object.hasOwn(KINDS, code)) return KINDS[code];
    if (typeof code === 'string' && code.startsWith('ERR_SSL_')) return 'tls';
    // What `AbortSignal.timeout` aborts with.
    if (name === 'TimeoutError') return 'timeout';
    ({ cause } = cause as { readonly cause?: unknown });
  }
  return undefined;
}

function isError(error: unknown): error is Error {
  return error instanceof Error || isTagged(error, 'Error');
}

function isTagged(value: unknown, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}
