/**
 * Where the policy names pairs of resources: moves that relieve and evacuate go to other targets,
 * at no higher cost, where that leaves hosts the pairs more evenly in use (evenness.ts). Who moves
 * was settled before, and is the same as without pairs.
 *
 * Only who is free to go anywhere: no rule is about the VM, so that nobody else was placed with
 * regard to where it goes.
 */

import { isHostRule } from '../domain/placement.ts';
import type { Response } from '../domain/finding.ts';
import type { Cause, Draft } from './draft.ts';
import { isOwn } from './own-vms.ts';
import type { State } from './state.ts';

const FREE: ReadonlySet<Response> = new Set<Response>(['relieve', 'evacuate', 'restart']);

/** In terms of the objective, what is no difference. */
const ROUNDING = 1e-12;

export function evenOut(draft: Draft): void {
  const { state, causes } = draft;
  if (state.evenness === undefined) return;
  const made = state.moves.slice();
  // Who goes elsewhere after all leaves those without a purpose who have made room for it.
  const served = new Set([...causes.values()].map(({ makesRoomFor }) => makesRoomFor));
  for (const { vm, to } of made) {
    const cause = causes.get(vm);
    if (cause === undefined || served.has(vm) || !isFree(state, vm, cause)) continue;
    draft.takeBack(vm);
    draft.move(vm, evenest(state, vm, to, cause), cause);
  }
}

function isFree(state: State, v: number, { finding, terms, makesRoomFor }: Cause): boolean {
  if (makesRoomFor !== undefined || !FREE.has(finding.response)) return false;
  if (terms.overCpu === true || terms.overSoft === true || isOwn(state.model, v)) return false;
  const { hardOf, softOf } = state.rules;
  return softOf[v] === undefined && (hardOf[v] ?? []).every(({ rule }) => isHostRule(rule));
}

/** The host that takes the VM at any moment, for no more than the present target, most evenly. */
// oxlint-disable-next-line max-params -- who goes where now, and on what terms
function evenest(state: State, v: number, to: number, { terms }: Cause): number {
  const { evenness, net, model } = state;
  const added = (h: number): number => evenness?.added(v, h, net) ?? 0;
  const most = state.burden(v, to) + ROUNDING;
  let [best, least] = [to, added(to) - ROUNDING];
  for (const h of model.hosts.keys()) {
    const value = added(h);
    if (value >= least || isKept(state, v, to, h) || state.burden(v, h) > most) continue;
    if (state.refusal(v, h, terms, 'any-moment') === 0) [best, least] = [h, value];
  }
  return best;
}

/** Hosts that are kept for emergencies: who found a place there stays, and nobody else comes. */
// oxlint-disable-next-line max-params -- who goes where now, and where it might
function isKept({ rules, model }: State, v: number, to: number, h: number): boolean {
  return (rules.hardOf[v] ?? []).some(({ rule, yields }) => {
    if (yields === 'never' || !isHostRule(rule)) return false;
    const isThere = (host: number): boolean => {
      const { id } = model.hosts[host] ?? {};
      return id !== undefined && rule.hosts.includes(id);
    };
    return isThere(to) !== isThere(h);
  });
}
