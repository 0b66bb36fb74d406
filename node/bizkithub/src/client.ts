import { findAddon } from './addon.js';
import { BaseClient, COMMON_CLIENT_OPTIONS, type CommonClientOptions, type EngineSettings } from './base-client.js';
import type { Engine } from './engine.js';
import { wasmFallback } from './engines.js';
import { InternalError } from './errors.js';
import { checkSettings, must } from './settings.js';
import type { Transport } from './transport.js';

/** The settings of a {@link Client}. Times are in milliseconds. Settings win over the environment. */
export interface ClientOptions extends CommonClientOptions {
  /** The API key. Default: the environment variable `BIZKITHUB_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** The longest wait for a connection, TLS included, in milliseconds. Default: 5,000. Only for the built-in HTTP. */
  readonly connectTimeout?: number | undefined;
  /**
   * Where plans remember what the server acknowledged, so that it is not sent again, also by other processes: the path of a file on a
   * local disk, or a URL such as `postgresql://user@host/database`. It is opened by the first plan and made where there is none.
   * Default: a plan remembers its own runs only.
   */
  readonly ledger?: string | undefined;
  /** Uses a ledger that belongs to another key, which was replaced by this one. Default: false. */
  readonly acceptKey?: boolean | undefined;
  /**
   * A proxy for the built-in HTTP, such as `http://user:password@proxy.example:3128`. Default: the system's variables
   * (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
   */
  readonly proxy?: string | undefined;
  /** A PEM file of certificate authorities to trust beside the system's. Only for the built-in HTTP. */
  readonly caFile?: string | undefined;
  /**
   * The address of an OpenTelemetry collector that receives OTLP over HTTP, such as `http://localhost:4318`: it gets a span for each
   * request and each run, and metrics. Needs the addon. Default: the environment variable `BIZKITHUB_OTLP_ENDPOINT`; without either,
   * nothing is exported. `close` exports what is left.
   */
  readonly otlpEndpoint?: string | undefined;
  /**
   * Performs the HTTP exchanges in place of the built-in HTTP. Where the addon does not load, a client with a transport runs on the
   * WebAssembly engine.
   */
  readonly transport?: Transport | undefined;
}

const CLIENT_OPTIONS = {
  apiKey: must.beText,
  ...COMMON_CLIENT_OPTIONS,
  connectTimeout: must.beMilliseconds,
  ledger: must.beText,
  acceptKey: must.beBoolean,
  proxy: must.beText,
  caFile: must.beText,
  otlpEndpoint: must.beText,
  transport: must.beFunction,
};

/**
 * A client of one organisation. It shares its connections between all of its calls, needs no closing and keeps no process alive.
 *
 * ```ts
 * const client = new Client(); // the key: BIZKITHUB_API_KEY
 * await client.addGroups({ email: 'jan@barasek.com', groups: ['personal-training'] });
 * ```
 */
export class Client extends BaseClient {
  /**
   * Begins a client. Nothing is sent.
   *
   * @param options - See {@link ClientOptions}.
   * @throws InvalidInputError for a key, an address or another setting that is not valid; InternalError `addon_missing` where the
   * addon does not load and the WebAssembly engine cannot do the work: without a transport, with a ledger in a file or
   * database, or with a collector of OpenTelemetry.
   */
  constructor(options: ClientOptions = {}) {
    checkSettings(options, CLIENT_OPTIONS);
    const { transport, ...settings } = options;
    super(...engineFor(settings, transport));
  }
}

function engineFor(settings: Omit<ClientOptions, 'transport'>, transport: Transport | undefined): [Engine, EngineSettings] {
  const addon = findAddon();
  if (!(addon instanceof InternalError)) return [addon, { settings, transport }];
  const isExporting = (settings.otlpEndpoint ?? fromEnvironment('BIZKITHUB_OTLP_ENDPOINT')) !== undefined;
  if (transport === undefined || settings.ledger !== undefined || isExporting) throw addon;
  // The module itself knows no environment.
  const { apiKey = fromEnvironment('BIZKITHUB_API_KEY'), baseUrl = fromEnvironment('BIZKITHUB_BASE_URL') } = settings;
  return [wasmFallback(), { settings: { ...settings, apiKey, baseUrl }, transport }];
}

/** An empty variable counts as unset, as in every shell script that clears one. */
function fromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value.trim() === '' ? undefined : value;
}
