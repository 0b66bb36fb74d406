import { callsOf } from './calls.js';
import type { Engine, Perform } from './engine.js';
import * as wasm from './wasm-module.js';

let engine: Engine | undefined;

/** The core as WebAssembly, compiled at its first use. */
export function wasmEngine(): Engine {
  return (engine ??= begin());
}

function begin(): Engine {
  wasm.start();
  let timer: ReturnType<typeof setTimeout> | undefined;
  wasm.useTimer((milliseconds: number | undefined) => {
    clearTimeout(timer);
    timer = milliseconds === undefined ? undefined : setTimeout(() => { enter(wasm.timeIsUp); }, milliseconds);
  });
  return {
    Calls: wasm.Calls,
    Client: wasm.Client as Engine['Client'],
    PlanBuilder: wasm.PlanBuilder as Engine['PlanBuilder'],
    Transport,
    answerExchange: (exchange, status, headers, body) => {
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
      enter(() => { wasm.answerExchange(exchange, status, headers, bytes); });
    },
    failExchange: (exchange, reason, kind) => {
      enter(() => { wasm.failExchange(exchange, reason, kind); });
    },
    slug: wasm.slug,
    failureOf: (exception) => {
      // A stack that overflows ends the module as a panic does.
      const isEnd = exception instanceof Error && ['RuntimeError', 'RangeError'].includes(exception.name);
      return isEnd ? { failure: wasm.panicFailure() } : undefined;
    },
    end: () => {
      clearTimeout(timer);
    },
  };
}

/** Lets the engine go on, from outside of a call. */
export function enter(go: () => void): void {
  callsOf(wasmEngine()).enter(go);
}

class Transport extends wasm.Transport {
  constructor(perform: Perform) {
    super((exchange: number, method?: string, url?: string, headers?: string[], body?: string) => {
      const isOpen = method !== undefined && url !== undefined && headers !== undefined;
      perform(exchange, isOpen ? { method, url, headers, body } : null);
    });
  }
}
