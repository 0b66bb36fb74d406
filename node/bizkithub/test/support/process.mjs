import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program and waits until it ends by itself, for half a minute at most: then it is killed, and its signal tells. */
export async function run(program, args, { env = {}, cwd = packageFolder, whileRunning } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, timeout: 30_000, killSignal: 'SIGKILL' });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text;
    });
  }
  const closed = once(child, 'close');
  await whileRunning?.(child);
  const [code, signal] = await closed;
  return { code, signal, ...output };
}

/** Runs a script in a Node process of its own. */
export async function runScript(source, options) {
  return run(process.execPath, ['--input-type=module', '--eval', source], options);
}
