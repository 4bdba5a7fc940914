/**
 * VMs that Drover stands on (domain/own-vm.ts), in a plan. Which of them may move at all is decided
 * before the search; that they come last is a matter of the order alone, since the room that they
 * leave is given to nobody in the same plan. Where a rule makes others wait for their departure all
 * the same, those are left for the next plan.
 *
 * While one of them has to leave its host, what can wait is left out: plan after plan of that would
 * keep it waiting for its turn. Not for one whose moves came to nothing: that may go on for long.
 * Nor where it would have no place to go then: what can wait makes room for it.
 */

import { carriedText } from '../domain/own-vm.ts';
import type { PlacementKind } from '../domain/placement.ts';
import type { Plan } from '../domain/plan.ts';
import type { Vm } from '../domain/vm.ts';
import type { Draft } from './draft.ts';
import type { Model } from './model.ts';
import type { Needs } from './needs.ts';
import type { PlanRequest } from './request.ts';

/** Kinds of rules that bind each member by itself: the others can be mended by moving others. */
const OF_EACH: ReadonlySet<PlacementKind> = new Set(['pin', 'avoid', 'licensed']);

/** Per VM: 1 where it is one of them and has no need of its own to move. Undefined: none is. */
export function keptOwn(model: Model, needs: Needs, request: PlanRequest): Uint8Array | undefined {
  if (model.vms.every(({ own }) => own === undefined)) return undefined;
  const kept = Uint8Array.from(model.vms, ({ own }) => (own === undefined ? 0 : 1));
  // The first answer is about who can go at once.
  if (request.isFirst === true) return kept;
  const leaving = new Set([...needs.evacuations, ...needs.restarts].map(({ host }) => host));
  for (const [v, host] of model.home.entries()) if (leaving.has(host)) kept[v] = 0;
  for (const { rule } of needs.repairs) {
    const isItsOwn = OF_EACH.has(rule.rule.kind) || rule.members.every((v) => isOwn(model, v));
    if (!isItsOwn) continue;
    for (const v of rule.members) if (rule.remedy(v, model.home) !== undefined) kept[v] = 0;
  }
  for (const { vm } of needs.returns) kept[vm] = 0;
  return kept;
}

export function isOwn(model: Model, v: number): boolean {
  return model.vms[v]?.own !== undefined;
}

/** Why it does not move for the good of others. */
export function keptText(model: Model, v: number): string {
  const own = model.vms[v]?.own;
  return own === undefined ? '' : `it ${carriedText(own)}, and does not have to move`;
}

/** What goes last; undefined: it may go in its turn. */
export function ownText(model: Model, v: number): string | undefined {
  const own = model.vms[v]?.own;
  return own === undefined ? undefined : `it goes last and alone, since it ${carriedText(own)}`;
}

/**
 * What is left to be planned where one of them has to leave its host and something else could
 * wait; undefined: the plan is good as it is.
 */
export function withoutWhatCanWait(draft: Draft, request: PlanRequest): PlanRequest | undefined {
  const hasOptional = [...draft.causes.values()].some(({ finding }) => finding.tier === 'optional');
  if (!hasOptional || inNeed(draft, request).length === 0) return undefined;
  return { ...request, findings: request.findings.filter(({ tier }) => tier !== 'optional') };
}

/**
 * For the report of what was planned without it: why that is better.
 * @returns undefined: it is not, none of them goes
 */
export function waitingNote(
  draft: Draft,
  request: PlanRequest,
  without: Pick<Plan, 'moves'>,
): string | undefined {
  const going = new Set(without.moves.map(({ vm }) => vm));
  const vm = inNeed(draft, request).find(({ id }) => going.has(id));
  if (vm === undefined) return undefined;
  return `moves that can wait are left for later: ${vm.name} has to leave its host, and goes alone`;
}

function inNeed({ causes, state }: Draft, { snapshot }: PlanRequest): readonly Vm[] {
  const failed = new Set(
    (snapshot.breakers ?? []).flatMap(({ subject }) => ('vm' in subject ? subject.vm : [])),
  );
  const { model } = state;
  const urgent = state.moves.filter(({ vm }) => causes.get(vm)?.finding.tier === 'mandatory');
  return urgent.flatMap(({ vm: v }) => {
    const vm = model.vms[v];
    return vm?.own === undefined || failed.has(vm.id) ? [] : [vm];
  });
}
