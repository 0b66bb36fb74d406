// What becomes of calls whose engine ends, which no input is known to bring about.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const { callsOf } = require('../dist/calls.js');

function brokenEngine() {
  let isEnded = false;
  class Calls {
    hold() {}
    release() {}
    abort() {}
  }
  return {
    Calls,
    failureOf: (exception) => (exception instanceof WebAssembly.RuntimeError ? { failure: '{"kind":"internal","code":"internal","message":"the core panicked"}' } : undefined),
    end: () => { isEnded = true; },
    get isEnded() { return isEnded; },
  };
}

test('an engine that ends fails its calls, now and later, and lets go of the host', async () => {
  const engine = brokenEngine();
  const calls = callsOf(engine);
  const waiting = calls.start(() => undefined);
  const breaking = calls.start(() => { throw new WebAssembly.RuntimeError('unreachable'); });
  for (const call of [waiting, breaking, calls.start(() => undefined)]) await assert.rejects(call, { kind: 'internal', message: 'the core panicked' });
  assert.throws(() => calls.ask(() => 'anything'), { message: 'the core panicked' });
  calls.enter(() => assert.fail('it is not entered any more'));
  assert.ok(engine.isEnded);
});

test('any other exception is the own of its call', async () => {
  const calls = callsOf(brokenEngine());
  await assert.rejects(calls.start(() => { throw new TypeError('not so'); }), TypeError);
  assert.equal(calls.ask(() => 'an answer'), 'an answer');
});
