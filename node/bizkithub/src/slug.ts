import { valueOf } from './calls.js';
import { invalidInput } from './errors.js';
import { load } from './load.js';

/**
 * The predicted slug of a text: at most 64 of `a-z 0-9 -`. The server's own `toSlug` has the last word.
 *
 * @param text - A group's name.
 * @returns The slug; empty when nothing of the text survives, such as of emoji only.
 */
export function slug(text: string): string {
  if (typeof text !== 'string') throw invalidInput('value_not_text', 'the name must be text', 'convert the value to text first', 'groups');
  return valueOf(load().slug(text));
}
