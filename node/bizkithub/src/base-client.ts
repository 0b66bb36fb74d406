import { callsOf, type Calls } from './calls.js';
import type { Engine, EngineClient, EngineLedger, EnginePlan, EnginePlanBuilder } from './engine.js';
import type { EventLevel, EventListener } from './event.js';
import { filesUnsupported, invalidInput, type ErrorField } from './errors.js';
import { Plan } from './plan.js';
import { pushRows, type RowColumns, type Rows } from './rows.js';
import { checkSettings, must } from './settings.js';
import { carrierOf, type Transport } from './transport.js';

/** The settings of every client, whatever engine it runs on. Times are in milliseconds. */
export interface CommonClientOptions {
  /**
   * The address of the API. Plain `http://` only to this machine. Default: the environment variable `BIZKITHUB_BASE_URL`, where there
   * is an environment, then `https://api.bizkithub.com`.
   */
  readonly baseUrl?: string | undefined;
  /**
   * Where requests carry the key. Default: `query`, the only place that is documented as required for this endpoint. With `host`, the
   * requests that a transport gets carry none, because it authenticates them by itself.
   */
  readonly keyPlacement?: 'query' | 'body' | 'bearer' | 'host' | undefined;
  /** The longest time that one try may take, from connecting to the last byte of the answer, in milliseconds. Default: 30,000. */
  readonly timeout?: number | undefined;
  /**
   * The longest time that one call may take with all its retries and waits, in milliseconds; `null` for no limit, 0 for a single try
   * without any wait. Default: 60,000.
   * A wait that the server asks for and that does not fit comes back at once as a `QuotaError` with its moment. A run of a plan
   * waits by its own rules instead.
   */
  readonly deadline?: number | null | undefined;
  /** The most tries of one request, the first included. Default: 3. Waits for quota are not counted. */
  readonly tries?: number | undefined;
  /**
   * The quota to start from, such as `10000/h`, or a plan: `free`, `starter`, `professional`. Default: what the key's prefix suggests;
   * then what the server tells.
   */
  readonly quota?: string | undefined;
  /**
   * Is told what the client does, for a log. When it throws, or its promise rejects, the call or run rejects with the same, and the run is
   * stopped.
   */
  readonly onEvent?: EventListener | undefined;
  /** From which level on `onEvent` is told. Default: `info`. */
  readonly eventLevel?: EventLevel | undefined;
}

/** How a customer is named: by e-mail address, by `cuRefNo`, or by both. */
export type CustomerName =
  | {
      /** The customer's e-mail address. */
      readonly email: string;
      /** The customer's reference number, 16 letters or digits. It wins when both are given. */
      readonly cuRefNo?: string | null | undefined;
    }
  | {
      /** The customer's e-mail address. */
      readonly email?: string | null | undefined;
      /** The customer's reference number, 16 letters or digits. It wins when both are given. */
      readonly cuRefNo: string;
    };

/** A customer, and the groups to put on it. */
export type AddGroupsInput = CustomerName & {
  /** The groups, by name or slug. Groups that do not exist are created. */
  readonly groups: readonly string[];
};

/** Options of one call. */
export interface CallOptions {
  /** Closes the request and rejects the promise with the signal's reason. When it is aborted already, nothing is sent. */
  readonly signal?: AbortSignal | undefined;
}

/** The server's yes to one call. */
export interface Receipt {
  /** How many requests it took, retries included: 1 when all went well. */
  readonly attempts: number;
  /** The server's name for the last request, if its answer gave one: quote it when you ask about the request. */
  readonly requestId?: string;
  /** What the answer told about the quota. */
  readonly quota: Quota;
}

/** What an answer told about the quota. Every part is absent when the server did not mention it. */
export interface Quota {
  /** Requests allowed in a window. */
  readonly limit?: number;
  /** Requests left in the current window. */
  readonly remaining?: number;
  /** When the window ends and the quota comes back. */
  readonly resetsAt?: Date;
  /** The length of a window, in seconds. */
  readonly window?: number;
  /** How long the server asks to wait before the next request, in seconds. */
  readonly retryAfter?: number;
}

/** What a plan takes from the rows, and what it applies to all of them. */
export type PlanOptions = RowColumns & CustomerColumns & {
  /** Groups for all rows, before those of the row itself. */
  readonly constantGroups?: readonly string[] | undefined;
  /** When given, any other group is refused before anything is sent, compared by predicted slug: typos create no groups. */
  readonly allowGroups?: readonly string[] | undefined;
  /** What separates the cells of a CSV file: one ASCII character. Default: a comma. */
  readonly delimiter?: string | undefined;
  /** Sends again what the ledger knows. Default: false. */
  readonly resend?: boolean | undefined;
  /** Sends again what was acknowledged longer ago than so many milliseconds, because operators remove groups by hand. Default: never. */
  readonly resendAfter?: number | undefined;
  /** Sends again what the server refused; otherwise it is rejected without asking again. Default: false. */
  readonly retryRejected?: boolean | undefined;
};

