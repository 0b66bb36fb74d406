import type { Calls } from './calls.js';
import type { EngineReport } from './engine.js';
import { errorOf, filesUnsupported, invalidInput, type BizKitHubError, type ErrorShape } from './errors.js';
import { LazyList } from './lazy-list.js';

/**
 * What became of a row. Rows in = applied + skipped + rejected + pending + unknown, always.
 *
 * - `applied`: the server said yes.
 * - `skipped`: known to be there already; nothing was sent.
 * - `rejected`: refused for good, by this client's validation or by the server.
 * - `pending`: not yet; the run stopped first, or its tries failed. Running again goes on.
 * - `unknown`: sent, but no answer came; running again settles it.
 */
export type Outcome = 'applied' | 'skipped' | 'rejected' | 'pending' | 'unknown';

/** The outcome of one row. */
export interface RowOutcome {
  /** The row's number; rows count from 1. */
  readonly row: number;
  /** What became of it. */
  readonly outcome: Outcome;
  /** Why it was rejected, or the last error of a pending or unknown one. */
  readonly error?: BizKitHubError;
}

/** How many rows have each outcome. */
export interface OutcomeCounts {
  /** Rows to which the server said yes. */
  readonly applied: number;
  /** Rows that were known already. */
  readonly skipped: number;
  /** Rows refused for good. */
  readonly rejected: number;
  /** Rows not yet sent, or whose tries failed. */
  readonly pending: number;
  /** Rows sent without an answer. */
  readonly unknown: number;
}

/** Why rows are not applied: one for each outcome and code. */
export interface Reason {
  /** What became of the rows. */
  readonly outcome: Outcome;
  /** The code of their errors, or the kind where there is no code; `undefined` where the run stopped first. */
  readonly code: string | undefined;
  /** How many they are. */
  readonly rows: number;
  /** The first three of them. */
  readonly examples: readonly RowOutcome[];
}

/** One point of a run's time. */
export interface QuotaPoint {
  /** Seconds since the run began. */
  readonly seconds: number;
  /** Requests sent until then. */
  readonly requestsSent: number;
  /** Requests that the quota had left, as far as it was known. */
  readonly quotaLeft: number | null;
  /** Whether the run waited: for quota, or because the server asked for a pause. */
  readonly isWaiting: boolean;
}

interface Summary extends OutcomeCounts {
  readonly rows: number;
  readonly rejectedByCode: Readonly<Record<string, number>>;
  readonly requestsSent: number;
  readonly retries: number;
  readonly throttled: number;
  readonly startedAt: string;
  readonly seconds: number;
  readonly resumeAt: string | null;
  readonly stoppedBy: ErrorShape | null;
  readonly isCancelled: boolean;
  readonly isComplete: boolean;
  readonly advice: string | null;
  readonly timeline: readonly QuotaPoint[];
}

interface OutcomeShape {
  readonly row: number;
  readonly outcome: Outcome;
  readonly error?: ErrorShape;
}

interface ReasonShape {
  readonly outcome: Outcome;
  readonly code: string | null;
  readonly rows: number;
  readonly examples: readonly OutcomeShape[];
}

function outcomeOf({ error, ...row }: OutcomeShape): RowOutcome {
  return error === undefined ? row : { ...row, error: errorOf(error) };
}

/** What a run did: every row's outcome, the counts, the time and the requests. */
export class Report implements OutcomeCounts {
  /** Rows of the input. */
  readonly rows: number;
  /** Rows to which the server said yes. */
  readonly applied: number;
  /** Rows that were known already. */
  readonly skipped: number;
  /** Rows refused for good. */
  readonly rejected: number;
  /** Rows not yet sent, or whose tries failed. */
  readonly pending: number;
  /** Rows sent without an answer. */
  readonly unknown: number;
  /** How many rows were rejected, by code, or by kind where there is no code. */
  readonly rejectedByCode: Readonly<Record<string, number>>;
  /** Requests sent, retries included. */
  readonly requestsSent: number;
  /** Requests sent again after a failure; waits for quota are not failures. */
  readonly retries: number;
  /** Requests answered "quota used up": each was sent again later, or its rows are pending. */
  readonly throttled: number;
  /** When the run began. */
  readonly startedAt: Date;
  /** How long the run took, in seconds. */
  readonly seconds: number;
  /** When running again makes sense, for a run that stopped because the quota was used up or its time was over. */
  readonly resumeAt: Date | undefined;
  /** The error that stopped the run before its end, if one did. */
  readonly stoppedBy: BizKitHubError | undefined;
  /** Whether the caller stopped the run, by its signal. */
  readonly isCancelled: boolean;
  /** Whether every row is applied or skipped. */
  readonly isComplete: boolean;
  /** How to go on, when rows are not settled, and what remembers the others. */
  readonly advice: string | undefined;
  /** How the run went along with its quota, in at most a few hundred points. */
  readonly timeline: readonly QuotaPoint[];
  readonly #calls: Calls;
  readonly #native: EngineReport;

