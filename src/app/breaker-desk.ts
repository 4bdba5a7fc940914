/** Circuit breakers as operators see and reset them: by the names of VMs and hosts. */

import { type Breaker, breakerName, breakerText } from '../domain/breaker.ts';
import type { Host } from '../domain/host.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Vm } from '../domain/vm.ts';
import type { BreakerBoard } from '../execute/breaker-board.ts';
import type { ApiProblem, BreakerView } from '../ports/api.ts';

export interface BreakerParts {
  readonly board: Pick<BreakerBoard, 'all' | 'reset'>;
  readonly findVm: (name: string) => Vm | undefined;
  readonly findHost: (name: string) => Host | undefined;
}

export function breakerViews(breakers: readonly Breaker[]): readonly BreakerView[] {
  return breakers.map((breaker) => {
    const { subject, state, failures, until } = breaker;
    return { name: breakerName(subject), state, failures, until, text: breakerText(breaker) };
  });
}

/** Those that stand in the way of the host. */
export function breakersOfHost(
  breakers: readonly Breaker[],
  { id, source }: Pick<Host, 'id' | 'source'>,
): readonly BreakerView[] {
  const about = breakers.filter(({ subject }) => {
    if (subject.kind === 'source') return subject.source === source;
    return (subject.kind === 'out' || subject.kind === 'into') && subject.host === id;
  });
  return breakerViews(about);
}

export async function resetBreaker(
  { board, findVm, findHost }: BreakerParts,
  given: string,
  by: string,
): Promise<Result<BreakerView, ApiProblem>> {
  const [kind = '', first = '', ...rest] = given.split(':');
  const vm = kind === 'vm' ? findVm(first)?.id : undefined;
  const host = kind === 'out' || kind === 'into' ? findHost(first)?.id : undefined;
  const target = rest.map((part) => findHost(part)?.id ?? part);
  const name = [kind, vm ?? host ?? first, ...target].join(':');
  const found = board.all.find(({ subject }) => [given, name].includes(breakerName(subject)));
  if (found === undefined) return fail(noSuch(given, board.all));
  await board.reset(breakerName(found.subject), by);
  const [view] = breakerViews([found]);
  return view === undefined ? fail(noSuch(given, board.all)) : ok(view);
}

/** More names than these help nobody. */
const MOST_NAMES = 10;

function noSuch(name: string, breakers: readonly Breaker[]): ApiProblem {
  const names = breakers.slice(0, MOST_NAMES).map(({ subject }) => breakerName(subject));
  return {
    status: 404,
    code: 'not-found',
    detail: `no breaker ${JSON.stringify(name)} is open`,
    hint: names.length === 0 ? 'all are closed' : `not closed: ${names.join(', ')}`,
  };
}
