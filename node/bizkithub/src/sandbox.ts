import { inspect, type InspectOptions } from 'node:util';

import { load } from './addon.js';
import { callsOf, valueOf } from './calls.js';
import { Client, type ClientOptions } from './client.js';
import { errorOf, invalidInput, type ErrorShape } from './errors.js';
import type * as native from './native.js';
import { must } from './settings.js';

/** How a {@link Sandbox} starts. Everything may be left out. */
export interface SandboxOptions {
  /** The address to listen on. Default: `127.0.0.1`, so that no other machine can connect. */
  readonly host?: string;
  /** The port to listen on. Default: 0, any free one. */
  readonly port?: number;
  /** What everything random follows: the generated keys and the faults with a probability. Default: 0. */
  readonly seed?: number;
  /** Keys to register besides {@link Sandbox.apiKey}. */
  readonly keys?: readonly SandboxKey[];
  /** Which customers are accepted. Default: every one. */
  readonly customerPolicy?: 'acceptEvery' | 'onlySeeded';
  /** Customers that exist from the start. */
  readonly customers?: readonly SeededCustomer[];
  /** The status of `INTERNAL_RESOURCE_NOT_FOUND`, which the documentation leaves open. Default: 404; 500 is as likely. */
  readonly missingCustomerStatus?: number;
  /** The status of `INTERNAL_VALIDATION_FAILED`, which the documentation leaves open. Default: 400; 422 and 500 are as likely. */
  readonly validationStatus?: number;
  /** The quota. Default: none. */
  readonly quota?: QuotaModel;
  /** How answers tell about the quota. Default: as the model's documentation says. */
  readonly quotaSignals?: readonly ('xRateLimit' | 'retryAfter' | 'rateLimitFields' | 'body')[];
  /** Faults that are in force from the start. */
  readonly faults?: readonly Fault[];
  /** A moment at which the sandbox's clock stands still. Default: it shows the machine's time. */
  readonly frozenAt?: Date;
  /** How many requests the log keeps; the oldest go first. Default: 10,000. */
  readonly requestLogCapacity?: number;
}

/** A key that the sandbox knows. */
export interface SandboxKey {
  /** The key, in the documented form. */
  readonly key: string;
  /** What the sandbox makes of it. Default: active. */
  readonly state?: 'active' | 'deleted' | 'inactive' | 'expired' | 'notPermitted';
  /** How long it stays valid on the sandbox's clock, in seconds. Default: for ever. */
  readonly expiresAfterSeconds?: number;
}

/** A customer that exists from the start, named by one of `email` and `cuRefNo` or both. */
export interface SeededCustomer {
  /** The e-mail address. */
  readonly email?: string;
  /** The customer reference number. */
  readonly cuRefNo?: string;
  /** Groups that the customer has from the start. */
  readonly groups?: readonly string[];
}

/** One of the three documented quota models. */
export type QuotaModel =
  | {
      readonly model: 'slidingWindow';
      /** Requests in any stretch of the window. */
      readonly limit: number;
      /** Requests in any one second. */
      readonly burst?: number;
      /** The window's length. Default: an hour. */
      readonly windowSeconds?: number;
    }
  | {
      readonly model: 'fixedBlock';
      /** Requests in a block. */
      readonly limit: number;
      /** The block's length. Default: ten minutes. */
      readonly blockSeconds?: number;
    }
  | {
      readonly model: 'perMinute';
      /** Requests a minute with a `PROD` key. Default: 500,000. */
      readonly production?: number;
      /** Requests a minute with a `DEV_` key. Default: 1,000. */
      readonly development?: number;
      /** How long a "minute" is. Default: 60. */
      readonly minuteSeconds?: number;
    };

/** A misbehaviour on purpose: when, how often, and what. */
export interface Fault {
  /** Which requests it strikes. Default: every request. */
  readonly when?:
    | 'everyRequest'
    | { readonly everyNth: number }
    | { readonly probability: number }
    | { readonly email: string }
    | { readonly cuRefNo: string };
  /** How many requests it strikes before it is used up. Default: no limit. */
  readonly atMost?: number;
  /** What happens to them. */
  readonly effect:
    | { readonly status: { readonly status: number; readonly code?: string; readonly retryAfterSeconds?: number } }
    | { readonly latencySeconds: number }
    | { readonly redirectTo: string }
    | 'resetBeforeApplying'
    | 'resetAfterApplying'
    | 'truncatedBody'
    | 'htmlBody'
    | 'emptyBody'
    | 'successFalse'
    | 'oversizedBody'
    | 'neverAnswer';
}

/** One request that reached the sandbox. It never holds a key. */
export interface RequestRecord {
  /** Its number, from 1 on, in the order of complete arrival. */
  readonly sequence: number;
  /** When it had arrived, on the sandbox's clock. */
  readonly time: Date;
  /** The number of its connection, from 1 on: equal numbers mean a connection used again. */
  readonly connection: number;
  /** `HTTP/1.1`, `HTTP/2.0`, … */
  readonly httpVersion: string;
  /** The method. */
  readonly method: string;
  /** The path, without the query. */
  readonly path: string;
  /** Where the key was; `null` when there was none. */
  readonly keyPlacement: 'query' | 'bearer' | 'body' | null;
  /** The `cuRefNo` or otherwise the e-mail as sent; `null` when the request names no valid customer. */
  readonly customer: string | null;
  /** The groups as sent. */
  readonly groups: readonly string[];
  /** The status it was answered with; `null` while it waits, and when it was never answered. */
  readonly status: number | null;
  /** The code it was refused with. */
  readonly code: string | null;
  /** The name of the fault that struck it. */
  readonly fault: string | null;
  /** Whether the client closed the request, or its connection, before the answer. */
  readonly closedByClient: boolean;
}

