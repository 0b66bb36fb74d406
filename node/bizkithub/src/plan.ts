import { calls, valueOf } from './calls.js';
import { errorOf, type BizKitHubError, type ErrorShape } from './errors.js';
import { LazyList } from './lazy-list.js';
import type * as native from './native.js';
import { Report, type OutcomeCounts } from './report.js';
import { checkSettings, must } from './settings.js';

/** What a plan will cost and do, before anything is sent. */
export interface Bill {
  /** Rows of the input. */
  readonly rows: number;
  /** Different customers among the accepted rows. */
  readonly customers: number;
  /** Requests to send: one for each customer. */
  readonly requests: number;
  /** Rows refused before anything is sent. */
  readonly rejected: number;
  /** How many rows were refused, by code. */
  readonly rejectedByCode: Readonly<Record<string, number>>;
  /** The groups to put, in the order of their first appearance. */
  readonly groups: readonly BillGroup[];
}

/** One group of a {@link Bill}. */
export interface BillGroup {
  /** The first text with which the input writes it. */
  readonly text: string;
  /** The predicted slug. The server's own has the last word. */
  readonly slug: string;
  /** How many customers get it. */
  readonly customers: number;
}

/** How far a run is. Rows not yet decided count as pending. */
export interface Progress extends OutcomeCounts {
  /** Rows of the plan. */
  readonly rows: number;
  /** Requests of the plan. */
  readonly requests: number;
  /** Requests that are decided. */
  readonly requestsDone: number;
  /** When the run goes on, while it waits for quota. */
  readonly waitingUntil: Date | undefined;
  /** True once, in the last call. */
  readonly isDone: boolean;
}

/** How a plan is run. */
export interface RunOptions {
  /**
   * Stops the run. Requests under way get 75 milliseconds to be answered, then they are closed. The promise **resolves all
   * the same, with the report** of what was done: its `isCancelled` is true, and running the plan again goes on.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Is told about progress, at most ten times a second and once at the end. When it throws, or its promise
   * rejects, the run is stopped and rejects with the same. The end of the run waits for its promises.
   */
  readonly onProgress?: ((progress: Progress) => unknown) | undefined;
  /** The most requests under way at once, at most 256. Default: 16. */
  readonly concurrency?: number | undefined;
  /** What to do when the quota is used up: wait for it, however long, or stop; the report's `resumeAt` says when to go on. Default: `wait`. */
  readonly onQuota?: 'wait' | 'stop' | undefined;
  /**
   * Stops a run whose first so many requests all fail alike, because the cause is hardly in the customers; `null` for never.
   * Default: 50.
   */
  readonly breaker?: number | null | undefined;
}

const RUN_OPTIONS = {
  signal: must.beSignal,
  onProgress: must.beFunction,
  concurrency: must.bePositiveInteger,
  onQuota: must.beOneOf('wait', 'stop'),
  breaker: must.bePositiveIntegerOrNull,
};

type ProgressShape = Omit<Progress, 'waitingUntil'> & { readonly waitingUntil: string | null };

/** The fewest requests that put the groups of all rows. Making it sends nothing. */
export class Plan {
  readonly #native: native.Plan;
  #bill: Bill | undefined;

  private constructor(plan: native.Plan) {
    this.#native = plan;
  }

  /** @internal */
  static of(plan: native.Plan): Plan {
    return new Plan(plan);
  }

  /** What the plan will cost and do. */
  get bill(): Bill {
    return (this.#bill ??= JSON.parse(valueOf(this.#native.bill())) as Bill);
  }

  /** The refused rows, in their order: each error tells its row, field and reason. */
  get refusals(): LazyList<BizKitHubError> {
    return LazyList.of(this.bill.rejected, (begin, count) =>
      (JSON.parse(valueOf(this.#native.refusals(begin, count))) as ErrorShape[]).map(errorOf),
    );
  }

  /**
   * Sends the plan's requests and accounts for every row.
   *
   * What earlier runs of this plan got acknowledged is not sent: running a plan again goes on where the last run stopped. The run
   * stops by itself when no other request can succeed and when its first requests all fail alike: the report's `stoppedBy` says why. A row that fails does not reject the
   * promise: its outcome tells.
   *
   * @param options - See {@link RunOptions}.
   * @throws InvalidInputError for an option that is not valid.
   */
  async run(options: RunOptions = {}): Promise<Report> {
    checkSettings(options, RUN_OPTIONS);
    const { signal, onProgress, concurrency, onQuota, breaker } = options;
    const listen = (text: string): unknown => {
      const { waitingUntil, ...progress } = JSON.parse(text) as ProgressShape;
      return onProgress?.({ ...progress, waitingUntil: waitingUntil === null ? undefined : new Date(waitingUntil) });
    };
    const report = await calls().start<native.Report>(
      (call) =>
        this.#native.run(
          call,
          concurrency,
          onQuota,
          breaker === null ? 0 : breaker,
          onProgress !== undefined,
          signal?.aborted ?? false,
        ),
      { signal, isCancellable: true, onProgress: listen },
    );
    return Report.of(report);
  }
}
