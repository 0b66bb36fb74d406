import { findAddon } from './addon.js';
import type { Engine } from './engine.js';
import { InternalError } from './errors.js';

/** The addon; where it does not load, WebAssembly. */
export function availableEngine(): Engine {
  const addon = findAddon();
  return addon instanceof InternalError ? wasmFallback() : addon;
}

/** The WebAssembly engine, loaded only where it is needed: most machines never pay for it. */
export function wasmFallback(): Engine {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would be neither lazy nor synchronous
  const { wasmEngine } = require('./wasm-engine.js') as typeof import('./wasm-engine.js');
  return wasmEngine();
}
