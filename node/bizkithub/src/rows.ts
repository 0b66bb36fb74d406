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

/** A row as the addon takes it. */
interface RowShape {
  email?: string;
  cuRefNo?: string;
  groups?: string;
  groupList?: string[];
  unreadable?: { readonly field: keyof RowColumns | 'customer'; readonly reason: string };
}

class Unreadable extends Error {}

/**
 * Hands all rows over in batches of JSON, and waits for each before it reads on.
 *
 * @throws InvalidInputError `rows_invalid` when the rows are not iterable, `column_missing` when no row has a named property: a
 * misspelt name would otherwise drop a column without a word.
 */
export async function pushRows(rows: Rows, columns: RowColumns, push: (batch: string) => Promise<unknown>): Promise<void> {
  if (!isIterable(rows)) {
    throw invalidInput('rows_invalid', 'the rows are not iterable', 'pass an array, another iterable or an async iterable of objects, or the path of a CSV file');
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
  let field: keyof RowColumns | 'customer' = 'customer';
  try {
    if (typeof row !== 'object' || row === null) throw new Unreadable(`the row is ${describe(row)} instead of an object`);
    const value = (name: keyof RowColumns): unknown => {
      field = name;
      const property = columns[name];
      return property === undefined ? undefined : (row as Readonly<Record<string, unknown>>)[property];
    };
    const shape: RowShape = {};
    const email = textOf(value('email'));
    if (email !== undefined) shape.email = email;
    const cuRefNo = textOf(value('cuRefNo'));
    if (cuRefNo !== undefined) shape.cuRefNo = cuRefNo;
    const groups = value('groups');
    if (Array.isArray(groups)) shape.groupList = groups.map((group) => textOf(group) ?? '');
    else {
      const text = textOf(groups);
      if (text !== undefined) shape.groups = text;
    }
    return shape;
  } catch (error) {
    if (error instanceof Unreadable) return { unreadable: { field, reason: error.message } };
    throw error;
  }
}

/** The text of a value. Whole numbers have one; that of others depends on who writes it. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  // Half a surrogate pair is no text that could be sent.
  if (typeof value === 'string') return value.toWellFormed();
  if (Number.isSafeInteger(value) || typeof value === 'bigint') return String(value);
  throw new Unreadable(`the value is ${describe(value)} instead of text`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
