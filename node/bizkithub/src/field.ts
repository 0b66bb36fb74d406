// What the fields of automation platforms hold: whatever a user, an expression or an agent put there.
import { invalidInput } from './errors.js';

/** What separates groups in one text, for the client as for people. */
const SEPARATORS = /[;|]/;

/** The values of a field that takes several: of a list, of a list in it, of a JSON list as text, or of one value. Gaps are left out. */
function valuesOfField(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(valuesOfField);
  if (value === undefined || value === null) return [];
  if (typeof value !== 'string') return [value];
  const list = listIn(value);
  if (list !== undefined) return list;
  return value.trim() === '' ? [] : [value];
}

/**
 * The groups of a field: texts and whole numbers become one text, which a plan separates at `;` and `|`; anything else stays as it is, for
 * the client to refuse.
 *
 * @param value - What the field holds.
 */
export function groupsOfField(value: unknown): unknown {
  const values = valuesOfField(value);
  const areTexts = values.every((item) => typeof item === 'string' || Number.isSafeInteger(item));
  return areTexts ? values.join(';') : values;
}

/**
 * The allowed groups of a field; `undefined` when the field was not given.
 *
 * @param value - What the field holds.
 * @throws InvalidInputError `allowed_groups_missing` for a field that was given and holds no group: an expression that finds nothing
 * must not allow everything.
 */
export function allowedGroupsOfField(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const groups = valuesOfField(value)
    .flatMap((item) => String(item).split(SEPARATORS))
    .filter((item) => item.trim() !== '');
  if (groups.length > 0) return groups;
  throw invalidInput('allowed_groups_missing', 'the allowed groups are given, but hold no group', 'give at least one, or leave the field out', 'groups');
}

function listIn(text: string): unknown[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.flatMap(valuesOfField) : undefined;
  } catch {
    return undefined;
  }
}
