// What the READMEs show of Node runs, as it stands there, against the sandbox.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import * as addon from 'bizkithub';
import * as wasm from 'bizkithub/wasm';

import { transportOverFetch } from './support/engine.mjs';

const PAGES = ['../README.md', '../../../README.md', '../../../docs/observability.md'];
const AsyncFunction = (async () => undefined).constructor;

/** The blocks of TypeScript on a page; they hold no types, so that they run as they are. */
function blocksOf(page) {
  const text = readFileSync(new URL(page, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code);
}

describe('the READMEs', () => {
  let sandbox;
  before(async () => {
    sandbox = await addon.Sandbox.start();
    process.env.BIZKITHUB_API_KEY = sandbox.apiKey;
    process.env.BIZKITHUB_BASE_URL = sandbox.url;
  });
  after(() => sandbox.stop());

  for (const page of PAGES) {
    test(page, async () => {
      const blocks = blocksOf(page);
      assert.ok(blocks.length > 0);
      for (const code of blocks) {
        const ledger = { knownGroups: async () => [], lookUp: async () => [], record: async () => undefined };
        const given = {
          Client: addon.Client,
          apiKey: sandbox.apiKey,
          assert,
          client: new addon.Client(),
          ledger,
          onProgress: () => undefined,
          rows: [{ email: 'a@example.com', mail: 'a@example.com', segment: 'vip' }, { email: 'nobody', mail: 'nobody', segment: 'vip' }],
          signal: new AbortController().signal,
          transport: transportOverFetch,
        };
        const imported = { addon, wasm };
        const body = code
          .replaceAll(/^import (\{.*\}) from 'bizkithub(\/wasm)?';/gm, (_, names, isWasm) => `const ${names} = imported.${isWasm ? 'wasm' : 'addon'};`)
          .replaceAll("ledger: 'groups.ledger'", 'ledger: undefined');
        // In a block of its own, where the page may name what it was given anew.
        const all = { ...given, console: { log: () => undefined }, imported };
        await new AsyncFunction(...Object.keys(all), `{ ${body} }`)(...Object.values(all));
      }
    });
  }
});