/** At least one column names the customers. */
export type CustomerColumns = { readonly email: string } | { readonly cuRefNo: string };

/** The checks of {@link CommonClientOptions}. */
export const COMMON_CLIENT_OPTIONS = {
  baseUrl: must.beText,
  keyPlacement: must.beOneOf('query', 'body', 'bearer', 'host'),
  timeout: must.beMilliseconds,
  deadline: must.beDeadline,
  tries: must.bePositiveInteger,
  quota: must.beText,
  onEvent: must.beFunction,
  eventLevel: must.beOneOf('debug', 'info', 'warning', 'error'),
};

const PLAN_OPTIONS = {
  email: must.beText,
  cuRefNo: must.beText,
  groups: must.beText,
  constantGroups: must.beTexts,
  allowGroups: must.beTexts,
  delimiter: must.beText,
  resend: must.beBoolean,
  resendAfter: must.beMilliseconds,
  retryRejected: must.beBoolean,
};

/** What a client makes of its options, for its engine. */
export interface EngineSettings {
  /** The settings of the core, by name. */
  readonly settings: CommonClientOptions & { readonly apiKey?: string | undefined };
  readonly transport: Transport | undefined;
  readonly ledger?: EngineLedger | undefined;
}

/** What clients do on any engine: a client of one organisation. It shares its connections between all of its calls. */
export class BaseClient {
  readonly #calls: Calls;
  #native: EngineClient | undefined;
  readonly #onEvent: EventListener | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  /** @internal */
  protected constructor(engine: Engine, { settings, transport, ledger }: EngineSettings) {
    this.#calls = callsOf(engine);
    const carrier = transport === undefined ? undefined : carrierOf(engine, transport);
    const { onEvent, eventLevel = 'info', ...rest } = settings;
    this.#onEvent = onEvent;
    const known = JSON.stringify(onEvent === undefined ? rest : { ...rest, eventLevel });
    this.#native = this.#calls.ask(() => engine.Client.create(this.#calls.native, known, carrier, ledger));
    this.baseUrl = this.#native.baseUrl;
  }

  /** The address of the API. */
  readonly baseUrl: string;

