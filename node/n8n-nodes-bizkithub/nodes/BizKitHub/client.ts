import type { Client as NativeClient } from 'bizkithub';
import type { Client as HostedClient, ClientOptions } from 'bizkithub/wasm';
import { NodeOperationError, type IExecuteFunctions } from 'n8n-workflow';

import { transportOf } from './transport';

/** What the credential holds. */
type Credential = {
	apiKey: string;
	baseUrl: string;
	engine?: 'n8n' | 'native';
	ledger?: string;
	ledgerPassword?: string;
};

type Settings = Pick<ClientOptions, 'quota'>;

/** A client with the node's credential, on the engine that it chooses. */
export async function clientOf(context: IExecuteFunctions, settings: Settings): Promise<HostedClient | NativeClient> {
	const { apiKey, baseUrl, engine, ledger = '', ledgerPassword = '' } = await context.getCredentials<Credential>('bizKitHubApi');
	if (engine === 'native') {
		const { Client } = await nativeEngine(context);
		return new Client({ apiKey, baseUrl, ...settings, ledger: ledger === '' ? undefined : locationOf(ledger, ledgerPassword) });
	}
	const { Client } = await import('bizkithub/wasm');
	return new Client({ apiKey, baseUrl, ...settings, keyPlacement: 'host', transport: transportOf(context) });
}

/** A ledger with its password, which only a database has. */
function locationOf(ledger: string, password: string): string {
	if (password === '' || !URL.canParse(ledger)) return ledger;
	const location = new URL(ledger);
	location.password = password;
	return location.href;
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
