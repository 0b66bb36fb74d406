import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';

import { addGroups } from './addGroups';
import { customerFields, groupFields } from './fields';
import { predictSlugs } from './predictSlugs';

/** Puts groups on customers of BizKitHub. */
export class BizKitHub implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'BizKitHub',
		name: 'bizKitHub',
		icon: { light: 'file:bizkithub.svg', dark: 'file:bizkithub.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
		description: 'Put groups (tags) on customers of the BizKitHub CRM',
		defaults: { name: 'BizKitHub' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: 'bizKitHubApi',
				required: true,
				displayOptions: { show: { resource: ['customer'] } },
			},
		],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Customer', value: 'customer' },
					{ name: 'Group', value: 'group' },
				],
				default: 'customer',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['customer'] } },
				options: [
					{
						name: 'Add Groups',
						value: 'addGroups',
						action: 'Add groups to a customer',
						description: 'Put groups on customers. All items go together, one request for each customer.',
					},
				],
				default: 'addGroups',
			},
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				displayOptions: { show: { resource: ['group'] } },
				options: [
					{
						name: 'Predict Slug',
						value: 'predictSlug',
						action: 'Predict the slug of a group',
						description: 'Tell what slug a group of this name will have, without sending anything',
					},
				],
				default: 'predictSlug',
			},
			...customerFields,
			...groupFields,
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const resource = this.getNodeParameter('resource', 0);
		return [resource === 'group' ? await predictSlugs(this) : await addGroups(this)];
	}
}
