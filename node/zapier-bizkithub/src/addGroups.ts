import { allowedGroupsOfField, groupsOfField, QuotaError, type Report } from 'bizkithub/wasm';
import { defineCreate, type Bundle, type ZObject } from 'zapier-platform-core';

import { clientOf, TIME_LIMIT } from './client';
import { telling } from './errors';

/** Puts the groups of one customer, and tells what was done. */
const perform = telling(async (z: ZObject, bundle: Bundle) => {
  const { email, cuRefNo } = bundle.inputData as { readonly email?: unknown; readonly cuRefNo?: unknown };
  const groups = groupsOfField(bundle.inputData['groups']);
  const allowed: unknown = bundle.inputData['allowedGroups'];
  const plan = await clientOf(z, bundle).plan([{ email, cuRefNo, groups }], {
    email: 'email',
    cuRefNo: 'cuRefNo',
    groups: 'groups',
    // Zapier hands over an empty list for a field that nobody filled.
    allowGroups: Array.isArray(allowed) && allowed.length === 0 ? undefined : allowedGroupsOfField(allowed),
  });
  const report = await plan.run({ deadline: TIME_LIMIT });
  if (report.applied !== 1) throw reasonOf(report);
  return { email: email ?? null, cuRefNo: cuRefNo ?? null, groups };
});

function reasonOf(report: Report): Error {
  const { resumeAt, stoppedBy } = report;
  const reason = report.outcomes().at(0)?.error ?? stoppedBy;
  const isSilent = reason === undefined || (reason.kind === 'quota' && reason.retryAt === undefined);
  if (reason !== undefined && (!isSilent || resumeAt === undefined)) return reason;
  // The run knows when to go on where the server does not say.
  const { message } = reason ?? { message: 'it was not done within the time that Zapier gives' };
  return new QuotaError({ kind: 'quota', ...reason, message, ...(resumeAt && { retryAt: resumeAt }) });
}

export const addGroups = defineCreate({
  key: 'add_groups',
  noun: 'Customer',
  display: {
    label: 'Add Groups to Customer',
    description: 'Puts one or more groups (tags) on a customer. Groups that the customer has already are left as they are.',
  },
  operation: {
    perform,
    inputFields: [
      {
        key: 'email',
        label: 'Email',
        type: 'string',
        required: false,
        helpText: "The customer's email address. Either it or the reference number is needed.",
      },
      {
        key: 'cuRefNo',
        label: 'Reference Number',
        type: 'string',
        required: false,
        helpText: "The customer's reference number (cuRefNo), 16 letters and digits. It wins when both are given.",
      },
      {
        key: 'groups',
        label: 'Groups',
        type: 'string',
        list: true,
        required: true,
        helpText: 'The names or slugs of the groups, one in each line, or several separated by `;` or `|` (not by commas). Groups that do not exist are created.',
      },
      {
        key: 'allowedGroups',
        label: 'Allowed Groups',
        type: 'string',
        list: true,
        required: false,
        helpText: 'When given, any other group is refused, so that a typo creates no group.',
      },
    ],
    sample: { email: 'jan@barasek.com', cuRefNo: '1cGIHvFoQDGLAbcA', groups: ['personal-training'] },
    outputFields: [
      { key: 'email', label: 'Email', type: 'string' },
      { key: 'cuRefNo', label: 'Reference Number', type: 'string' },
      { key: 'groups', label: 'Groups', list: true, type: 'string' },
    ],
  },
});
