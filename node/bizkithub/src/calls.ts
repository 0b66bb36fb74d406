import { onAbort } from './abort.js';
import type { Engine, Failure, Refusal } from './engine.js';
import { eventOf, type EventListener } from './event.js';
import { errorOf, type BizKitHubError, type ErrorShape } from './errors.js';

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: ((progress: string) => unknown) | undefined;
  readonly onEvent: EventListener | undefined;
  readonly isCancellable: boolean;
  /** What a listener threw, or rejected with. */
  thrown?: { readonly reason: unknown };
  /** Settles when all promises of listeners have; it never rejects. */
  listening?: Promise<unknown>;
}

/** Options that a call may have while it is under way. */
interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether an abort only asks the call to come to its end, instead of ending it. */
  readonly isCancellable?: boolean;
  /** Takes progress as JSON. When it throws or rejects, the call is stopped and rejects with the same. */
  readonly onProgress?: ((progress: string) => unknown) | undefined;
  /** Takes events. When it throws or rejects, the call rejects with the same; one that can be cancelled is stopped. */
  readonly onEvent?: EventListener | undefined;
}

/** The calls under way in an engine, each with a number by which it speaks of it. */
export class Calls {
  /** The engine. */
  readonly engine: Engine;
  /** The engine's own view of the calls. */
  readonly native;
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #broken: BizKitHubError | undefined;

  constructor(engine: Engine) {
    this.engine = engine;
    this.native = new engine.Calls((call, value, failure, progress, event) => {
      this.#receive(call, value, failure ?? null, progress ?? null, event ?? null);
    });
  }

  /**
   * Starts a call and waits for its value. An abort closes its requests and rejects with the signal's reason.
   *
   * @param begin - Hands the call's number to the engine, which may refuse the call at once.
   */
  async start<T>(
    begin: (call: number) => Refusal,
    { signal, isCancellable = false, onProgress, onEvent }: StartOptions = {},
  ): Promise<T> {
    if (!isCancellable) signal?.throwIfAborted();
    this.#last = (this.#last + 1) >>> 0;
    const call = this.#last;
    let forget: (() => void) | undefined;
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        // Before it begins: an engine without threads may answer while it is still asked.
        this.#add(call, { resolve, reject, onProgress, onEvent, isCancellable });
        try {
          this.ask(() => begin(call) ?? undefined);
        } catch (error) {
          this.#remove(call);
          throw error;
        }
        if (signal === undefined) return;
        forget = onAbort(signal, () => {
          this.#abort(call);
          if (isCancellable) return;
          this.#remove(call);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is the caller's, as for fetch
          reject(signal.reason);
        });
      });
      return valueOf(answer) as T;
    } finally {
      forget?.();
    }
  }

  /**
   * Lets the engine go on, for answers and timers that come in from outside of a call. A broken engine fails all its calls, now and
   * later, and harms nobody else.
   */
  enter(go: () => void): void {
    try {
      if (this.#broken === undefined) go();
    } catch (exception) {
      const failure = this.engine.failureOf?.(exception);
      if (failure === undefined) throw exception;
      this.#break(errorOf(JSON.parse(failure.failure) as ErrorShape));
    }
  }

  /** The engine's answer to what takes no time; a failure, and the end of the engine, are thrown as errors of their classes. */
  ask<T>(question: () => T): Exclude<T, Failure> {
    let answer: T | undefined;
    this.enter(() => {
      answer = question();
    });
    if (this.#broken !== undefined) throw this.#broken;
    return valueOf(answer as T);
  }

  #break(error: BizKitHubError): void {
    this.#broken = error;
    this.engine.end?.();
    for (const [call, { reject }] of [...this.#pending]) {
      this.#remove(call);
      reject(error);
    }
  }

  #receive(call: number, value: unknown, failure: string | null, progress: string | null, event: string | null): void {
    const pending = this.#pending.get(call);
    // An aborted call may have been answered at the same moment.
    if (pending === undefined) return;
    if (progress !== null) {
      this.#tell(call, pending, () => pending.onProgress?.(progress));
      return;
    }
    if (event !== null) {
      this.#tell(call, pending, () => pending.onEvent?.(eventOf(event)));
      return;
    }
    this.#remove(call);
    const end = (): void => {
      if (pending.thrown === undefined) pending.resolve(failure === null ? (value ?? 0) : { failure });
      else pending.reject(pending.thrown.reason);
    };
    if (pending.listening === undefined) end();
    else void pending.listening.then(end);
  }

  #tell(call: number, pending: Pending, listen: () => unknown): void {
    if (pending.thrown !== undefined) return;
    const stop = (reason: unknown): void => {
      pending.thrown ??= { reason };
      if (pending.isCancellable) this.#abort(call);
    };
    try {
      const result = listen();
      if (typeof result !== 'object' || result === null) return;
      pending.listening = Promise.all([pending.listening, Promise.resolve(result).catch(stop)]);
    } catch (reason) {
      stop(reason);
    }
  }

  #abort(call: number): void {
    this.enter(() => {
      this.native.abort(call);
    });
  }

  #add(call: number, pending: Pending): void {
    if (this.#pending.size === 0) this.native.hold();
    this.#pending.set(call, pending);
  }

  #remove(call: number): void {
    if (this.#pending.delete(call) && this.#pending.size === 0) this.native.release();
  }
}

const all = new WeakMap<Engine, Calls>();

/** The calls of an engine in this JavaScript environment. */
export function callsOf(engine: Engine): Calls {
  let calls = all.get(engine);
  if (calls === undefined) all.set(engine, (calls = new Calls(engine)));
  return calls;
}

/** The value of an answer of an engine; a failure is thrown as an error of its class. */
export function valueOf<T>(answer: T): Exclude<T, Failure> {
  if (isFailure(answer)) throw errorOf(JSON.parse(answer.failure) as ErrorShape);
  return answer as Exclude<T, Failure>;
}

function isFailure(answer: unknown): answer is Failure {
  return typeof answer === 'object' && answer !== null && 'failure' in answer;
}
