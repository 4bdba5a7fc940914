/**
 * Soft rules that are broken are mended by optional moves, one VM at a time, where that lowers the
 * objective by more than it costs; and an overloaded host is relieved against soft rules where
 * nothing else helps and it is worth more than they are (weights.softRules for each VM).
 *
 * Everywhere else an optional move that breaks a soft rule is refused (state.ts). So the VMs that
 * stand against soft rules become fewer with each plan, but for what relieves a host, and a
 * relieved host is never filled above its limit again: it comes to rest.
 */

import type { Finding } from '../domain/finding.ts';
import { type ClearTask, excessOf, reliefCandidates } from './clear.ts';
import type { Draft } from './draft.ts';
import type { Choice, Judge } from './judge.ts';
import type { Repair } from './repair.ts';

/** What one VM's move makes possible for another one is seen in a further round. */
const MAX_ROUNDS = 4;

export function mendSoft(draft: Draft, mends: readonly Repair[], makeJudge: () => Judge): void {
  if (mends.length === 0 || draft.state.model.weights.softRules <= 0) return;
  const judge = makeJudge();
  // Who has to leave for a better reason leaves with the next plan: nobody follows it before.
  const unsettled = new Set(
    draft.open.filter(({ finding }) => finding.tier !== 'optional').map(({ vm }) => vm),
  );
  const settled = mends.filter(({ rule }) => !rule.members.some((vm) => unsettled.has(vm)));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const before = draft.state.moves.length;
    for (const one of settled) mend(draft, one, judge);
    if (draft.state.moves.length === before) break;
  }
  for (const one of mends) noteOpen(draft, one);
}

function mend(draft: Draft, { rule, finding, terms }: Repair, judge: Judge): void {
  const { state } = draft;
  for (const vm of rule.movers?.(state.at) ?? rule.members) {
    if (rule.remedy(vm, state.at) === undefined) continue;
    const hosts = [...state.model.hosts.keys()].filter((h) => state.strain(vm, h) < 0);
    const choice = judge.bestMove(vm, hosts, terms);
    if (choice !== undefined)
      judge.move(draft, choice, { finding, terms, makesRoomFor: undefined });
  }
}

/** One VM speaks for all of the rule: what keeps it there mostly keeps the others. */
function noteOpen(draft: Draft, { rule, finding, terms }: Repair): void {
  const { at } = draft.state;
  if (rule.broken(at) === 0) return;
  const movers = rule.movers?.(at) ?? rule.members;
  const vm = movers.find((member) => rule.remedy(member, at) !== undefined);
  if (vm === undefined) return;
  const host = at[vm] ?? -1;
  const instead = rule.instead?.(vm, at);
  draft.open.push({ vm, host, finding, terms, detail: 'stays against the soft rule', instead });
}

/** True: the host is relieved now. */
export function relieveAgainstSoft(
  draft: Draft,
  task: ClearTask,
  finding: Finding,
  makeJudge: () => Judge,
): boolean {
  const { state } = draft;
  if (state.rules.soft.length === 0) return false;
  const terms = { ...task.reliefTerms, mayStrain: true } as const;
  const judge = makeJudge();
  while (excessOf(state, task) > 0) {
    let best: Choice | undefined;
    for (const vm of reliefCandidates(state, task, draft.residents(task.host))) {
      if (state.rules.softOf[vm] === undefined) continue;
      const choice = judge.bestMove(vm, [...state.model.hosts.keys()], terms);
      if (choice !== undefined && choice.gain > (best?.gain ?? 0)) best = choice;
    }
    if (best === undefined) return false;
    judge.move(draft, best, { finding, terms, makesRoomFor: undefined });
  }
  return true;
}
