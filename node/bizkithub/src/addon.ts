import { join } from 'node:path';

import { InternalError } from './errors.js';
import type * as native from './native.js';

/**
 * What the addon exports.
 *
 * @internal
 */
export type Addon = typeof native;

/** Those that have a package with the addon, as the release workflow builds them. */
const PLATFORMS: ReadonlySet<string> = new Set([
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
]);

let found: Addon | InternalError | undefined;

/**
 * Loads the addon at its first use, so that importing this package neither fails nor costs anything.
 *
 * @internal
 * @throws {@link InternalError} `addon_missing` when none loads on this machine, with the reasons.
 */
export function load(): Addon {
  const addon = findAddon();
  if (addon instanceof InternalError) throw addon;
  return addon;
}

/**
 * The addon, or why there is none.
 *
 * @internal
 */
export function findAddon(): Addon | InternalError {
  return (found ??= find());
}

function find(): Addon | InternalError {
  const tried: string[] = [];
  // The file that a build on this machine made, then the package with the one made for this platform.
  for (const place of [join(__dirname, '..', 'bizkithub.node'), `@bizkithub/client-${target()}`]) {
    try {
      return require(place) as Addon;
    } catch (error) {
      tried.push(`${place}: ${reason(error)}`);
    }
  }
  return new InternalError({
    kind: 'internal',
    code: 'addon_missing',
    message: [
      `the native part of bizkithub does not load on this machine: ${describeMachine()}`,
      ...tried.map((line) => `  tried ${line}`),
    ].join('\n'),
    advice: PLATFORMS.has(target())
      ? `install bizkithub on the machine that runs it, with its optional dependency @bizkithub/client-${target()} (\
--omit=optional leaves it out); or pass a transport, then the WebAssembly engine does the work`
      : `there is no native part for ${target()}: pass a transport, then the WebAssembly engine does the work, or build it from source`,
  });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
  // Node lists everybody who required the module below the first line.
  return isMissing ? 'not installed' : (error.message.split('\n')[0] ?? '');
}

/** The platform in the names of the packages, such as `linux-x64-gnu`. */
function target(): string {
  const { platform, arch } = process;
  const suffix = { linux: glibcVersion() === undefined ? '-musl' : '-gnu', win32: '-msvc' } as Partial<Record<string, string>>;
  return `${platform}-${arch}${suffix[platform] ?? ''}`;
}

function describeMachine(): string {
  const { platform, arch, version } = process;
  const glibc = glibcVersion();
  const libc = platform !== 'linux' ? '' : glibc === undefined ? ' with musl' : ` with glibc ${glibc}`;
  return `${platform} ${arch}${libc}, Node ${version}`;
}

/** The version of glibc, or nothing where there is none: on Alpine, for example. */
function glibcVersion(): string | undefined {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const { excludeNetwork } = report;
  // A report resolves the name of every open connection, unless it is told not to.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime;
}