  /**
   * Puts groups on one customer. Groups that the customer already has are skipped by the server; the call may be repeated safely.
   *
   * Connection failures, timeouts and failures of the server are tried again; a used-up quota is waited for when the wait fits the
   * deadline.
   *
   * @param input - The customer and the groups.
   * @param options - See {@link CallOptions}.
   * @throws BizKitHubError of any kind; the signal's reason after an abort.
   */
  async addGroups(input: AddGroupsInput, options?: CallOptions): Promise<Receipt> {
    const { email, cuRefNo, groups } = checkInput(input);
    const { signal } = checkCallOptions(options);
    return receiptOf(await this.#start<string>((client, call) => client.addGroups(call, email, cuRefNo, groups), signal));
  }

  /**
   * Asks the server whether it accepts the key; nothing is changed.
   *
   * @param options - See {@link CallOptions}.
   * @throws BizKitHubError of any kind; the signal's reason after an abort.
   */
  async ping(options?: CallOptions): Promise<Receipt> {
    const { signal } = checkCallOptions(options);
    return receiptOf(await this.#start<string>((client, call) => client.ping(call), signal));
  }

  /**
   * Plans the fewest requests that put the groups of all rows. Nothing is sent.
   *
   * Every row is validated; refused ones are in the plan's `refusals`. The rows of a customer are merged into one request. Rows are
   * asked for no faster than they are planned, and not kept.
   *
   * @param rows - Objects in an array, another iterable, an async iterable or a stream of Node or the web; Arrow data as bytes of an
   * IPC stream or file; or the path of a file: CSV (UTF-8, the first line naming the columns), NDJSON (`.ndjson`, `.jsonl`) or Parquet
   * (`.parquet`, `.pq`), or of a folder of Parquet files. Values are texts or whole numbers. Paths and Arrow need the addon.
   * @param options - Which properties, or columns, hold what.
   * @param callOptions - An abort stops the reading and rejects with the signal's reason.
   * @throws InvalidInputError for an option that is not valid, a name that no row has, and a file that is broken as a whole;
   * LedgerError when the client's ledger cannot be used.
   */
  async plan(rows: Rows | Uint8Array | string, options: PlanOptions, callOptions?: CallOptions): Promise<Plan> {
    checkSettings(options, PLAN_OPTIONS);
    const { signal } = checkCallOptions(callOptions);
    signal?.throwIfAborted();
    const client = this.#open();
    const builder = this.#calls.ask(() => this.#calls.engine.PlanBuilder.create(client, JSON.stringify(options)));
    const start = <T>(begin: (call: number) => ReturnType<EnginePlanBuilder['finish']>) => this.#calls.start<T>(begin, { signal });
    if (typeof rows === 'string') {
      if (builder.readFile === undefined) throw filesUnsupported('read the rows from the file, and pass them');
      return Plan.of(this.#calls, await start<EnginePlan>((call) => builder.readFile?.(call, rows)), this.#onEvent);
    }
    if (ArrayBuffer.isView(rows)) {
      if (builder.pushArrow === undefined) throw arrowUnsupported();
      const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
      await start((call) => builder.pushArrow?.(call, bytes));
    } else {
      this.#calls.ask(() => builder.checkColumns());
      const { email, cuRefNo, groups } = options;
      const push = (batch: string): Promise<unknown> => start((call) => builder.push(call, batch));
      const check = (seen: string[], firstRow: string[]): void => void this.#calls.ask(() => builder.checkSeen(seen, firstRow));
      await pushRows(rows, { email, cuRefNo, groups }, push, check, signal);
    }
    return Plan.of(this.#calls, await start<EnginePlan>((call) => builder.finish(call)), this.#onEvent);
  }

  /**
   * Waits for the calls under way, though not for plans and runs, and exports what is left to export; later calls and plans are refused, but
   * plans that are made may be run.
   *
   * A client needs no closing: it keeps no process alive. Its connections and its ledger close when it and its plans are collected as
   * garbage, so a program that needs many in short time keeps one; one whose transport or ledger reaches the client itself is collected
   * only when it was closed.
   */
  async close(): Promise<void> {
    const native = this.#native;
    this.#native = undefined;
    await Promise.allSettled(this.#underWay);
    if (native?.flush !== undefined) await this.#calls.start((call) => native.flush?.(call), { onEvent: this.#onEvent });
  }

  /** Closes the client at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Node prints an object by this method. */
  [Symbol.for('nodejs.util.inspect.custom')](_depth: number, options: object, inspect: (value: object, options: object) => string): string {
    return `Client ${inspect({ baseUrl: this.baseUrl }, options)}`;
  }

  #open(): EngineClient {
    if (this.#native === undefined) throw invalidInput('client_closed', 'the client is closed', 'make a new one');
    return this.#native;
  }

  async #start<T>(begin: (client: EngineClient, call: number) => ReturnType<EngineClient['ping']>, signal: AbortSignal | undefined): Promise<T> {
    const client = this.#open();
    const answer = this.#calls.start<T>((call) => begin(client, call), { signal, onEvent: this.#onEvent });
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }
}

function arrowUnsupported(): Error {
  return invalidInput('arrow_unsupported', 'the WebAssembly engine reads no Arrow data', 'pass the rows as objects');
}

function checkInput(input: unknown): { email: string | undefined; cuRefNo: string | undefined; groups: string[] } {
  if (typeof input !== 'object' || input === null) {
    throw invalidInput('value_not_text', 'the customer is not an object', 'pass an object with email or cuRefNo, and groups', 'customer');
  }
  const { email, cuRefNo, groups } = input as Readonly<Record<string, unknown>>;
  const complaint = must.beTexts(groups ?? []);
  if (complaint !== undefined) throw notText('groups', complaint);
  return { email: textOf('email', email), cuRefNo: textOf('cuRefNo', cuRefNo), groups: (groups ?? []) as string[] };
}

function textOf(field: ErrorField, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw notText(field, 'must be text');
  return value;
}

function notText(field: ErrorField, complaint: string): Error {
  return invalidInput('value_not_text', `${field} ${complaint}`, 'convert the value to text first', field);
}

function checkCallOptions(options: CallOptions | undefined): CallOptions {
  if (options === undefined) return {};
  checkSettings(options, { signal: must.beSignal });
  return options;
}

interface ReceiptShape {
  readonly attempts: number;
  readonly requestId?: string;
  readonly quota: { readonly [Part in keyof Quota]-?: (Quota[Part] extends Date | undefined ? string : Quota[Part]) | null };
}

function receiptOf(text: string): Receipt {
  const { quota, ...receipt } = JSON.parse(text) as ReceiptShape;
  const known: Record<string, unknown> = {};
  for (const [part, value] of Object.entries(quota)) {
    if (value !== null) known[part] = part === 'resetsAt' ? new Date(value) : value;
  }
  return { ...receipt, quota: known };
}