  private constructor(calls: Calls, report: EngineReport) {
    const { startedAt, resumeAt, stoppedBy, ...summary } = JSON.parse(calls.ask(() => report.summary())) as Summary;
    this.rows = summary.rows;
    this.applied = summary.applied;
    this.skipped = summary.skipped;
    this.rejected = summary.rejected;
    this.pending = summary.pending;
    this.unknown = summary.unknown;
    this.rejectedByCode = summary.rejectedByCode;
    this.requestsSent = summary.requestsSent;
    this.retries = summary.retries;
    this.throttled = summary.throttled;
    this.startedAt = new Date(startedAt);
    this.seconds = summary.seconds;
    this.resumeAt = resumeAt === null ? undefined : new Date(resumeAt);
    this.stoppedBy = stoppedBy === null ? undefined : errorOf(stoppedBy);
    this.isCancelled = summary.isCancelled;
    this.isComplete = summary.isComplete;
    this.advice = summary.advice ?? undefined;
    this.timeline = summary.timeline;
    this.#calls = calls;
    this.#native = report;
  }

  /** @internal */
  static of(calls: Calls, report: EngineReport): Report {
    return new Report(calls, report);
  }

  /** Every row's outcome, in the order of the rows, made when it is asked for: `for (const { row, outcome } of report.outcomes())`. */
  outcomes(): LazyList<RowOutcome> {
    return LazyList.of(this.rows, (begin, count) => {
      const shapes = JSON.parse(this.#calls.ask(() => this.#native.outcomes(begin, count))) as OutcomeShape[];
      return shapes.map(outcomeOf);
    });
  }

  /** The rejected rows with their reasons, in the order of the rows, found when they are asked for. */
  get rejects(): Iterable<RowOutcome> {
    const outcomes = this.outcomes();
    return {
      *[Symbol.iterator]() {
        for (const outcome of outcomes) if (outcome.outcome === 'rejected') yield outcome;
      },
    };
  }

  /** Why rows are neither applied nor skipped, the most frequent reason first. Every row is looked at each time it is asked for. */
  get reasons(): readonly Reason[] {
    const shapes = JSON.parse(this.#calls.ask(() => this.#native.reasons())) as ReasonShape[];
    return shapes.map(({ code, examples, ...reason }) => ({ ...reason, code: code ?? undefined, examples: examples.map(outcomeOf) }));
  }

  /**
   * Writes every row's outcome to a file: CSV with the columns `row`, `outcome`, `kind`, `code` and `reason` for a name that ends with
   * `.csv`, an object a line for `.ndjson` or `.jsonl`.
   *
   * @param path - Where to write; an existing file is replaced.
   * @returns How many rows were written.
   * @throws InvalidInputError `outcomes_format_unknown`, `file_unwritable`, `files_unsupported` on the WebAssembly engine.
   */
  async writeOutcomes(path: string): Promise<number> {
    if (this.#native.writeOutcomes === undefined) throw filesUnsupported('read them from report.outcomes()');
    return await this.#calls.start<number>((call) => this.#native.writeOutcomes?.(call, path));
  }

  /**
   * Writes the rejected rows to a CSV file: the columns of the input, then `row`, `kind`, `code` and `reason`; of an input that is not
   * CSV, only the columns that the plan reads. Cells that a spreadsheet would take for a formula are neutralised. The input file is
   * read a second time.
   *
   * @param path - Where to write. For no rejected rows, no file is made.
   * @returns How many rows were written.
   * @throws InvalidInputError `rejects_without_file` when the rows did not come from a file, `input_changed` when that file is not the
   * same any more, `rejects_replace_input`, `file_unwritable`.
   */
  async writeRejects(path: string): Promise<number> {
    if (this.#native.writeRejects === undefined) {
      throw invalidInput('rejects_without_file', 'the plan was not made from a file', 'read the rejected rows from report.rejects');
    }
    return await this.#calls.start<number>((call) => this.#native.writeRejects?.(call, path));
  }
}
