import type { Calls } from './calls.js';
import type { EnginePlan, EngineReport } from './engine.js';
import type { EventListener } from './event.js';
import { errorOf, type BizKitHubError, type ErrorShape } from './errors.js';
import { LazyList } from './lazy-list.js';
import { Report, type OutcomeCounts } from './report.js';
import { checkSettings, must } from './settings.js';

/** What a plan will cost and do, before anything is sent. */
export interface Bill {
  /** Rows of the input. */
  readonly rows: number;
  /** Different customers among the accepted rows. */
  readonly customers: number;
  /** Requests to send: one for each customer with an assignment that is neither acknowledged nor refused. */
  readonly requests: number;
  /** Assignments to send. */
  readonly assignments: number;
  /** Rows of which the ledger knows everything. */
  readonly skipped: number;
  /** Assignments that the ledger knows, and that are left out. */
  readonly skippedAssignments: number;
  /** Rows refused before anything is sent, by this client now or by the server earlier. */
  readonly rejected: number;
  /** How many rows were refused, by code. */
  readonly rejectedByCode: Readonly<Record<string, number>>;
  /** The groups to put, in the order of their first appearance. */
  readonly groups: readonly BillGroup[];
  /** How long it takes, when the quota is known or assumed. */
  readonly time: BillTime | null;
}

/** How long a plan takes under a quota. */
export interface BillTime {
  /** Seconds, when the requests leave evenly. */
  readonly seconds: number;
  /** Requests that the quota allows in a window. */
  readonly limit: number;
  /** The length of a window, in seconds. */
  readonly windowSeconds: number;
}

/** One group of a {@link Bill}. */
export interface BillGroup {
  /** The first text with which the input writes it. */
  readonly text: string;
  /** The predicted slug. The server's own has the last word. */
  readonly slug: string;
  /** How many customers get it: those who are in the ledger too. */
  readonly customers: number;
  /** Whether the ledger has never seen it acknowledged, so that the server may create it. */
  readonly isNew: boolean;
  /** A known or more frequent group that it looks like a typo of. */
  readonly resembles: string | null;
}

/** How far a run is. Rows not yet decided count as pending. */
export interface Progress extends OutcomeCounts {
  /** Rows of the plan. */
  readonly rows: number;
  /** Requests of the plan. */
  readonly requests: number;
  /** Requests that are decided. */
  readonly requestsDone: number;
  /** Customers of the plan. */
  readonly customers: number;
  /** Requests that may leave until the quota is used up, as far as it is known. */
  readonly quotaLeft: number | null;
  /** When the run goes on, while it waits: for quota, or because the server asked for a pause. */
  readonly waitingUntil: Date | undefined;
  /** When the run will be done, if the quota alone decides and is known. */
  readonly finishesAt: Date | undefined;
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
  /**
   * What to do when the quota is used up, or the server asks for a long wait: wait, however long, or stop; the report's `resumeAt` says
   * when to go on. Default: `wait`.
   */
  readonly onQuota?: 'wait' | 'stop' | undefined;
  /**
   * `even` spreads the requests over the quota's window, so that others with the same key find room at any time; a run that needs at most
   * half of what is left goes at once. `fast` uses what is there, then waits. Default: `even`.
   */
  readonly pace?: 'even' | 'fast' | undefined;
  /** The share of the quota that is left to others, from 0 to below 1. Default: 0. */
  readonly reserve?: number | undefined;
  /**
   * The longest that the run may take, in milliseconds. A wait, for quota or for the server, that would end later ends the run at
   * once; the report's `resumeAt` says when to go on. Default: no limit.
   */
  readonly deadline?: number | undefined;
  /**
   * The longest wait at a time, for quota or because the server asks for it, in milliseconds. A longer one ends the run at once; the
   * report's `resumeAt` says when to go on. Default: no limit.
   */
  readonly longestWait?: number | undefined;
  /** For how long requests leave, in milliseconds; then the answers under way are waited for. Default: until the plan is done. */
  readonly burst?: number | undefined;
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
  pace: must.beOneOf('even', 'fast'),
  reserve: must.beNumber,
  deadline: must.beMilliseconds,
  longestWait: must.beMilliseconds,
  burst: must.beMilliseconds,
  breaker: must.bePositiveIntegerOrNull,
};

type ProgressShape = Omit<Progress, 'waitingUntil' | 'finishesAt'> & {
  readonly waitingUntil: string | null;
  readonly finishesAt: string | null;
};

/** The fewest requests that put the groups of all rows. Making it sends nothing. */
export class Plan {
  readonly #calls: Calls;
  readonly #native: EnginePlan;
  readonly #onEvent: EventListener | undefined;
  #bill: Bill | undefined;

  private constructor(calls: Calls, plan: EnginePlan, onEvent: EventListener | undefined) {
    this.#calls = calls;
    this.#native = plan;
    this.#onEvent = onEvent;
  }

  /** @internal */
  static of(calls: Calls, plan: EnginePlan, onEvent: EventListener | undefined): Plan {
    return new Plan(calls, plan, onEvent);
  }

  /** What the plan will cost and do. */
  get bill(): Bill {
    return (this.#bill ??= JSON.parse(this.#calls.ask(() => this.#native.bill())) as Bill);
  }

  /** The refused rows, in their order: each error tells its row, field and reason. */
  get refusals(): LazyList<BizKitHubError> {
    return LazyList.of(this.#native.refusalCount, (begin, count) =>
      (JSON.parse(this.#calls.ask(() => this.#native.refusals(begin, count))) as ErrorShape[]).map(errorOf),
    );
  }

  /**
   * Sends the plan's requests and accounts for every row.
   *
   * What earlier runs of this plan got acknowledged is not sent: running a plan again goes on where the last run stopped. The run
   * stops by itself when no other request can succeed, when its first requests all fail alike, and when a server that worked has failed
   * for ten minutes; until then, one request a second asks whether it is back. The report's `stoppedBy` says why. A row that fails does
   * not reject the promise: its outcome tells.
   *
   * @param options - See {@link RunOptions}.
   * @throws InvalidInputError for an option that is not valid.
   */
  async run(options: RunOptions = {}): Promise<Report> {
    checkSettings(options, RUN_OPTIONS);
    const { signal, onProgress, ...settings } = options;
    const listen = (text: string): unknown => {
      const { waitingUntil, finishesAt, ...progress } = JSON.parse(text) as ProgressShape;
      return onProgress?.({ ...progress, waitingUntil: dateOf(waitingUntil), finishesAt: dateOf(finishesAt) });
    };
    const report = await this.#calls.start<EngineReport>(
      (call) => this.#native.run(call, JSON.stringify(settings), onProgress !== undefined, signal?.aborted ?? false),
      { signal, isCancellable: true, onProgress: listen, onEvent: this.#onEvent },
    );
    return Report.of(this.#calls, report);
  }
}

function dateOf(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text);
}
