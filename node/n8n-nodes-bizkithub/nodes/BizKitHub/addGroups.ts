import type { Plan, Report, RowOutcome } from 'bizkithub/wasm';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { clientOf } from './client';
import { errorItem, failureOf, nodeError, type Failure } from './failure';

/** What the collection "Options" holds. */
type Options = {
	allowGroups?: unknown;
	concurrency?: number;
	longestRun?: number;
	longestWait?: number;
	onLongWait?: 'fail' | 'pending';
	onUnknownCustomer?: 'fail' | 'continue';
	pace?: 'even' | 'fast';
	quota?: string;
};

/** What the fields of an item say. */
type Row = { email: unknown; cuRefNo: unknown; groups: unknown[] };

/** What becomes of an item: data, or why there is none. */
type Result = { json: IDataObject } | { failure: Failure };

/** What became of all items, and what stops a node that stops on errors. */
type Settled = { results: Result[]; failed?: { failure: Failure; index?: number } | undefined; summary: string };

const NOTHING_SENT = 'Nothing was sent.';

/**
 * Puts the groups of all items by one plan, and gives every item an item of its own.
 *
 * Where the node stops on errors, an item that is refused stops it before anything is sent.
 */
export async function addGroups(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const count = context.getInputData().length;
	if (count === 0) return [];
	const { results, failed, summary } = await settle(context, count);
	if (failed !== undefined && !context.continueOnFail()) throw nodeError(context, failed.failure, failed.index, summary);
	return results.map((result, index) =>
		'failure' in result ? errorItem(result.failure, index) : { json: result.json, pairedItem: { item: index } },
	);
}

async function settle(context: IExecuteFunctions, count: number): Promise<Settled> {
	let summary = NOTHING_SENT;
	try {
		const options = context.getNodeParameter('options', 0, {}) as Options;
		const { allowedGroupsOfField, groupsOfField } = await import('bizkithub/wasm');
		const rows = Array.from({ length: count }, (_, index) => rowOf(context, index, groupsOfField));
		const readable = rows.filter(isRow);
		const plan = await planOf(context, readable, options, allowedGroupsOfField(options.allowGroups));
		const refused = firstRefusal(rows, plan);
		if (refused !== undefined && !context.continueOnFail()) return { results: [], failed: refused, summary };
		summary = 'Some of it may have been sent; running the node again is safe.';
		const report = await run(context, plan, options);
		const outcomes = report.outcomes()[Symbol.iterator]();
		const results = rows.map((row): Result => (isRow(row) ? resultOf(row, outcomes.next().value as RowOutcome, report, options) : { failure: row }));
		return { results, failed: firstFailure(results), summary: summaryOf(report) };
	} catch (error) {
		// What concerns all items fails each of them: to throw while the node continues on errors would let them pass unchanged.
		const failure = failureOf(error);
		return { results: Array.from({ length: count }, () => ({ failure })), failed: { failure }, summary };
	}
}

/** What the fields of an item say, or why they say nothing: an expression that fails concerns its own item. */
function rowOf(context: IExecuteFunctions, index: number, groupsOfField: (value: unknown) => unknown[]): Row | Failure {
	try {
		return {
			email: context.getNodeParameter('email', index, ''),
			cuRefNo: context.getNodeParameter('cuRefNo', index, ''),
			groups: groupsOfField(context.getNodeParameter('groups', index, [])),
		};
	} catch (error) {
		return failureOf(error);
	}
}

function isRow(row: Row | Failure): row is Row {
	return 'groups' in row;
}

async function planOf(context: IExecuteFunctions, rows: Row[], options: Options, allowGroups: string[] | undefined): Promise<Plan> {
	const client = await clientOf(context, { quota: options.quota === '' ? undefined : options.quota });
	return await client.plan(rows, { email: 'email', cuRefNo: 'cuRefNo', groups: 'groups', allowGroups });
}

async function run(context: IExecuteFunctions, plan: Plan, options: Options): Promise<Report> {
	const { concurrency, longestRun = 300, longestWait = 60, pace = 'fast' } = options;
	return await plan.run({
		signal: context.getExecutionCancelSignal(),
		concurrency,
		pace,
		deadline: longestRun > 0 ? longestRun * 1000 : undefined,
		...(longestWait > 0 ? { longestWait: longestWait * 1000 } : { onQuota: 'stop' }),
	});
}

/** The first item that cannot be sent, whatever the server would say. */
function firstRefusal(rows: (Row | Failure)[], { refusals }: Plan): Settled['failed'] {
	const places = rows.flatMap((row, index) => (isRow(row) ? [index] : []));
	const refusal = refusals.at(0);
	const refused = refusal && { failure: failureOf(refusal), index: places[(refusal.row ?? 1) - 1] ?? 0 };
	const unreadable = rows.findIndex((row) => !isRow(row));
	if (unreadable < 0 || (refused !== undefined && refused.index < unreadable)) return refused;
	return { failure: rows[unreadable] as Failure, index: unreadable };
}

function firstFailure(results: Result[]): Settled['failed'] {
	const index = results.findIndex((result) => 'failure' in result);
	const result = results[index];
	return result !== undefined && 'failure' in result ? { failure: result.failure, index } : undefined;
}

function summaryOf({ applied, skipped, rows }: Report): string {
	return `${applied + skipped} of ${rows} items are done; running the node again is safe.`;
}

function resultOf(row: Row, { outcome, error }: RowOutcome, report: Report, options: Options): Result {
	const { onLongWait = 'pending', onUnknownCustomer = 'fail' } = options;
	const names = Object.entries(row).filter(([, value]) => value !== undefined && value !== null && value !== '');
	const json = { ...Object.fromEntries(names), outcome } as IDataObject;
	if (outcome === 'applied' || outcome === 'skipped') return { json };
	if (outcome === 'rejected' && error?.kind === 'rejected' && onUnknownCustomer === 'continue') {
		const { code, message: reason, advice } = error;
		return { json: { ...json, code, reason, advice } };
	}
	// What was under way when the time was up is unknown without an error of its own.
	const isLeft = outcome !== 'rejected' && (error === undefined || error.kind === 'quota');
	if (isLeft && report.resumeAt !== undefined && report.stoppedBy === undefined) {
		const resumeAt = report.resumeAt.toISOString();
		if (onLongWait === 'pending') return { json: { ...json, resumeAt } };
		const message = `The quota or the time is used up until ${resumeAt}`;
		return { failure: { message, description: report.advice, details: { ...json, resumeAt } } };
	}
	const failure = failureOf(error ?? report.stoppedBy ?? { message: 'The execution was stopped', advice: report.advice });
	return { failure: { ...failure, details: { ...json, ...failure.details } } };
}
