// n8n allows no timers of a node's own: the bundle gets these in their place, over n8n's sleep.
import { sleep } from 'n8n-workflow';

type Timer = AbortController;

export function setTimeout(callback: () => void, milliseconds: number): Timer {
	const timer = new AbortController();
	const ring = (): void => {
		if (!timer.signal.aborted) callback();
	};
	// An early end of a sleep is an abort, after which nothing rings.
	sleep(milliseconds, timer.signal).then(ring, () => undefined);
	return timer;
}

export function clearTimeout(timer: Timer | undefined): void {
	timer?.abort();
}
