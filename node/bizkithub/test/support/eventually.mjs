import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

/** Asks again and again until the answer is true, for ten seconds at most. */
export async function eventually(question, what) {
  const end = performance.now() + 10_000;
  while (!question()) {
    assert.ok(performance.now() < end, `not within ten seconds: ${what}`);
    await setTimeout(2);
  }
}
