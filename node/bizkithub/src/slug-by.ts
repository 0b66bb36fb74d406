import { callsOf } from './calls.js';
import type { Engine } from './engine.js';
import { invalidInput } from './errors.js';

/** The predicted slug of a text, by an engine. */
export function slugBy(engine: Engine, text: string): string {
  if (typeof text !== 'string') throw invalidInput('value_not_text', 'the name must be text', 'convert the value to text first', 'groups');
  return callsOf(engine).ask(() => engine.slug(text));
}
