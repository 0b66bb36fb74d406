import type { Transport } from 'bizkithub/wasm';
import type { HttpRequestOptions, ZObject } from 'zapier-platform-core';

/** HTTP by Zapier, so that its log shows the requests. */
export function transportOf(z: ZObject): Transport {
  return async ({ method, url, headers, body, signal }) => {
    // What the types of Zapier do not know of: without it, text in double braces would be replaced, and a 429 thrown.
    const unlisted = { merge: false, signal, throwForThrottlingEarly: false };
    const request: HttpRequestOptions = {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      skipThrowForStatus: true,
      ...unlisted,
    };
    try {
      const { status, headers: answered, content } = await z.request(url, request);
      return { status, headers: [...answered], body: content };
    } catch (error) {
      // Nothing else of the error: its text repeats the URL with the key.
      const { code, type } = error as { readonly code?: string; readonly type?: string };
      throw Object.assign(new Error('no answer'), { code: code ?? (type === 'request-timeout' ? 'ETIMEDOUT' : undefined) });
    }
  };
}
