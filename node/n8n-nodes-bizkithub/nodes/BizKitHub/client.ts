import type { Client as NativeClient, ClientOptions as NativeOptions } from 'bizkithub';
import type { Client as HostedClient, ClientOptions } from 'bizkithub/wasm';
import { NodeOperationError, type IExecuteFunctions } from 'n8n-workflow';

import { TIMEOUT, transportOf } from './transport';

/** What the credential holds. */
type Credential = {
	apiKey: string;
	baseUrl: string;
	engine?: 'n8n' | 'native';
	ledger?: string;
	ledgerPassword?: string;
	acceptKey?: boolean;
};

type Settings = Pick<ClientOptions, 'quota'>;

/**
 * The native clients of this process: each holds connections, a ledger and what it learned of the quota, of which every execution
 * would otherwise make its own.
 */
const nativeClients = new Map<string, NativeClient>();

/** How many of them are kept: there are as many as credentials in use, which change now and then. */
const KEPT = 16;

/** A client with the node's credential, on the engine that it chooses. */
export async function clientOf(context: IExecuteFunctions, settings: Settings): Promise<HostedClient | NativeClient> {
	const { engine, ledger = '', ledgerPassword = '', acceptKey, ...credential } = await context.getCredentials<Credential>('bizKitHubApi');
	const { apiKey, baseUrl } = credential;
	if (engine === 'native') {
		const location = ledger === '' ? undefined : locationOf(context, ledger, ledgerPassword);
		return await nativeClientOf(context, { apiKey, baseUrl, ...settings, ledger: location, acceptKey });
	}
	const { Client } = await import('bizkithub/wasm');
	return new Client({ apiKey, baseUrl, ...settings, timeout: TIMEOUT, keyPlacement: 'host', transport: transportOf(context) });
}

async function nativeClientOf(context: IExecuteFunctions, options: NativeOptions): Promise<NativeClient> {
	const { Client } = await nativeEngine(context);
	const name = JSON.stringify(options);
	const client = nativeClients.get(name) ?? new Client(options);
	// Put last, so that the first is the one that was not used for the longest time.
	nativeClients.delete(name);
	nativeClients.set(name, client);
	for (const oldest of [...nativeClients.keys()].slice(0, -KEPT)) nativeClients.delete(oldest);
	return client;
}

/** A ledger with its password, which only a database has. */
function locationOf(context: IExecuteFunctions, ledger: string, password: string): string {
	if (password === '') return ledger;
	if (/^postgres(ql)?:/.test(ledger) && URL.canParse(ledger)) {
		const location = new URL(ledger);
		location.password = encodeURIComponent(password);
		if (location.password !== '') return location.href;
	}
	throw new NodeOperationError(context.getNode(), 'The ledger takes no password', {
		description: 'Only the URL of a PostgreSQL database with a host has one, such as postgresql://user@host/database',
	});
}

async function nativeEngine(context: IExecuteFunctions): Promise<typeof import('bizkithub')> {
	try {
		// Looked for when it is wanted, and not before: where it is missing, everything else works all the same.
		return await import('bizkithub');
	} catch (error) {
		throw new NodeOperationError(context.getNode(), error as Error, {
			message: 'The native engine is not installed beside this node',
			description:
				"Install the npm package bizkithub in the folder of n8n's community nodes (mostly ~/.n8n/nodes) and start n8n again, or choose the engine Built In in the credential.",
		});
	}
}
