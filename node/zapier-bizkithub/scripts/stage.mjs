// Puts the built integration into a folder of its own, as Zapier's command line wants it: with its dependency inside, and nothing else.
//
// Usage: node scripts/stage.mjs FOLDER
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const packageFolder = resolve(import.meta.dirname, '..');
const folder = resolve(process.argv[2]);
mkdirSync(folder, { recursive: true });
for (const part of ['dist', 'index.js', '.zapierapprc']) cpSync(join(packageFolder, part), join(folder, part), { recursive: true });
const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
delete manifest.devDependencies;
delete manifest.scripts;
writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
writeFileSync(join(folder, '.gitignore'), 'node_modules\nbuild\n');
const install = ['install', '--omit=optional', '--omit=peer', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
const { status } = spawnSync('npm', install, { cwd: folder, stdio: 'inherit' });
process.exitCode = status ?? 1;
