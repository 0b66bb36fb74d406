import { enter } from './wasm-engine.js';
import * as wasm from './wasm-module.js';

/**
 * A ledger that the host keeps: a table of what the server answered, so that it is not asked again. It knows customers and groups by
 * keyed hashes only, which are made with the API key: under another key, a ledger knows nothing.
 *
 * Every method may be called while another one is under way. When one rejects, or does not answer within a minute, the plan or the run ends
 * with a `LedgerError`.
 */
export interface HostLedger {
  /** Every group that was ever recorded. */
  knownGroups(): Promise<readonly LedgerGroup[]>;
  /**
   * What is known of some customers, in any order.
   *
   * @param customers - Their keys: at most 1,000, each once.
   */
  lookUp(customers: readonly string[]): Promise<readonly LedgerEntry[]>;
  /**
   * Remembers a batch of at most 1,000 entries, all of it or nothing, and resolves once it is durable: only then a report counts its rows
   * as applied.
   *
   * An entry replaces the earlier one of its customer and group; a group that is known keeps its first text.
   */
  record(batch: LedgerBatch): Promise<void>;
}

/** One group of one customer. */
export interface LedgerEntry {
  /** The customer's key: 32 hexadecimal digits. */
  readonly customer: string;
  /** The group's key: a whole number of 64 bits, as text. */
  readonly group: string;
  /** When the server answered, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** The code with which the server refused; absent where it said yes. */
  readonly refused?: string | null | undefined;
}

/** A group that a ledger knows by name. */
export interface LedgerGroup {
  /** The group's key, as in the entries. */
  readonly group: string;
  /** Its predicted slug. */
  readonly slug: string;
  /** The text with which it was sent first. */
  readonly text: string;
  /** When it was acknowledged first, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** What is remembered together. */
export interface LedgerBatch {
  readonly entries: readonly LedgerEntry[];
  readonly groups: readonly LedgerGroup[];
}

const METHODS = ['knownGroups', 'lookUp', 'record'] as const;

/** Tells what is wrong with a host's ledger, or nothing. */
export function beLedger(value: unknown): string | undefined {
  const isLedger = typeof value === 'object' && value !== null && METHODS.every((name) => typeof (value as HostLedger)[name] === 'function');
  return isLedger ? undefined : `must be an object with the methods ${METHODS.join(', ')}`;
}

/**
 * Gives a host's ledger to the engine.
 *
 * @internal
 */
export function ledgerOf(ledger: HostLedger): wasm.Ledger {
  return new wasm.Ledger((question: number, what: (typeof METHODS)[number], argument: string) => {
    answer(ledger, what, argument).then(
      (text) => { enter(() => { wasm.answerLedger(question, text); }); },
      (error: unknown) => { enter(() => { wasm.failLedger(question, reason(error)); }); },
    );
  });
}

/** Says why a ledger failed, whatever it rejected with. */
function reason(error: unknown): string {
  try {
    const { message } = error as { readonly message?: unknown };
    return typeof message === 'string' ? message : 'it gave no reason';
  } catch {
    return 'it gave no reason';
  }
}

async function answer(ledger: HostLedger, what: (typeof METHODS)[number], argument: string): Promise<string> {
  const ask = ledger[what].bind(ledger) as (argument: unknown) => Promise<unknown>;
  const answered = await ask(JSON.parse(argument));
  // What a host answers is not what its type says: a database tells of its writes, and nothing has no JSON.
  return what === 'record' ? 'null' : ((JSON.stringify(answered) as string | undefined) ?? 'null');
}
