/** An error of the core as a value. */
export interface Failure {
  /** JSON of the core's error. */
  readonly failure: string;
}

/** Why a call did not begin; nothing when it did. */
export type Refusal = Failure | null | undefined;

/** Is told a call's number and one of: its value, its failure, its progress, an event of it (all JSON but the value). */
export type Receive = (
  call: number,
  value: unknown,
  failure: string | null | undefined,
  progress: string | null | undefined,
  event: string | null | undefined,
) => void;

/** Is told an exchange's number and its request, or the number alone when nobody waits for the answer any more. */
export type Perform = (exchange: number, request: ExchangeRequest | null) => void;

/** A request as an engine hands it over; headers are names and values, in turn. */
export interface ExchangeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body?: string | undefined;
}

/** The calls under way in an engine. */
export interface EngineCalls {
  hold(): void;
  release(): void;
  abort(call: number): void;
}

/** A client in an engine. Methods with a call answer by {@link Receive}. */
export interface EngineClient {
  readonly baseUrl: string;
  addGroups(call: number, email: string | undefined, cuRefNo: string | undefined, groups: string[]): Refusal;
  ping(call: number): Refusal;
  /** Missing where nothing is exported. */
  flush?(call: number): Refusal;
}

/** A plan in the making. The methods for files and Arrow are missing where there are none. */
export interface EnginePlanBuilder {
  checkColumns(): Refusal;
  push(call: number, rows: string): Refusal;
  /** Whether any row had the named properties, of which these were seen. */
  checkSeen(seen: string[], firstRow: string[]): Refusal;
  pushArrow?(call: number, bytes: Uint8Array): Refusal;
  readFile?(call: number, path: string): Refusal;
  finish(call: number): Refusal;
}

/** A plan in an engine. */
export interface EnginePlan {
  readonly refusalCount: number;
  bill(): string | Failure;
  refusals(begin: number, count: number): string | Failure;
  run(call: number, settings: string, wantsProgress: boolean, isCancelled: boolean): Refusal;
}

/** A report in an engine. The methods for files are missing where there are none. */
export interface EngineReport {
  summary(): string | Failure;
  reasons(): string | Failure;
  outcomes(begin: number, count: number): string | Failure;
  writeOutcomes?(call: number, path: string): Refusal;
  writeRejects?(call: number, path: string): Refusal;
}

/** What carries the exchanges of a client. */
export type EngineTransport = object;

/** What keeps the ledger of a client. */
export type EngineLedger = object;

/** The core, as the addon or as WebAssembly. */
export interface Engine {
  readonly Calls: new (receive: Receive) => EngineCalls;
  readonly Client: {
    create(calls: EngineCalls, settings: string, transport?: EngineTransport, ledger?: EngineLedger): EngineClient | Failure;
  };
  readonly PlanBuilder: { create(client: EngineClient, settings: string): EnginePlanBuilder | Failure };
  readonly Transport: new (perform: Perform) => EngineTransport;
  answerExchange(exchange: number, status: number, headers: string[], body: string | Uint8Array): void;
  failExchange(exchange: number, reason: string, kind?: string): void;
  slug(text: string): string | Failure;
  /** What ended the engine, when an exception of it says so: a panic leaves a WebAssembly module unusable. */
  failureOf?(exception: unknown): Failure | undefined;
  /** Takes back what the engine wanted of the host, when it is unusable. */
  end?(): void;
}
