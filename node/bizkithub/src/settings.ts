import { invalidInput, type ErrorField } from './errors.js';

/** Tells what a setting must be, or nothing when the value is fine. */
type Check = (value: unknown) => string | undefined;

/** Checks of the values that only JavaScript can get wrong: the core checks the rest. */
export const must = {
  beText: (value: unknown) => (typeof value === 'string' ? undefined : 'must be text'),
  beTexts: (value: unknown) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'must be an array of texts',
  beMilliseconds: (value: unknown) =>
    typeof value === 'number' && value > 0 && Number.isFinite(value) ? undefined : 'must be a number of milliseconds above 0',
  beDeadline: (value: unknown) =>
    value === null || value === 0 || must.beMilliseconds(value) === undefined
      ? undefined
      : 'must be a number of milliseconds, 0 for no wait at all, or null for no limit',
  bePositiveInteger: (value: unknown) =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0xffff_ffff
      ? undefined
      : 'must be a whole number from 1 on',
  bePositiveIntegerOrNull: (value: unknown) =>
    value === null || must.bePositiveInteger(value) === undefined ? undefined : 'must be a whole number from 1 on, or null for never',
  beFunction: (value: unknown) => (typeof value === 'function' ? undefined : 'must be a function'),
  // By its form, because a test runner may have an `AbortSignal` of its own.
  beSignal: (value: unknown) =>
    typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value
      ? undefined
      : 'must be an AbortSignal',
  beBoolean: (value: unknown) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  beNumber: (value: unknown) => (Number.isFinite(value) ? undefined : 'must be a number'),
  beOneOf:
    (...choices: readonly string[]): Check =>
    (value) =>
      choices.includes(value as string) ? undefined : `must be one of ${choices.join(', ')}`,
};

const FIELDS: ReadonlySet<string> = new Set<ErrorField>(['apiKey', 'baseUrl', 'caFile', 'proxy', 'email', 'cuRefNo', 'groups']);

/**
 * Checks settings by name. An error names the setting but never its value, which may be a key in the wrong place.
 *
 * @throws InvalidInputError `setting_invalid`, or `setting_unknown` with the names that exist.
 */
export function checkSettings(settings: unknown, checks: Readonly<Record<string, Check>>): void {
  if (typeof settings !== 'object' || settings === null) {
    throw invalidInput('setting_invalid', 'the settings are not an object', 'pass an object, or nothing');
  }
  for (const [name, value] of Object.entries(settings)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      throw invalidInput('setting_unknown', `there is no setting ${JSON.stringify(name)}`, `the settings are: ${Object.keys(checks).join(', ')}`);
    }
    const complaint = value === undefined ? undefined : check(value);
    if (complaint !== undefined) {
      const field = FIELDS.has(name) ? (name as ErrorField) : undefined;
      throw invalidInput('setting_invalid', `the setting ${name} ${complaint}`, 'correct the setting, or leave it out', field);
    }
  }
}
