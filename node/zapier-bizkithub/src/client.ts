import { Client } from 'bizkithub/wasm';
import type { Bundle, ZObject } from 'zapier-platform-core';

import { transportOf } from './transport';

export const DEFAULT_BASE_URL = 'https://api.bizkithub.com';

/** What a step may take: Zapier ends it after 30 seconds, and tells nobody how many are left. */
export const TIME_LIMIT = 25_000;

/** A client with the connection's key, whose requests Zapier carries. */
export function clientOf(z: ZObject, bundle: Bundle): Client {
  const { apiKey, baseUrl } = bundle.authData as Readonly<Record<string, string | undefined>>;
  return new Client({
    apiKey: apiKey ?? '',
    baseUrl: baseUrl || DEFAULT_BASE_URL,
    keyPlacement: 'host',
    transport: transportOf(z),
    timeout: 20_000,
    deadline: TIME_LIMIT,
  });
}
