// What the fields of automation platforms hold: whatever a user, an expression or an agent put there.
import { callsOf } from './calls.js';
import { invalidInput } from './errors.js';
import { wasmEngine } from './wasm-engine.js';
import { separateGroups } from './wasm-module.js';

/**
 * The groups of a field: of a list, of a list in it, of a JSON list as text, or of a text in which the core separates them. Gaps are left out;
 * what is no text stays as it is, for the client to take or refuse.
 *
 * @param value - What the field holds.
 */
export function groupsOfField(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(groupsOfField);
  if (value === undefined || value === null) return [];
  if (typeof value !== 'string') return [value];
  return listIn(value)?.flatMap(groupsOfField) ?? callsOf(wasmEngine()).ask(() => separateGroups(value));
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
  const groups = groupsOfField(value).map(String);
  if (groups.length > 0) return groups;
  throw invalidInput('allowed_groups_missing', 'the allowed groups are given, but hold no group', 'give at least one, or leave the field out', 'groups');
}

function listIn(text: string): unknown[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
