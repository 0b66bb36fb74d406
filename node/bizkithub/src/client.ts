import { inspect, type InspectOptions } from 'node:util';

import { calls, valueOf } from './calls.js';
import { invalidInput, type ErrorField } from './errors.js';
import { load } from './load.js';
import type * as native from './native.js';
import { Plan } from './plan.js';
import { pushRows, type RowColumns, type Rows } from './rows.js';
import { checkSettings, must } from './settings.js';
import { carrierOf, type Transport } from './transport.js';

/** The settings of a {@link Client}. Times are in milliseconds. Settings win over the environment. */
export interface ClientOptions {
  /** The API key. Default: the environment variable `BIZKITHUB_API_KEY`. */
  readonly apiKey?: string | undefined;
  /**
   * The address of the API. Plain `http://` only to this machine. Default: the environment variable `BIZKITHUB_BASE_URL`, then
   * `https://api.bizkithub.com`.
   */
  readonly baseUrl?: string | undefined;
  /** Where requests carry the key. Default: `query`, the only place that is documented as required for this endpoint. */
  readonly keyPlacement?: 'query' | 'body' | 'bearer' | undefined;
  /** The longest wait for a connection, TLS included, in milliseconds. Default: 5,000. Only for the built-in HTTP. */
  readonly connectTimeout?: number | undefined;
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
   * Where plans remember what the server acknowledged, so that it is not sent again, also by other processes: the path of a file on a
   * local disk, or a URL such as `postgresql://user@host/database`. It is opened by the first plan and made where there is none.
   * Default: a plan remembers its own runs only.
   */
  readonly ledger?: string | undefined;
  /** Uses a ledger that belongs to another key, which was replaced by this one. Default: false. */
  readonly acceptKey?: boolean | undefined;
  /**
   * A proxy for the built-in HTTP, such as `http://user:password@proxy.example:3128`. Default: the system's variables
   * (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
   */
  readonly proxy?: string | undefined;
  /** A PEM file of certificate authorities to trust beside the system's. Only for the built-in HTTP. */
  readonly caFile?: string | undefined;
  /** Performs the HTTP exchanges in place of the built-in HTTP. */
  readonly transport?: Transport | undefined;
}

/** A customer, and the groups to put on it. */
export interface AddGroupsInput {
  /** The customer's e-mail address. */
  readonly email?: string | null | undefined;
  /** The customer's reference number, 16 letters or digits. It wins when both are given. */
  readonly cuRefNo?: string | null | undefined;
  /** The groups, by name or slug. Groups that do not exist are created. */
  readonly groups: readonly string[];
}

/** Options of one call. */
export interface CallOptions {
  /** Closes the request and rejects the promise with the signal's reason. When it is aborted already, nothing is sent. */
  readonly signal?: AbortSignal | undefined;
}

/** The server's yes to one call. */
export interface Receipt {
  /** How many requests it took, retries included: 1 when all went well. */
  readonly attempts: number;
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
export interface PlanOptions extends RowColumns {
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
}

const CLIENT_OPTIONS = {
  apiKey: must.beText,
  baseUrl: must.beText,
  keyPlacement: must.beOneOf('query', 'body', 'bearer'),
  connectTimeout: must.beMilliseconds,
  timeout: must.beMilliseconds,
  deadline: must.beDeadline,
  tries: must.bePositiveInteger,
  quota: must.beText,
  ledger: must.beText,
  acceptKey: must.beBoolean,
  proxy: must.beText,
  caFile: must.beText,
  transport: must.beFunction,
};

const PLAN_OPTIONS = {
  email: must.beText,
  cuRefNo: must.beText,
  groups: must.beText,
  constantGroups: must.beTexts,
  allowGroups: must.beTexts,
  delimiter: must.beAsciiCharacter,
  resend: must.beBoolean,
  resendAfter: must.beMilliseconds,
  retryRejected: must.beBoolean,
};

/**
 * A client of one organisation. It shares its connections between all of its calls, needs no closing and keeps no process alive.
 *
 * ```ts
 * const client = new Client(); // the key: BIZKITHUB_API_KEY
 * await client.addGroups({ email: 'jan@barasek.com', groups: ['personal-training'] });
 * ```
 */
export class Client {
  readonly #native: native.Client;

