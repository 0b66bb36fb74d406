import { BizKitHubError } from 'bizkithub/wasm';
import type { Bundle, ZObject } from 'zapier-platform-core';

/** How long to wait for a quota of which the server does not say when it comes back, in seconds. */
const UNKNOWN_WAIT = 600;

type Perform<T> = (z: ZObject, bundle: Bundle) => Promise<T>;

/** Tells a function's errors as Zapier shows them best: without a URL, and never with the key. */
export function telling<T>(perform: Perform<T>): Perform<T> {
  return async (z, bundle) => {
    try {
      return await perform(z, bundle);
    } catch (error) {
      throw errorFor(z, error);
    }
  };
}

function errorFor(z: ZObject, error: unknown): Error {
  const { errors } = z;
  if (!(error instanceof BizKitHubError)) {
    return sealed(new errors.Error('The BizKitHub integration has failed in a way that it does not know', 'internal'));
  }
  const text = textOf(error);
  switch (error.kind) {
    case 'quota':
      return sealed(new errors.ThrottledError(text, secondsUntil(error)));
    case 'rejected':
    case 'invalid_input':
      return sealed(new errors.HaltedError(text));
    case 'api_key':
      return sealed(new errors.ExpiredAuthError(text));
    default:
      return sealed(new errors.Error(text, error.code, error.status));
  }
}

/** What happened, and what to do now. */
function textOf({ message, advice, code, docUrl, requestId }: BizKitHubError): string {
  const told = docUrl === undefined ? message : `${String(code)}: ${message}`;
  const what = requestId === undefined ? told : `${told} (request ${requestId})`;
  const text = advice === undefined ? what : `${what}; ${advice}`;
  return text.replaceAll(/\bhttps?:\/\/\S+/g, '[address]');
}

function secondsUntil({ retryAfter, retryAt }: BizKitHubError): number {
  const seconds = retryAfter ?? (retryAt === undefined ? UNKNOWN_WAIT : (retryAt.getTime() - Date.now()) / 1000);
  return Math.max(1, Math.ceil(seconds));
}

/** Zapier adds what it knows of the last request to every other error, its URL with the key included. */
function sealed(error: Error): Error {
  return Object.assign(error, { doNotContextify: true });
}
