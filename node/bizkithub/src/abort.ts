/** What a signal stops, and the one listener for all of it: from the eleventh listener on, Node warns of a leak. */
interface Stops {
  readonly all: Set<() => void>;
  readonly listener: () => void;
}

const stopsOf = new WeakMap<AbortSignal, Stops>();

/**
 * Calls a function when a signal is aborted, at once when it is already.
 *
 * @returns A function to call when there is nothing left to stop: it takes the listener away again.
 */
export function onAbort(signal: AbortSignal, stop: () => void): () => void {
  if (signal.aborted) {
    stop();
    return () => undefined;
  }
  const { all, listener } = stopsOf.get(signal) ?? begin(signal);
  if (all.size === 0) signal.addEventListener('abort', listener);
  all.add(stop);
  return () => {
    if (all.delete(stop) && all.size === 0) signal.removeEventListener('abort', listener);
  };
}

function begin(signal: AbortSignal): Stops {
  const all = new Set<() => void>();
  const listener = () => {
    for (const stop of all) stop();
  };
  const stops = { all, listener };
  stopsOf.set(signal, stops);
  return stops;
}