  /**
   * Begins a client. Nothing is sent.
   *
   * @param options - See {@link ClientOptions}.
   * @throws InvalidInputError for a key, an address or another setting that is not valid.
   */
  constructor(options: ClientOptions = {}) {
    checkSettings(options, CLIENT_OPTIONS);
    const { transport, deadline, ...settings } = options;
    const known = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    this.#native = valueOf(
      load().Client.create(
        calls().native,
        { ...known, ...(deadline === undefined ? {} : { deadline: deadline ?? Infinity }) },
        transport === undefined ? undefined : carrierOf(transport),
      ),
    );
  }

  /** The address of the API. */
  get baseUrl(): string {
    return this.#native.baseUrl;
  }

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
    const receipt = await calls().start<string>(
      (call) => this.#native.addGroups(call, email, cuRefNo, groups),
      checkCallOptions(options),
    );
    return receiptOf(receipt);
  }

  /**
   * Asks the server whether it accepts the key; nothing is changed.
   *
   * @param options - See {@link CallOptions}.
   * @throws BizKitHubError of any kind; the signal's reason after an abort.
   */
  async ping(options?: CallOptions): Promise<Receipt> {
    return receiptOf(await calls().start<string>((call) => this.#native.ping(call), checkCallOptions(options)));
  }

  /**
   * Plans the fewest requests that put the groups of all rows. Nothing is sent.
   *
   * Every row is validated; refused ones are in the plan's `refusals`. The rows of a customer are merged into one request.
   *
   * @param rows - Objects in an array, another iterable or an async iterable; or the path of a file: CSV (UTF-8, the first line naming
   * the columns), NDJSON (`.ndjson`, `.jsonl`) or Parquet (`.parquet`, `.pq`), or of a folder of Parquet files. Values are texts or whole numbers.
   * @param options - Which properties, or CSV columns, hold what.
   * @throws InvalidInputError for an option that is not valid, a name that no row has, and a file that is broken as a whole;
   * LedgerError when the client's ledger cannot be used.
   */
  async plan(rows: Rows | string, options: PlanOptions): Promise<Plan> {
    checkSettings(options, PLAN_OPTIONS);
    const { constantGroups = [], allowGroups, delimiter, resend = false, resendAfter, retryRejected = false, ...columns } = options;
    const named = Object.fromEntries(Object.entries(columns).filter(([, name]) => name !== undefined));
    const builder = valueOf(
      load().PlanBuilder.create(this.#native, named, [...constantGroups], allowGroups && [...allowGroups], {
        resend,
        ...(resendAfter === undefined ? {} : { resendAfter }),
        retryRejected,
      }),
    );
    if (typeof rows === 'string') {
      return Plan.of(await calls().start<native.Plan>((call) => builder.readFile(call, rows, delimiter)));
    }
    valueOf(builder.checkColumns());
    await pushRows(rows, columns, (batch) => calls().start<number>((call) => builder.push(call, batch)));
    return Plan.of(await calls().start<native.Plan>((call) => builder.finish(call)));
  }

  /** @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Client ${inspect({ baseUrl: this.baseUrl }, options)}`;
  }
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
  readonly quota: { readonly [Part in keyof Quota]-?: (Quota[Part] extends Date | undefined ? string : Quota[Part]) | null };
}

function receiptOf(text: string): Receipt {
  const { attempts, quota } = JSON.parse(text) as ReceiptShape;
  const known: Record<string, unknown> = {};
  for (const [part, value] of Object.entries(quota)) {
    if (value !== null) known[part] = part === 'resetsAt' ? new Date(value) : value;
  }
  return { attempts, quota: known };
}
