import type { Plan, Report, RowOutcome } from 'bizkithub/wasm';
import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { clientOf } from './client';
import { errorItem, failureOf, nodeError, type Failure } from './failure';
import { groupsOf, listOf } from './groups';

/** What the collection "Options" holds. */
type Options = {
	allowGroups?: unknown;
	concurrency?: number;
	longestWait?: number;
	onLongWait?: 'fail' | 'pending';
	onUnknownCustomer?: 'fail' | 'continue';
	pace?: 'even' | 'fast';
	quota?: string;
};

/** What the fields of an item say. */
type Row = { email: unknown; cuRefNo: unknown; groups: unknown };

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
	let settled: Settled;
	try {
		settled = await settle(context, count);
	} catch (error) {
		// What concerns all items fails each of them: to throw while the node continues on errors would let them pass unchanged.
		const failure = failureOf(error);
		settled = { results: Array.from({ length: count }, () => ({ failure })), failed: { failure }, summary: NOTHING_SENT };
	}
	const { results, failed, summary } = settled;
	if (failed !== undefined && !context.continueOnFail()) throw nodeError(context, failed.failure, failed.index, summary);
	return results.map((result, index) =>
		'failure' in result ? errorItem(result.failure, index) : { json: result.json, pairedItem: { item: index } },
	);
}

async function settle(context: IExecuteFunctions, count: number): Promise<Settled> {
	const options = context.getNodeParameter('options', 0, {}) as Options;
	const rows = Array.from({ length: count }, (_, index) => rowOf(context, index));
	const plan = await planOf(context, rows, options);
	const refusal = plan.refusals.at(0);
	if (refusal !== undefined && !context.continueOnFail()) {
		return { results: [], failed: { failure: failureOf(refusal), index: (refusal.row ?? 1) - 1 }, summary: NOTHING_SENT };
	}
	const { concurrency, longestWait = 60, pace } = options;
	const report = await plan.run({
		signal: context.getExecutionCancelSignal(),
		concurrency,
		pace,
		...(longestWait > 0 ? { longestWait: longestWait * 1000 } : { onQuota: 'stop' }),
	});
	const outcomes = report.outcomes().toArray();
	const results = rows.map((row, index) => resultOf(row, outcomes[index], report, options));
	return { results, failed: firstFailure(results), summary: summaryOf(report) };
}

function firstFailure(results: Result[]): Settled['failed'] {
	const index = results.findIndex((result) => 'failure' in result);
	const result = results[index];
	return result !== undefined && 'failure' in result ? { failure: result.failure, index } : undefined;
}

function summaryOf({ applied, skipped, rows }: Report): string {
	return `${applied + skipped} of ${rows} items are done; running the node again is safe.`;
}

function rowOf(context: IExecuteFunctions, index: number): Row {
	return {
		email: context.getNodeParameter('email', index, ''),
		cuRefNo: context.getNodeParameter('cuRefNo', index, ''),
		groups: groupsOf(context.getNodeParameter('groups', index, [])),
	};
}

async function planOf(context: IExecuteFunctions, rows: Row[], options: Options): Promise<Plan> {
	const client = await clientOf(context, { quota: options.quota === '' ? undefined : options.quota });
	const allowGroups = listOf(options.allowGroups).map(String);
	return await client.plan(rows, {
		email: 'email',
		cuRefNo: 'cuRefNo',
		groups: 'groups',
		allowGroups: allowGroups.length === 0 ? undefined : allowGroups,
	});
}

function resultOf(row: Row, outcome: RowOutcome | undefined, report: Report, options: Options): Result {
	const { onLongWait = 'pending', onUnknownCustomer = 'fail' } = options;
	const names = Object.entries(row).filter(([, value]) => value !== undefined && value !== null && value !== '');
	const json = { ...Object.fromEntries(names), outcome: outcome?.outcome } as IDataObject;
	switch (outcome?.outcome) {
		case 'applied':
		case 'skipped':
			return { json };
		case 'rejected':
			if (outcome.error?.kind === 'rejected' && onUnknownCustomer === 'continue') {
				const { code, message: reason, advice } = outcome.error;
				return { json: { ...json, code, reason, advice } };
			}
			break;
		case 'pending':
			if (report.resumeAt !== undefined && report.stoppedBy === undefined) {
				const resumeAt = report.resumeAt.toISOString();
				if (onLongWait === 'pending') return { json: { ...json, resumeAt } };
				const message = `The quota is used up until ${resumeAt}`;
				return { failure: { message, description: report.advice, details: { outcome: 'pending', resumeAt } } };
			}
			break;
		default:
	}
	const error = outcome?.error ?? report.stoppedBy;
	const failure = failureOf(error ?? { message: 'The execution was stopped', advice: report.advice });
	return { failure: { ...failure, details: { outcome: outcome?.outcome, ...failure.details } } };
}
