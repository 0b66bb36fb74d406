// The packages with the addons for platforms, installed beside the npm package as npm would: by what they need of the system, and by the
// client's own tests in a Node of that platform.
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

const PLATFORMS = [
  { platform: 'linux-x64-gnu', node: process.execPath, libraries: /^(ld-linux-x86-64\.so\.2|lib(c|dl|m|pthread|rt)\.so\.\d|libgcc_s\.so\.1)$/ },
  { platform: 'linux-x64-musl', node: process.env.BIZKITHUB_MUSL_NODE, libraries: /^libc\.so$/ },
];

for (const { platform, node, libraries } of PLATFORMS) {
  describe(`the addon for ${platform}`, () => {
    const addonPackage = join(workspace, 'target', 'npm', `client-${platform}`);
    const addon = join(addonPackage, 'bizkithub.node');
    const folder = mkdtempSync(join(tmpdir(), 'bizkithub-addon-'));
    after(() => rmSync(folder, { recursive: true }));

    const readelf = (option) => spawnSync('readelf', ['--wide', option, addon], { encoding: 'utf8' }).stdout;

    test('needs only what every such system has', () => {
      const needed = [...readelf('--dynamic').matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
      assert.deepEqual(needed.filter((name) => !libraries.test(name)), []);
      const versions = [...readelf('--version-info').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => Number(major) * 1000 + Number(minor));
      assert.ok(Math.max(0, ...versions) <= 2017, `glibc ${Math.max(...versions)}`);
    });

    test('is a package of its platform, and no larger than it must be', () => {
      const { name, os, cpu, version } = JSON.parse(readFileSync(join(addonPackage, 'package.json'), 'utf8'));
      assert.deepEqual([name, os, cpu], [`@bizkithub/client-${platform}`, ['linux'], ['x64']]);
      assert.equal(version, JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version);
      assert.ok(statSync(addon).size < 20_000_000);
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
      // Started by a loader, as for musl here, a process cannot start others like it: neither the runner nor the one test that does.
      const isolation = node === process.execPath ? [] : ['--test-isolation=none', '--test-skip-pattern=is freed with its client'];
      const { NODE_TEST_CONTEXT, ...env } = process.env;
      const { status, stdout } = spawnSync(node, ['--test', ...isolation, '--test-reporter=tap', ...tests], { cwd: installed, env, encoding: 'utf8', timeout: 300_000 });
      assert.equal(status, 0, stdout.split('\n').filter((line) => /not ok|error/.test(line)).slice(0, 20).join('\n'));
      assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 700, stdout.slice(-500));
    });
  });
}
