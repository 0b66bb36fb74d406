// The engine under test: the addon, or with BIZKITHUB_ENGINE=wasm the WebAssembly module, for which fetch performs the exchanges.
import * as addon from '../../dist/index.mjs';
import * as wasm from '../../dist/wasm.mjs';

export const isWasm = process.env.BIZKITHUB_ENGINE === 'wasm';

/** For tests of what only the addon has. */
export const addonOnly = isWasm ? { skip: 'the WebAssembly engine has no files, no environment and no HTTP of its own' } : {};

export async function transportOverFetch(request) {
  const response = await fetch(request.url, request);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

class WasmClient extends wasm.Client {
  constructor(options) {
    // What is no object is refused as it is.
    super(typeof options === 'object' ? { transport: transportOverFetch, ...options } : options);
  }
}

export const Client = isWasm ? WasmClient : addon.Client;
export const { slug } = isWasm ? wasm : addon;

/** A client of a sandbox, as `sandbox.client` makes one. */
export function clientOf(sandbox, options = {}) {
  return new Client({ baseUrl: sandbox.url, apiKey: sandbox.apiKey, ...options });
}
