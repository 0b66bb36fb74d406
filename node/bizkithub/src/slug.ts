import { availableEngine } from './engines.js';
import { slugBy } from './slug-by.js';

/**
 * The predicted slug of a text: at most 64 of `a-z 0-9 -`. The server's own `toSlug` has the last word.
 *
 * @param text - A group's name.
 * @returns The slug; empty when nothing of the text survives, such as of emoji only.
 */
export function slug(text: string): string {
  return slugBy(availableEngine(), text);
}
