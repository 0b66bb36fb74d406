import { load } from './addon.js';

/** The documented exit code of a client that has a defect. */
const DEFECT = 5;

/**
 * Runs the `bizkithub` command and waits for its end. It writes to the process's own streams.
 *
 * @param args - The arguments, without the program's name.
 * @returns The exit code.
 */
export function runCommand(args: readonly string[]): number {
  try {
    return load().runCommand([...args]);
  } catch (error) {
    const { message, advice } = error as { readonly message: string; readonly advice?: string };
    process.stderr.write(`bizkithub: ${message}\n${advice === undefined ? '' : `${advice}\n`}`);
    return DEFECT;
  }
}
