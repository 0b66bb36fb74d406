// Bundles the integration with its engine in one file, so that it needs nothing but Zapier's own core.
import { resolve } from 'node:path';

import { build } from 'esbuild';

const packageFolder = resolve(import.meta.dirname, '..');
await build({
  absWorkingDir: packageFolder,
  entryPoints: ['src/index.ts'],
  outdir: 'dist',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22',
  external: ['zapier-platform-core'],
});
