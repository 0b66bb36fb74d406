import type { INodeProperties } from 'n8n-workflow';

const ofCustomer = { show: { resource: ['customer'], operation: ['addGroups'] } };

export const customerFields: INodeProperties[] = [
	{
		displayName: 'Email',
		name: 'email',
		type: 'string',
		placeholder: 'e.g. name@email.com',
		default: '',
		displayOptions: ofCustomer,
		description: "The customer's email address. Either it or the reference number is needed.",
	},
	{
		displayName: 'Reference Number',
		name: 'cuRefNo',
		type: 'string',
		placeholder: 'e.g. 1cGIHvFoQDGLAbcA',
		default: '',
		displayOptions: ofCustomer,
		description: "The customer's cuRefNo, 16 letters and digits. It wins when both are given.",
	},
	{
		displayName: 'Groups',
		name: 'groups',
		type: 'string',
		typeOptions: { multipleValues: true, multipleValueButtonText: 'Add Group' },
		placeholder: 'e.g. VIP',
		default: [''],
		required: true,
		displayOptions: ofCustomer,
		description:
			'The groups to put on the customer, by name or slug. A value may also be an expression that gives a list, or several groups separated by ; or | (not by commas). BizKitHub creates groups that do not exist.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		displayOptions: ofCustomer,
		description: 'They hold for all items together: an expression in one sees the first item',
		options: [
			{
				displayName: 'Allowed Groups',
				name: 'allowGroups',
				type: 'string',
				typeOptions: { multipleValues: true, multipleValueButtonText: 'Add Group' },
				default: [],
				placeholder: 'e.g. VIP',
				description:
					'When given, any other group is refused before anything is sent, so that a typo creates no group',
			},
			{
				displayName: 'Longest Run',
				name: 'longestRun',
				type: 'number',
				typeOptions: { minValue: 0 },
				default: 300,
				description: 'How many seconds the node may take in all. What is left then is pending. 0 for no limit.',
			},
			{
				displayName: 'Longest Wait for Quota',
				name: 'longestWait',
				type: 'number',
				typeOptions: { minValue: 0 },
				default: 60,
				description: 'How many seconds to wait at a time when the quota is used up. 0 for not at all. Short pauses between requests do not count.',
			},
			{
				displayName: 'On Unknown Customer',
				name: 'onUnknownCustomer',
				type: 'options',
				options: [
					{
						name: 'Continue',
						value: 'continue',
						description: 'Output the item with the outcome rejected and the reason',
					},
					{
						name: 'Fail',
						value: 'fail',
						description: 'Treat it as an error, as the settings of the node say',
					},
				],
				default: 'fail',
				description: 'What to do with a customer that BizKitHub refuses, mostly because there is none of this name',
			},
			{
				displayName: 'Pace',
				name: 'pace',
				type: 'options',
				options: [
					{
						name: 'Even',
						value: 'even',
						description: 'Spread large jobs over the time of the quota, so that others with the same key find room',
					},
					{ name: 'Fast', value: 'fast', description: 'Use what the quota allows at once, then wait' },
				],
				default: 'fast',
				description: 'How the requests leave within the quota',
			},
			{
				displayName: 'Quota',
				name: 'quota',
				type: 'string',
				default: '',
				placeholder: 'e.g. 10000/h',
				description:
					'The quota of your plan, such as 10000/h, or its name: free, starter or professional. When empty, it is learned from the answers.',
			},
			{
				displayName: 'Requests at Once',
				name: 'concurrency',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 256 },
				default: 16,
				description: 'How many requests may be under way at the same time',
			},
			{
				displayName: 'When the Wait Is Too Long',
				name: 'onLongWait',
				type: 'options',
				options: [
					{
						name: 'Fail',
						value: 'fail',
						description: 'Treat the items that are left as errors, as the settings of the node say',
					},
					{
						name: 'Output as Pending',
						value: 'pending',
						description: 'Output the items that are left with the outcome pending and resumeAt, the moment for a Wait node',
					},
				],
				default: 'pending',
				description: 'What to do with the items that are left when the quota is used up for longer than the longest wait, or the longest run is over',
			},
		],
	},
];

export const groupFields: INodeProperties[] = [
	{
		displayName: 'Name',
		name: 'name',
		type: 'string',
		placeholder: 'e.g. Personal training',
		default: '',
		required: true,
		displayOptions: { show: { resource: ['group'], operation: ['predictSlug'] } },
		description: 'The name of the group',
	},
];
