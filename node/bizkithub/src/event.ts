/** How much an event matters: `debug` are single requests, `info` is the course of a run. */
export type EventLevel = 'debug' | 'info' | 'warning' | 'error';

/**
 * The events of a client:
 *
 * - `request`: a request was answered, or given up.
 * - `request.retried`: a request that failed will be sent again after a pause of its own.
 * - `run.started`: a run knows what it has to send.
 * - `run.waiting`: a run sends nothing for a while.
 * - `run.suspended`: what is left is left for a later run.
 * - `run.stopping`: no other request can succeed.
 * - `run.ended`: a run has its report.
 * - `server.failing`: the server fails at everything; one request a second asks whether it is back.
 * - `server.back`: it is.
 * - `telemetry.lost`: a collector of OpenTelemetry did not take all spans and metrics.
 */
export type EventName =
  | 'request'
  | 'request.retried'
  | 'run.started'
  | 'run.waiting'
  | 'run.suspended'
  | 'run.stopping'
  | 'run.ended'
  | 'server.failing'
  | 'server.back'
  | 'telemetry.lost';

/** Something that happened, for a log. It holds neither the API key nor a URL; its message may repeat what the server said, its fields never do. */
export interface ClientEvent {
  /** What, by its stable name. */
  readonly name: EventName;
  /** How much it matters. */
  readonly level: EventLevel;
  /** A sentence. Its wording may change. */
  readonly message: string;
  /** When. */
  readonly at: Date;
  /** The run that it belongs to, if it does; the runs of a process are counted from 1. */
  readonly run?: number;
  /** What more is known, by stable names: times in seconds, moments as texts of RFC 3339. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Takes events. */
export type EventListener = (event: ClientEvent) => unknown;

type EventShape = Omit<ClientEvent, 'at' | 'run'> & { readonly at: string; readonly run: number | null };

/** Reads an event as it crosses the border. */
export function eventOf(text: string): ClientEvent {
  const { at, run, ...event } = JSON.parse(text) as EventShape;
  return { ...event, at: new Date(at), ...(run === null ? {} : { run }) };
}
