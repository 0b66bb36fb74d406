import type { BizKitHubError } from 'bizkithub/wasm';
import { NodeApiError, type IDataObject, type IExecuteFunctions, type INodeExecutionData } from 'n8n-workflow';

/** Why an item failed, in the form that n8n shows. */
export type Failure = {
	/** What happened. */
	message: string;
	/** What to do now. */
	description?: string | undefined;
	/** What expressions may decide on. */
	details: IDataObject & { status?: number };
};

/** What is known of an error: of the client's, or of n8n's own. */
type Known = Partial<Omit<BizKitHubError, 'message' | 'name'>> & { message: string; description?: string | null };

/** What the client knows of an error, and nothing else of it. */
export function failureOf(error: unknown): Failure {
	const { message, advice, description, kind, code, status, requestId, field, docUrl, retryAt } = error as Known;
	const known = { kind, code, status, requestId, field, docUrl, retryAt: retryAt?.toISOString() };
	return {
		// The codes of the server are what its documentation and its support go by; only they have a page.
		message: docUrl === undefined ? message : `${code}: ${message}`,
		description: advice ?? description ?? undefined,
		details: Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
	};
}

/**
 * An item for the error output. n8n takes it there for these three members and no other, and puts the fields of the input item
 * beside them.
 */
export function errorItem({ message, description, details }: Failure, index: number): INodeExecutionData {
	return { json: { error: message, message: description ?? '', details }, pairedItem: { item: index } };
}

/** The error that stops the node. */
export function nodeError(context: IExecuteFunctions, failure: Failure, itemIndex: number | undefined, summary: string): NodeApiError {
	const { message, description, details } = failure;
	const error = new NodeApiError(
		context.getNode(),
		{},
		{
			message,
			description: description === undefined ? summary : `${description.replace(/\.$/, '')}. ${summary}`,
			...(details.status === undefined ? {} : { httpCode: String(details.status) }),
			...(itemIndex === undefined ? {} : { itemIndex }),
		},
	);
	// n8n has texts of its own for some words, wherever they stand in a message.
	error.message = message;
	return error;
}
