// The real n8n in a folder of its own, under its own Node: started, spoken to by REST, and stopped.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Where the Makefile installed n8n, its Node, and the tools for its nodes. */
export const { BIZKITHUB_N8N: installation, BIZKITHUB_N8N_NODE: node, BIZKITHUB_N8N_TOOLS: tools } = process.env;
const program = join(installation ?? '', 'node_modules', 'n8n', 'bin', 'n8n');

const EMAIL = 'owner@example.com';
const PASSWORD = 'Sandbox-only-1';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Made from nothing: what a test runner leaves in the environment makes n8n refuse to load nodes. */
function environment(home, port, brokerPort) {
  return {
    HOME: home,
    LANG: 'C.UTF-8',
    PATH: `${dirname(node)}:/usr/bin:/bin`,
    TZ: 'UTC',
    EXTERNAL_FRONTEND_HOOKS_URLS: '',
    N8N_AI_ENABLED: 'false',
    N8N_DIAGNOSTICS_CONFIG_BACKEND: '',
    N8N_DIAGNOSTICS_CONFIG_FRONTEND: '',
    N8N_DIAGNOSTICS_ENABLED: 'false',
    N8N_DISABLED_MODULES: 'mcp-registry,instance-ai,agents,chat-hub,insights,mcp,source-control,external-secrets,workflow-builder',
    N8N_DYNAMIC_BANNERS_ENABLED: 'false',
    N8N_ENCRYPTION_KEY: 'lab-only',
    N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS: 'false',
    N8N_HIRING_BANNER_ENABLED: 'false',
    N8N_HOST: '127.0.0.1',
    N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
    N8N_LISTEN_ADDRESS: '127.0.0.1',
    N8N_PERSONALIZATION_ENABLED: 'false',
    N8N_PORT: String(port),
    N8N_RUNNERS_BROKER_LISTEN_ADDRESS: '127.0.0.1',
    N8N_RUNNERS_BROKER_PORT: String(brokerPort),
    N8N_SECURE_COOKIE: 'false',
    N8N_TEMPLATES_ENABLED: 'false',
    N8N_USER_FOLDER: home,
    N8N_VERIFIED_PACKAGES_ENABLED: 'false',
    N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
    N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED: 'false',
  };
}

/** Unpacks what would be published of a package into a folder, and returns the folder of its own there. */
export function unpack(packageFolder, folder) {
  mkdirSync(folder, { recursive: true });
  const packed = run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], packageFolder);
  const [{ name, filename }] = JSON.parse(packed);
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  run('tar', ['-xzf', join(folder, filename), '-C', own, '--strip-components=1'], folder);
  rmSync(join(folder, filename));
  return own;
}

function run(program, args, cwd) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Puts a package where n8n puts community packages, as it does: without what it does not need to run. */
export function install(home, packageFolder) {
  const path = join(unpack(packageFolder, join(home, '.n8n', 'nodes', 'node_modules')), 'package.json');
  const { devDependencies, peerDependencies, optionalDependencies, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(rest));
}

/** Takes a package away again. */
export function uninstall(home, name) {
  rmSync(join(home, '.n8n', 'nodes', 'node_modules', name), { recursive: true, force: true });
}

