import { onAbort } from './abort.js';
import { invalidInput } from './errors.js';

/** How many rows cross the border at once. */
const BATCH = 1_000;

/** Which properties of a row name the customer and its groups. */
export interface RowColumns {
  /** The property, or CSV column, with the e-mail address. */
  readonly email?: string | undefined;
  /** The property, or CSV column, with the `cuRefNo`. */
  readonly cuRefNo?: string | undefined;
  /** The property, or CSV column, with the groups: one text, separated by `;` or `|`, or an array of texts. */
  readonly groups?: string | undefined;
}

/** Rows as objects, in an array or anything else that yields them. */
export type Rows = Iterable<object> | AsyncIterable<object>;

/** A value as an engine takes it, in JSON. */
type Cell = string | number | boolean | null | Record<string, never> | readonly Cell[];

/** A row as an engine takes it. */
type RowShape = { readonly [name in keyof RowColumns]?: Cell } | { readonly unreadable: string; readonly field?: keyof RowColumns };

/**
 * Hands all rows over in batches of JSON, and waits for each before it reads on; then tells which of the named properties any row had, and
 * the names in the first.
 *
 * @throws InvalidInputError `rows_expected` when the rows are not iterable.
 */
export async function pushRows(
  rows: Rows,
  columns: RowColumns,
  push: (batch: string) => Promise<unknown>,
  check: (seen: string[], firstRow: string[]) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!isIterable(rows)) {
    throw invalidInput('rows_expected', 'the rows are not iterable', 'pass an array, another iterable or an async iterable of objects, or the path of a file');
  }
  const unseen = new Set(Object.values(columns).filter((name) => name !== undefined));
  const seen: string[] = [];
  let first: object | undefined;
  let batch: RowShape[] = [];
  const turn = turns();
  for await (const row of untilAborted(rows, signal)) {
    if (typeof row === 'object' && row !== null) {
      first ??= row;
      for (const name of unseen) if (name in row && unseen.delete(name)) seen.push(name);
    }
    batch.push(shapeOf(row, columns));
    if (batch.length === BATCH) {
      await push(JSON.stringify(batch));
      await turn();
      batch = [];
    }
  }
  if (first !== undefined) check(seen, Object.keys(first));
  if (batch.length > 0) await push(JSON.stringify(batch));
}

/** For so long, in milliseconds, rows of a source that never waits are read without a turn for anybody else. */
const LONGEST_TURN = 20;

/** Lets others have their turn, now and then: an engine without threads works on this one. */
function turns(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < LONGEST_TURN) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
    since = performance.now();
  };
}

/** What rows come from, one by one. */
interface Source {
  next(): PromiseLike<IteratorResult<unknown>> | IteratorResult<unknown>;
  /** Nothing more is wanted, also while the next row is waited for. */
  close(): unknown;
}

function sourceOf(rows: Rows): Source {
  if ('getReader' in rows) {
    // The iterator of such a stream would close it only after the next row.
    const reader = (rows as unknown as { getReader(): { read(): Promise<IteratorResult<unknown>>; cancel(): Promise<void> } }).getReader();
    return { next: () => reader.read(), close: () => reader.cancel() };
  }
  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  return {
    next: () => iterator.next(),
    close: () => {
      if ('destroy' in rows && typeof rows.destroy === 'function') (rows as { destroy(): void }).destroy();
      return iterator.return?.();
    },
  };
}

/**
 * The rows, until the signal is aborted: also while the next one does not come. The source is then closed, but not waited for: a generator
 * ends when it goes on.
 */
async function* untilAborted(rows: Rows, signal: AbortSignal | undefined): AsyncGenerator<unknown, void, undefined> {
  if (signal === undefined) {
    yield* rows as AsyncIterable<unknown>;
    return;
  }
  let stop: ((reason: unknown) => void) | undefined;
  const forget = onAbort(signal, () => stop?.(signal.reason));
  // A promise of its own for each wait: what one that lasts had to tell would stay in memory until its end.
  const unlessAborted = async <T>(work: PromiseLike<T> | T): Promise<T> =>
    await new Promise<T>((resolve, reject) => {
      stop = reject;
      Promise.resolve(work).then(resolve, reject);
    });
  const source = sourceOf(rows);
  let isOpen = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      isOpen = false;
      const { done, value } = await unlessAborted(source.next());
      if (done) return;
      isOpen = true;
      yield isPromise(value) ? await unlessAborted(value) : value;
    }
  } finally {
    forget();
    if (isOpen || signal.aborted) void closeQuietly(source);
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Why a source does not close is of no interest beside why it is closed. */
async function closeQuietly(source: Source): Promise<void> {
  try {
    await source.close();
  } catch {
    return;
  }
}

function isIterable(rows: unknown): boolean {
  return typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows);
}

function shapeOf(row: unknown, columns: RowColumns): RowShape {
  if (typeof row !== 'object' || row === null) {
    return { unreadable: row === null || row === undefined ? String(row) : `a ${typeof row}` };
  }
  const shape: Partial<Record<keyof RowColumns, Cell>> = {};
  for (const name of ['email', 'cuRefNo', 'groups'] as const) {
    const property = columns[name];
    if (property === undefined) continue;
    const value = (row as Readonly<Record<string, unknown>>)[property];
    // No encoding can carry half of a character, and what stands in for it would be another text.
    if (isBroken(value) || (Array.isArray(value) && value.some(isBroken))) {
      return { unreadable: 'text with half of a character (a lone surrogate)', field: name };
    }
    shape[name] = cellOf(value);
  }
  return shape;
}

function isBroken(value: unknown): boolean {
  return typeof value === 'string' && !value.isWellFormed();
}

/** A value in JSON without a change of what it is: the core decides which values have a text. */
function cellOf(value: unknown): Cell {
  return Array.isArray(value) ? value.map(itemOf) : itemOf(value);
}

function itemOf(value: unknown): Cell {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      // In JSON, an integer whose last digits are lost already would look like any other.
      return Math.abs(value) > Number.MAX_SAFE_INTEGER ? Number.MAX_VALUE : value;
    case 'bigint':
      return String(value);
    case 'undefined':
      return null;
    default:
      // A date, say, would write itself as a text, and a list in a list may have no end.
      return value === null ? null : Array.isArray(value) ? [] : {};
  }
}
