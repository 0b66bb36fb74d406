import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { errorItem, failureOf, nodeError, type Failure } from './failure';

const NO_SLUG: Failure = {
	message: 'Nothing of the name is left in a slug',
	description: 'A name needs letters or digits: BizKitHub cannot make a group of it',
	details: {},
};

/** Tells the slug of each item's name. */
export async function predictSlugs(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const { slug } = await import('bizkithub/wasm');
	const resultOf = (item: number): { json: IDataObject } | { failure: Failure } => {
		try {
			const name = context.getNodeParameter('name', item) as unknown;
			const predicted = slug((typeof name === 'number' ? String(name) : name) as string);
			return predicted === '' ? { failure: NO_SLUG } : { json: { name: name as string, slug: predicted } };
		} catch (error) {
			return { failure: failureOf(error) };
		}
	};
	return context.getInputData().map((_, item) => {
		const result = resultOf(item);
		if ('json' in result) return { json: result.json, pairedItem: { item } };
		if (context.continueOnFail()) return errorItem(result.failure, item);
		throw nodeError(context, result.failure, item, 'A slug was predicted for the items before it.');
	});
}
