import { NodeOperationError, type IExecuteFunctions, type INodeExecutionData } from 'n8n-workflow';

/** Tells the slug of each item's name. */
export async function predictSlugs(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const { slug } = await import('bizkithub/wasm');
	return context.getInputData().map((_, item) => {
		const name = context.getNodeParameter('name', item) as unknown;
		const predicted = slug(String(name ?? ''));
		if (predicted !== '') return { json: { name, slug: predicted } as INodeExecutionData['json'], pairedItem: { item } };
		const message = 'Nothing of the name is left in a slug';
		const description = 'A name needs letters or digits: BizKitHub cannot make a group of it';
		if (context.continueOnFail()) return { json: { error: message, message: description, details: {} }, pairedItem: { item } };
		throw new NodeOperationError(context.getNode(), message, { itemIndex: item, description });
	});
}
