// What n8n asks of community packages: its linter in the configuration for the cloud, and the scan of what is published.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { node, tools, unpack } from './support/n8n.mjs';

const packages = resolve(import.meta.dirname, '..', '..', '..', 'node');
const packageFolder = join(packages, 'n8n-nodes-bizkithub');
const { analyzePackage, SOURCE_FILE_PATTERNS } = await import(
  pathToFileURL(join(tools, 'node_modules', '@n8n', 'scan-community-package', 'scanner', 'scanner.mjs'))
);

describe('the package for n8n', () => {
  const published = mkdtempSync(join(tmpdir(), 'bizkithub-n8n-'));
  // Below the tools, so that the linter finds itself and its plugins.
  const below = mkdtempSync(join(tmpdir(), 'bizkithub-n8n-'));
  const sources = join(below, 'n8n-nodes-bizkithub');
  after(() => {
    rmSync(published, { recursive: true });
    rmSync(below, { recursive: true });
  });

  test('passes n8n-node lint as it is for the cloud, without a word', () => {
    mkdirSync(join(sources, 'node_modules'), { recursive: true });
    symlinkSync(join(tools, 'node_modules'), join(below, 'node_modules'));
    for (const part of ['bundle', 'credentials', 'nodes', 'eslint.config.mjs', 'package.json', 'tsconfig.json']) {
      cpSync(join(packageFolder, part), join(sources, part), { recursive: true });
    }
    symlinkSync(join(packages, 'bizkithub'), join(sources, 'node_modules', 'bizkithub'));
    const command = join(tools, 'node_modules', '@n8n', 'node-cli', 'bin', 'n8n-node.mjs');
    const env = { ...process.env, PATH: `${join(tools, 'node_modules', '.bin')}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync(node, [command, 'lint'], { cwd: sources, env, encoding: 'utf8', timeout: 120_000 });
    assert.equal(status, 0, stdout + stderr);
    assert.doesNotMatch(stdout + stderr, /warning|error|violation/i);
  });

  test('passes the scan of community packages, in its sources and as it is published', async () => {
    const folder = unpack(packageFolder, published);
    assert.deepEqual(await analyzePackage(packageFolder, SOURCE_FILE_PATTERNS), { passed: true });
    assert.deepEqual(await analyzePackage(folder, ['**/*.js', 'package.json']), { passed: true });
  });

  test('depends on nothing, and is under the MIT licence', () => {
    const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.license, 'MIT');
    assert.ok(manifest.n8n.strict);
  });
});
