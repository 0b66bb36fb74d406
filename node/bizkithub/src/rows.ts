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

/** A value as the addon takes it, in JSON. */
type Cell = string | number | boolean | null | Record<string, never> | readonly Cell[];

/** A row as the addon takes it. */
type RowShape = { readonly [name in keyof RowColumns]?: Cell } | { readonly unreadable: string; readonly field?: keyof RowColumns };

/**
 * Hands all rows over in batches of JSON, and waits for each before it reads on.
 *
 * @throws InvalidInputError `rows_invalid` when the rows are not iterable, `column_missing` when no row has a named property: a
 * misspelt name would otherwise drop a column without a word.
 */
export async function pushRows(rows: Rows, columns: RowColumns, push: (batch: string) => Promise<unknown>): Promise<void> {
  if (!isIterable(rows)) {
    throw invalidInput('rows_invalid', 'the rows are not iterable', 'pass an array, another iterable or an async iterable of objects, or the path of a file');
  }
  const unseen = new Set(Object.values(columns).filter((name) => name !== undefined));
  let first: object | undefined;
  let batch: RowShape[] = [];
  for await (const row of rows as AsyncIterable<unknown>) {
    if (typeof row === 'object' && row !== null) {
      first ??= row;
      for (const name of unseen) if (name in row) unseen.delete(name);
    }
    batch.push(shapeOf(row, columns));
    if (batch.length === BATCH) {
      await push(JSON.stringify(batch));
      batch = [];
    }
  }
  if (first !== undefined) {
    for (const name of unseen) {
      throw invalidInput('column_missing', `no row has a property ${JSON.stringify(name)}`, `those of the first row are: ${Object.keys(first).join(', ')}`);
    }
  }
  if (batch.length > 0) await push(JSON.stringify(batch));
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
