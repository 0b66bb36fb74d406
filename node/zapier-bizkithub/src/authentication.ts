import type { Authentication, BeforeRequestMiddleware, Bundle, ZObject } from 'zapier-platform-core';

import { clientOf, DEFAULT_BASE_URL } from './client';
import { telling } from './errors';

/** Puts the key into the requests. The engine never does: what it hands over may be logged. */
export const withApiKey: BeforeRequestMiddleware = (request, _z, bundle) => ({
  ...request,
  params: { ...request.params, apiKey: String(bundle.authData['apiKey']).trim() },
});

const test = telling(async (z: ZObject, bundle: Bundle) => {
  await clientOf(z, bundle).ping();
  const { apiKey, baseUrl } = bundle.authData;
  // The first four characters tell production from development; all keys of a kind share them.
  return { kind: String(apiKey).trim().slice(0, 4), host: new URL(baseUrl || DEFAULT_BASE_URL).host };
});

/** What a user sees in the list of connections. */
// eslint-disable-next-line @typescript-eslint/require-await -- the form that Zapier asks for
async function connectionLabel(_z: ZObject, bundle: Bundle): Promise<string> {
  return `${String(bundle.inputData['kind'])} key at ${String(bundle.inputData['host'])}`;
}

export const authentication: Authentication = {
  type: 'custom',
  test,
  connectionLabel,
  fields: [
    {
      key: 'apiKey',
      label: 'API Key',
      type: 'password',
      required: true,
      helpText: 'The key of your organisation, 32 characters that begin with `PROD` or `DEV_`. See [the documentation](https://docs.bizkithub.com).',
    },
    {
      key: 'baseUrl',
      label: 'Base URL',
      type: 'string',
      required: false,
      default: DEFAULT_BASE_URL,
      isNoSecret: true,
      helpText: 'The address of the API. Leave it as it is.',
    },
  ],
};