/** A customer as the sandbox holds it. */
export interface CustomerRecord {
  /** The canonical e-mail address: lower case, domain in ASCII. */
  readonly email: string | null;
  /** The customer reference number. */
  readonly cuRefNo: string | null;
  /** The slugs of its groups. */
  readonly groups: ReadonlySet<string>;
}

/** Sandboxes serve until they are stopped, also when nothing but their address is kept. */
const running = new Set<native.Sandbox>();

/**
 * BizKitHub's documented API on your own machine: a real HTTP server that keeps customers and groups in memory, and misbehaves on
 * purpose when asked to. No account is needed, and nothing leaves the machine.
 *
 * It is a helper of tests, so that it **does not keep the process alive**: a script that only starts one ends at once. For a
 * server that stays, run `bizkithub sandbox`.
 *
 * ```ts
 * await using sandbox = await Sandbox.start();
 * await sandbox.client().addGroups({ email: 'jan@barasek.com', groups: ['VIP'] });
 * assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip']));
 * ```
 */
export class Sandbox {
  readonly #native: native.Sandbox;

  private constructor(sandbox: native.Sandbox) {
    this.#native = sandbox;
  }

  /**
   * Starts a sandbox. When the promise resolves, it accepts connections.
   *
   * @param options - See {@link SandboxOptions}.
   * @throws InvalidInputError `sandbox_address_unavailable`, `sandbox_option_invalid`, or the error of whatever option is not valid.
   */
  // eslint-disable-next-line @typescript-eslint/require-await -- starting is quick today, and need not stay so
  static async start(options: SandboxOptions = {}): Promise<Sandbox> {
    const sandbox = valueOf(load().Sandbox.start(JSON.stringify(options)));
    running.add(sandbox);
    return new Sandbox(sandbox);
  }

  /** The base URL to give to a client, such as `http://127.0.0.1:40123`. */
  get url(): string {
    return this.#native.url;
  }

  /** A registered `DEV_` key, made from the seed: the same seed gives the same key. */
  get apiKey(): string {
    return this.#native.apiKey;
  }

  /**
   * Begins a client of this sandbox.
   *
   * @param options - Settings that win over the sandbox's address and key.
   */
  client(options: ClientOptions = {}): Client {
    // Settings that are there but undefined must not lead to the real API, nor bring its key here.
    return new Client({ ...options, baseUrl: options.baseUrl ?? this.url, apiKey: options.apiKey ?? this.apiKey });
  }

  /**
   * The slugs of a customer's groups; none for a customer that does not exist.
   *
   * @param customer - Named by `email` or `cuRefNo`.
   */
  groupsOf(customer: { readonly email?: string; readonly cuRefNo?: string }): Set<string> {
    return new Set(valueOf(this.#native.groupsOf(customer.email, customer.cuRefNo)));
  }

  /** The logged requests of the API, oldest first. */
  requests(): RequestRecord[] {
    const records = JSON.parse(valueOf(this.#native.requests())) as (Omit<RequestRecord, 'time'> & { readonly time: string })[];
    return records.map((record) => ({ ...record, time: new Date(record.time) }));
  }

  /** Every customer, in the order in which they came to exist. */
  customers(): CustomerRecord[] {
    const records = JSON.parse(valueOf(this.#native.customers())) as (Omit<CustomerRecord, 'groups'> & { readonly groups: string[] })[];
    return records.map((record) => ({ ...record, groups: new Set(record.groups) }));
  }

  /**
   * Puts a fault in force from the next request on, after those that are in force already.
   *
   * @param fault - When, how often, and what.
   * @throws InvalidInputError `fault_invalid`, or the error of the customer that the fault selects.
   */
  addFault(fault: Fault): void {
    succeed(this.#native.addFault(JSON.stringify(fault)));
  }

  /** Ends all faults. Requests that one holds back already stay held back. */
  clearFaults(): void {
    succeed(this.#native.clearFaults());
  }

  /**
   * Lets time pass on the sandbox's clock at once: quotas come back, keys expire, latencies end.
   *
   * @param milliseconds - How much.
   */
  advance(milliseconds: number): void {
    if (must.beMilliseconds(milliseconds) !== undefined) {
      throw invalidInput('setting_invalid', 'the time must be a number of milliseconds above 0', 'time does not pass backwards');
    }
    succeed(this.#native.advance(milliseconds));
  }

  /** Puts everything back as it was at the start: customers, groups, keys, quota, faults, log and clock. */
  reset(): void {
    succeed(this.#native.reset());
  }

  /** Stops the server: closes its port and every connection, in the middle of a request too. What it remembers can still be asked for. */
  async stop(): Promise<void> {
    const calls = callsOf(load());
    await calls.start((call) => this.#native.stop(calls.native as native.Calls, call));
    running.delete(this.#native);
  }

  /** Stops the server at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Sandbox ${inspect({ url: this.url }, options)}`;
  }
}

function succeed(failure: native.Failure | null): void {
  if (failure !== null) throw errorOf(JSON.parse(failure.failure) as ErrorShape);
}
