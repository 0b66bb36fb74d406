// The package with the addon for musl, installed beside the npm package as npm would: by what it needs of the system, and by the client's own
// tests in a Node that is made for musl. tests/packages looks at the one for glibc.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';

const workspace = resolve(import.meta.dirname, '..', '..', '..');
const packageFolder = join(workspace, 'node', 'bizkithub');

/** The tests that need nothing but the package. */
const TESTS = ['client', 'errors', 'transport', 'vectors'];

const platform = 'linux-x64-musl';
const node = process.env.BIZKITHUB_MUSL_NODE;

describe(`the addon for ${platform}`, () => {
  const addonPackage = join(workspace, 'target', 'npm', `client-${platform}`);
  const addon = join(addonPackage, 'bizkithub.node');
  const folder = mkdtempSync(join(tmpdir(), 'bizkithub-addon-'));
  after(() => rmSync(folder, { recursive: true }));

  const readelf = (option) => spawnSync('readelf', ['--wide', option, addon], { encoding: 'utf8' }).stdout;

  test('needs only what every such system has', () => {
    const needed = [...readelf('--dynamic').matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
    assert.deepEqual(needed, ['libc.so']);
    assert.doesNotMatch(readelf('--version-info'), /GLIBC/);
  });

  test('is a package of its platform, and no larger than it must be', () => {
    const { name, os, cpu, libc, version } = JSON.parse(readFileSync(join(addonPackage, 'package.json'), 'utf8'));
    const expected = [`@bizkithub/client-${platform}`, ['linux'], ['x64'], ['musl']];
    assert.deepEqual([name, os, cpu, libc], expected);
    assert.equal(version, JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version);
    assert.ok(statSync(addon).size < 19_500_000);
  });

  test('passes the tests of the client', () => {
    const installed = join(folder, 'node_modules', 'bizkithub');
    for (const part of ['dist', 'package.json']) cpSync(join(packageFolder, part), join(installed, part), { recursive: true });
    // Where the tests look for what they read.
    cpSync(join(packageFolder, 'test'), join(installed, 'test'), { recursive: true });
    mkdirSync(join(folder, 'tests'));
    symlinkSync(join(workspace, 'tests', 'vectors'), join(folder, 'tests', 'vectors'));
    cpSync(addonPackage, join(folder, 'node_modules', '@bizkithub', `client-${platform}`), { recursive: true });

    const tests = TESTS.map((name) => join('test', `${name}.test.mjs`));
    // Started by musl's loader, a process cannot start others like it: neither the runner nor the one test that does.
    const isolation = ['--test-isolation=none', '--test-skip-pattern=is freed with its client'];
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const { status, stdout } = spawnSync(node, ['--test', ...isolation, '--test-reporter=tap', ...tests], { cwd: installed, env, encoding: 'utf8', timeout: 300_000 });
    assert.equal(status, 0, stdout.split('\n').filter((line) => /not ok|error/.test(line)).slice(0, 20).join('\n'));
    assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 700, stdout.slice(-500));
  });
});
