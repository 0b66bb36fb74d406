import type {
	Icon,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

/** Whether nobody on the way to an address can read along; what is no address is none. */
function isPrivate(address: string): boolean {
	if (!URL.canParse(address)) return false;
	const { protocol, hostname } = new URL(address);
	return protocol === 'https:' || ['localhost', '[::1]'].includes(hostname) || /^127(\.\d+){3}$/.test(hostname);
}

/** A key of BizKitHub, where its API is, and which engine does the work. */
export class BizKitHubApi implements ICredentialType {
	name = 'bizKitHubApi';

	displayName = 'BizKitHub API';

	icon: Icon = { light: 'file:../nodes/BizKitHub/bizkithub.svg', dark: 'file:../nodes/BizKitHub/bizkithub.dark.svg' };

	documentationUrl = 'https://docs.bizkithub.com';

	properties: INodeProperties[] = [
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'The key of your organisation: 32 characters that begin with PROD or DEV_',
		},
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'https://api.bizkithub.com',
			description: 'The address of the API. Leave it as it is, but for a sandbox.',
		},
		{
			displayName: 'Engine',
			name: 'engine',
			type: 'options',
			options: [
				{
					name: 'Built In',
					value: 'n8n',
					description: "Works everywhere, with n8n's own HTTP: its proxy, its protection and its certificates hold",
				},
				{
					name: 'Native',
					value: 'native',
					description:
						'Faster, and with a ledger: for your own server, where the npm package bizkithub is installed beside this node',
				},
			],
			default: 'n8n',
		},
		{
			displayName: 'Ledger',
			name: 'ledger',
			type: 'string',
			default: '',
			placeholder: 'e.g. /data/bizkithub.ledger',
			description:
				'Where the native engine remembers what BizKitHub acknowledged, so that no execution sends it again: the path of a file on a local disk, or the URL of a PostgreSQL database without its password. Empty for none.',
			displayOptions: { show: { engine: ['native'] } },
		},
		{
			displayName: 'Ledger Password',
			name: 'ledgerPassword',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'The password of the PostgreSQL database, if that is where the ledger is',
			displayOptions: { show: { engine: ['native'] } },
		},
		{
			displayName: 'Accept New Key for the Ledger',
			name: 'acceptKey',
			type: 'boolean',
			default: false,
			description: 'Whether a ledger that belongs to another key is used all the same, because this key replaced it',
			displayOptions: { show: { engine: ['native'] } },
		},
	];

	// A function, because evaluating an expression for each request would take longer than the request.
	authenticate = (
		credentials: ICredentialDataDecryptedObject,
		requestOptions: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => {
		// n8n sends the test by itself, so that the client, which refuses such an address, is not asked.
		if (!isPrivate(requestOptions.baseURL ?? requestOptions.url)) {
			return Promise.reject(new Error('The base URL must begin with https://, or the API key would be sent unencrypted'));
		}
		return Promise.resolve({ ...requestOptions, qs: { ...requestOptions.qs, apiKey: (credentials.apiKey as string).trim() } });
	};

	test: ICredentialTestRequest = {
		request: { baseURL: '={{$credentials.baseUrl}}', url: '/ping/v1', disableFollowRedirect: true },
		rules: [
			{
				type: 'responseCode',
				properties: { value: 404, message: 'BizKitHub does not accept this API key: check it and the base URL, or make a new key in the administration' },
			},
			{
				type: 'responseCode',
				properties: { value: 401, message: 'The API key may not call the API: check its permissions in the administration' },
			},
			{
				type: 'responseCode',
				properties: { value: 429, message: 'The quota of this API key is used up: try again later' },
			},
		],
	};
}
