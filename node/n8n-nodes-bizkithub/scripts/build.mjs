// Bundles the node and its credential, each in one file that needs nothing but n8n, and copies what n8n reads beside them.
import { cpSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

import { build } from 'esbuild';

const packageFolder = resolve(import.meta.dirname, '..');
const dist = resolve(packageFolder, 'dist');
rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: packageFolder,
  entryPoints: ['credentials/BizKitHubApi.credentials.ts', 'nodes/BizKitHub/BizKitHub.node.ts'],
  outbase: '.',
  outdir: dist,
  bundle: true,
  format: 'cjs',
  platform: 'neutral',
  mainFields: ['main'],
  conditions: ['require'],
  target: 'es2022',
  // A node says what it has to say in its output.
  drop: ['console'],
  // The addon is the operator's own, where it is wanted; the engine in the bundle is WebAssembly.
  external: ['n8n-workflow', 'bizkithub'],
  alias: { 'bizkithub/wasm': resolve(packageFolder, '..', 'bizkithub', 'dist', 'wasm.js') },
  inject: ['bundle/timers.ts'],
});
for (const file of ['BizKitHub.node.json', 'bizkithub.svg', 'bizkithub.dark.svg']) {
  cpSync(resolve(packageFolder, 'nodes/BizKitHub', file), resolve(dist, 'nodes/BizKitHub', file));
}
