import type { Transport } from 'bizkithub/wasm';
import type { IExecuteFunctions, IN8nHttpFullResponse, JsonObject } from 'n8n-workflow';

/** The longest time of a request, in milliseconds. n8n ends it, and then the client waits for it no longer. */
export const TIMEOUT = 30_000;

/** HTTP by n8n, with its proxy, its certificates and its protection. It puts the key into the requests. */
export function transportOf(context: IExecuteFunctions): Transport {
	return async ({ method, url, headers, body }) => {
		const request = context.helpers.httpRequestWithAuthentication.call(context, 'bizKitHubApi', {
			method,
			url,
			headers,
			...(body === undefined ? {} : { body }),
			encoding: 'text',
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
			disableFollowRedirect: true,
			timeout: TIMEOUT,
		});
		const response = (await request.catch(rethrow)) as IN8nHttpFullResponse;
		return {
			status: response.statusCode,
			headers: { ...response.headers } as Readonly<Record<string, string>>,
			body: response.body as string,
		};
	};
}

/** Names what happened by its code; whatever else n8n's error holds stays here, the request with the key among it. */
function rethrow(error: Error & { httpCode?: string | null; cause?: JsonObject }): never {
	throw Object.assign(new Error(error.message), { code: error.cause?.code ?? error.httpCode });
}
