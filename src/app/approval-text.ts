/** What a person is told after an approval: what it has set going, and what it has not. */

import { APPROVAL_SECONDS } from '../domain/approval.ts';
import type { ApprovalView } from '../ports/api.ts';
import type { Approved } from './dispatcher.ts';

const MINUTES = APPROVAL_SECONDS / 60;

export function approvalView({ run, held, before, gone, elsewhere }: Approved): ApprovalView {
  const causes = held.flatMap(({ verdict }) =>
    verdict.refusals.length > 0 ? verdict.refusals.map(({ code }) => code) : [verdict.verdict],
  );
  const why = [...new Set(causes)].toSorted().join(', ');
  const parts = [
    phrase(run.length, 'runs now', 'run now'),
    phrase(held.length, `is held back for now (${why})`, `are held back for now (${why})`),
    phrase(before.length, 'was approved before', 'were approved before'),
    phrase(gone.length, 'is not wanted any more', 'are not wanted any more'),
    phrase(elsewhere.length, ELSEWHERE, ELSEWHERE),
  ].filter((part) => part !== '');
  const isNew = run.length + held.length + elsewhere.length > 0;
  const holds = held.length + elsewhere.length > 0 ? `; the approval holds for ${MINUTES} min` : '';
  return {
    moves: run.length,
    held: held.length,
    before: before.length,
    gone: gone.length,
    elsewhere: elsewhere.length,
    text: `${isNew ? 'approved' : 'nothing is left to approve'}: ${parts.join(', ')}${holds}`,
  };
}

const ELSEWHERE = 'for the controller that holds its cluster, at its next tick';

function phrase(count: number, one: string, many: string): string {
  if (count === 0) return '';
  return count === 1 ? `1 move ${one}` : `${count} moves ${many}`;
}
