import { onAbort } from './abort.js';
import { errorOf, type ErrorShape } from './errors.js';
import { load } from './load.js';
import type * as native from './native.js';


interface Pending {
  readonly resolve: (answer: native.Answer | native.Failure) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: ((progress: string) => unknown) | undefined;
  /** What `onProgress` threw, or rejected with. */
  thrown?: { readonly reason: unknown };
  /** Settles when all promises of `onProgress` have; it never rejects. */
  listening?: Promise<unknown>;
}

/** Options that a call may have while it is under way. */
interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether an abort only asks the call to come to its end, instead of ending it. */
  readonly isCancellable?: boolean;
  /** Takes progress as JSON. When it throws or rejects, the call is stopped and rejects with the same. */
  readonly onProgress?: ((progress: string) => unknown) | undefined;
}

/** The calls under way of this JavaScript environment, each with a number by which the addon speaks of it. */
class Calls {
  readonly native = new (load().Calls)((call, value, failure, progress) => {
    this.#receive(call, value, failure, progress);
  });
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  /**
   * Starts a call and waits for its value. An abort closes its requests and rejects with the signal's reason.
   *
   * @param begin - Hands the call's number to the addon, which may refuse the call at once.
   */
  async start<T extends native.Answer>(
    begin: (call: number) => native.Failure | null,
    { signal, isCancellable = false, onProgress }: StartOptions = {},
  ): Promise<T> {
    if (!isCancellable) signal?.throwIfAborted();
    this.#last = (this.#last + 1) >>> 0;
    const call = this.#last;
    const refusal = begin(call);
    if (refusal !== null) throw errorOf(JSON.parse(refusal.failure) as ErrorShape);
    let forget: (() => void) | undefined;
    try {
      const answer = await new Promise<native.Answer | native.Failure>((resolve, reject) => {
        this.#add(call, { resolve, reject, onProgress });
        if (signal === undefined) return;
        forget = onAbort(signal, () => {
          this.native.abort(call);
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

  #receive(call: number, value: native.Answer | null, failure: string | null, progress: string | null): void {
    const pending = this.#pending.get(call);
    // An aborted call may have been answered at the same moment.
    if (pending === undefined) return;
    if (progress !== null) {
      this.#tell(call, pending, progress);
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

  #tell(call: number, pending: Pending, progress: string): void {
    if (pending.thrown !== undefined) return;
    const stop = (reason: unknown): void => {
      pending.thrown ??= { reason };
      this.native.abort(call);
    };
    try {
      const result = pending.onProgress?.(progress);
      if (typeof result !== 'object' || result === null) return;
      pending.listening = Promise.all([pending.listening, Promise.resolve(result).catch(stop)]);
    } catch (reason) {
      stop(reason);
    }
  }

  #add(call: number, pending: Pending): void {
    if (this.#pending.size === 0) this.native.hold();
    this.#pending.set(call, pending);
  }

  #remove(call: number): void {
    if (this.#pending.delete(call) && this.#pending.size === 0) this.native.release();
  }
}

let all: Calls | undefined;

/** The calls of this JavaScript environment. */
export function calls(): Calls {
  return (all ??= new Calls());
}

/** The value of an answer of the addon; a failure is thrown as an error of its class. */
export function valueOf<T>(answer: T | native.Failure): T {
  if (isFailure(answer)) throw errorOf(JSON.parse(answer.failure) as ErrorShape);
  return answer;
}

function isFailure(answer: unknown): answer is native.Failure {
  return typeof answer === 'object' && answer !== null && 'failure' in answer;
}