export class N8n {
  static async start(home) {
    const [port, brokerPort] = [await freePort(), await freePort()];
    const log = openSync(join(home, 'n8n.log'), 'a');
    const child = spawn(node, [program, 'start'], { env: environment(home, port, brokerPort), cwd: home, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const n8n = new N8n(home, `http://127.0.0.1:${port}`, child);
    await n8n.#ready();
    await n8n.call('POST', '/owner/setup', { email: EMAIL, firstName: 'A', lastName: 'B', password: PASSWORD }).catch(() =>
      n8n.call('POST', '/login', { emailOrLdapLoginId: EMAIL, password: PASSWORD }),
    );
    return n8n;
  }

  /** What n8n keeps of every execution. */
  texts = [];
  #child;
  #exited;
  #isOver = false;

  constructor(home, base, child) {
    this.home = home;
    this.base = base;
    // A session belongs to the browser that began it.
    this.browserId = 'tests';
    this.cookie = '';
    this.#child = child;
    this.#exited = once(child, 'exit').then(() => { this.#isOver = true; });
  }

  get log() {
    return readFileSync(join(this.home, 'n8n.log'), 'utf8');
  }

  async #ready() {
    for (let tries = 0; tries < 600; tries += 1) {
      if (this.#isOver) break;
      const answer = await fetch(`${this.base}/healthz/readiness`).catch(() => undefined);
      if (answer?.status === 200) return;
      await setTimeout(200);
    }
    throw new Error(`n8n does not start: ${this.log.slice(-3_000)}`);
  }

  /** Asks n8n's REST interface, and takes the data out of its answer. */
  async call(method, path, body) {
    const response = await fetch(`${this.base}/rest${path}`, {
      method,
      headers: { accept: 'application/json', 'browser-id': this.browserId, cookie: this.cookie, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const session = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).find((cookie) => cookie.startsWith('n8n-auth='));
    this.cookie = session ?? this.cookie;
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return JSON.parse(text).data;
  }

  async credential(data, type = 'bizKitHubApi') {
    return await this.call('POST', '/credentials', { name: `${type} of a test`, type, data });
  }

  async testCredential(data) {
    return await this.call('POST', '/credentials/test', { credentials: { id: '', name: 'test', type: 'bizKitHubApi', data } });
  }

  /** Runs a workflow with the items as what its trigger got, and waits for its end. */
  async run(workflow, items) {
    const pinData = { Start: items.map((json) => ({ json })) };
    const { id } = await this.call('POST', '/workflows', { ...workflow, pinData });
    const { executionId } = await this.call('POST', `/workflows/${id}/run`, { triggerToStartFrom: { name: 'Start' } });
    for (let tries = 0; tries < 2_400; tries += 1) {
      const { status, data } = await this.call('GET', `/executions/${executionId}`);
      if (['success', 'error', 'crashed', 'canceled'].includes(status)) {
        this.texts.push(data);
        return { status, ...unflatten(data).resultData };
      }
      await setTimeout(50);
    }
    throw new Error(`the execution does not end: ${this.log.slice(-3_000)}`);
  }

  async stop() {
    if (this.#isOver) return;
    process.kill(-this.#child.pid, 'SIGTERM');
    const impatience = globalThis.setTimeout(() => process.kill(-this.#child.pid, 'SIGKILL'), 15_000);
    await this.#exited;
    clearTimeout(impatience);
    // The runner of its tasks is in the same group.
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }
}

/** Runs n8n's command, and reads the JSON that it prints between its log lines. */
export async function command(home, args, { timeout = 120_000 } = {}) {
  const child = spawn(node, [program, ...args], { env: environment(home, await freePort(), await freePort()), cwd: home, timeout });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
  const [code] = await once(child, 'close');
  const begin = text.search(/^\{/m);
  const end = text.lastIndexOf('\n}');
  return { code, text, json: begin < 0 ? undefined : JSON.parse(text.slice(begin, end + 2)) };
}

/** Reads the form in which n8n keeps executions: a list in which all texts and objects are numbers of its places. */
function unflatten(text) {
  const list = JSON.parse(text, (_, value) => (typeof value === 'string' ? new String(value) : value));
  const seen = new Map();
  const valueOf = (value) => (value instanceof String ? at(Number(value)) : value);
  const at = (place) => {
    if (seen.has(place)) return seen.get(place);
    const value = list[place];
    if (value instanceof String) return String(value);
    if (typeof value !== 'object' || value === null) return value;
    const result = Array.isArray(value) ? [] : {};
    seen.set(place, result);
    for (const key of Object.keys(value)) result[key] = valueOf(value[key]);
    return result;
  };
  return at(0);
}
