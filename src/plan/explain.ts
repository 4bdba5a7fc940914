/** All that speaks against one VM on one host: for `why`, and for what a plan leaves open. */

import { staticRefusals } from '../domain/compatibility.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { Refusal } from '../domain/refusal.ts';
import {
  COOL_DOWN,
  IN_FLIGHT,
  PLANNED_ALREADY,
  OWN_VM,
  PRESERVE,
  QUARANTINED,
  RESOURCE_UNKNOWN,
  STALE_METRICS,
  codeName,
} from './codes.ts';
import { methodsFor } from './compat.ts';
import { type Needs, shareOf } from './needs.ts';
import { keptText } from './own-vms.ts';
import type { PlanRequest } from './request.ts';
import { formatAmount, unknownNeeds, unknownRoom } from './resource-words.ts';
import { type Setting, makeSetting } from './setting.ts';
import type { State, Terms } from './state.ts';

/**
 * Every reason against the VM on the host as the snapshot stands; empty: it could go there. The
 * terms are those of the most urgent finding that asks for the VM: its host is dead, or to be
 * emptied, it is wanted home there, a rule about it is broken, its host is overloaded; else those
 * of an optional move. Throws RangeError when the snapshot has no such VM or host.
 */
export function explainPair(request: PlanRequest, vm: VmId, host: HostId): readonly Refusal[] {
  return explainVm(request, vm, [host])[0] ?? [];
}

/** The same for several hosts, in their order; the setting is made once. */
export function explainVm(
  request: PlanRequest,
  vm: VmId,
  hosts: readonly HostId[],
): readonly (readonly Refusal[])[] {
  const setting = makeSetting(request);
  const v = setting.model.vmIndex.get(vm);
  if (v === undefined) throw new RangeError(`no such VM in the snapshot: ${vm}`);
  return hosts.map((host) => {
    const to = setting.model.hostIndex.get(host);
    if (to === undefined) throw new RangeError(`no such host in the snapshot: ${host}`);
    return refusalsOf(setting, { v, to, terms: termsFor(setting, v, to) });
  });
}

/** Those of the most urgent finding that asks for the VM: on them the decision was made. */
function termsFor(setting: Setting, v: number, to: number): Terms {
  const { needs, model } = setting;
  const isThere = (one: { readonly host: number }): boolean => one.host === model.home[v];
  if (needs.restarts.some(isThere)) return setting.restartTerms();
  const leaving = needs.evacuations.find(isThere);
  if (leaving !== undefined) return setting.termsOf(leaving.finding.tier);
  const comesHome = needs.returns.find((one) => one.vm === v && one.to === to);
  if (comesHome !== undefined) return setting.homeTermsOf(comesHome.finding.tier);
  const isAbout = ({ rule }: Needs['repairs'][number]): boolean => rule.members.includes(v);
  const [repair, mend] = [needs.repairs.find(isAbout), needs.mends.find(isAbout)];
  if (repair !== undefined) return setting.termsOf(repair.finding.tier);
  const relief = needs.reliefs.find(isThere);
  if (relief !== undefined) {
    return setting.reliefTerms(relief.finding, shareOf(relief, model), relief.resource);
  }
  return setting.termsOf(mend?.finding.tier ?? 'optional');
}

export interface Pair {
  readonly v: number;
  readonly to: number;
  readonly terms: Terms;
}

/** The reasons as the setting's state stands, each with its figures. */
export function refusalsOf(setting: Setting, { v, to, terms }: Pair): readonly Refusal[] {
  const { model, state, request } = setting;
  const vm = model.vms[v];
  const host = model.hosts[to];
  if (vm === undefined || host === undefined) return [];
  const found: { code: Refusal['code']; detail: string }[] = [];
  const from = model.hosts[state.at[v] ?? -1];
  const [method] = methodsFor(vm, request.migration, terms.compatibility.ways);
  if (from === undefined) found.push({ code: 'world-moved-on', detail: `no host ${vm.host}` });
  else if (method === undefined) found.push({ code: 'method-unsupported', detail: '' });
  else if (from.id === host.id || terms.compatibility.way(v, to).code !== 0) {
    found.push(...staticRefusals(vm, from, host, method, request.migration));
  } else if (vm.vcpus > host.cpu.threads) {
    found.push({ code: 'vcpus', detail: `${vm.vcpus} vCPUs, ${host.cpu.threads} threads` });
  }
  found.push(...momentary(state, { v, to, terms }, request));
  // Who has which leases can be changed: it is the reason where nothing else is in the way.
  const order: readonly Refusal['code'][] = ['own-leases', 'other-controller'];
  const last = ({ code }: { readonly code: Refusal['code'] }): number => order.indexOf(code);
  return found
    .toSorted((a, b) => last(a) - last(b))
    .map(({ code, detail }) => ({ code, vm: vm.id, host: host.id, detail }));
}

function momentary(
  state: State,
  { v, to, terms }: Pair,
  request: PlanRequest,
): { code: Refusal['code']; detail: string }[] {
  const found: { code: Refusal['code']; detail: string }[] = [];
  const { model } = state;
  const stuck = state.stuck(v, terms);
  if (stuck === COOL_DOWN) {
    const rest = `moved within the last ${request.limits.cooldownSeconds} s`;
    found.push({ code: 'cool-down', detail: rest });
  } else if (stuck === STALE_METRICS) {
    found.push({ code: 'stale-metrics', detail: 'CPU demand of the VM is not known' });
  } else if (stuck === RESOURCE_UNKNOWN) {
    const names = unknownNeeds(model, v).join(', ');
    found.push({ code: 'resource-unknown', detail: `nobody knows what it needs of ${names}` });
  } else if (stuck === IN_FLIGHT) found.push({ code: 'in-flight', detail: '' });
  else if (stuck === PLANNED_ALREADY) {
    const there = model.hosts[state.at[v] ?? -1]?.name ?? '';
    found.push({ code: 'planned-already', detail: `to ${there}` });
  } else if (stuck === OWN_VM) found.push({ code: 'own-vm', detail: keptText(model, v) });
  if (state.at[v] === to) return found;
  if (state.closed[to] === 1) {
    found.push({ code: codeName(QUARANTINED), detail: 'a finding lets nothing in' });
  }
  found.push(...shortages(state, { v, to, terms }));
  const lacks = state.space?.shortages(v, to) ?? [];
  found.push(...lacks.map((detail) => ({ code: 'storage-space', detail }) as const));
  if (terms.optional && model.hostMeasured[to] === 0) {
    found.push({ code: 'stale-metrics', detail: 'CPU use of the host is not known' });
  }
  if (terms.optional && terms.mayStrain !== true && state.strain(v, to) > 0) {
    const rules = (state.rules.softOf[v] ?? []).filter((r) => r.strain(v, state.at)(to) > 0);
    const named = rules.map(({ rule }) => `${rule.id} (${rule.origin})`).join(', ');
    found.push({ code: 'no-gain', detail: `against the soft rule ${named}` });
  }
  if (state.isSpent(terms)) {
    found.push({ code: 'budget', detail: 'the plan may hold no more moves: limits.movesPerPlan' });
  }
  found.push(...notAllowed(state, { v, to, terms }));
  for (const rule of state.rules.hardOf[v] ?? []) {
    if (!state.isForbiddenBy(rule, v, to, terms, 'in-the-end')) continue;
    found.push({ code: codeName(rule.code), detail: `${rule.id} (${rule.rule.origin})` });
  }
  return found;
}

/** Budgets, the reverse-move ban and breakers, as the snapshot stands. */
function notAllowed(
  state: State,
  { v, to, terms }: Pair,
): { code: Refusal['code']; detail: string }[] {
  const { allowed, model, at } = state;
  const [vm, from, target] = [model.vms[v], model.hosts[at[v] ?? -1], model.hosts[to]];
  if (allowed === undefined || vm === undefined) return [];
  if (from === undefined || target === undefined) return [];
  const tier = terms.urgent ? 'mandatory' : 'corrective';
  const against = allowed.allowances.against(
    { vm: vm.id, from, to: target },
    tier,
    terms.restMatters,
  );
  const code = against.length > 0 ? 0 : state.notAllowed(v, to, terms);
  if (code !== 0) return [{ code: codeName(code), detail: 'the plan uses up what is left' }];
  return against.map(({ code: name, detail }) => ({ code: name, detail }));
}

function shortages(
  state: State,
  { v, to, terms }: Pair,
): { code: Refusal['code']; detail: string }[] {
  const { width, need } = state.model;
  return Array.from({ length: width }, (_none, r) => r).flatMap((r) => {
    const wanted = need[v * width + r] ?? 0;
    const load = state.gross[to * width + r] ?? 0;
    const free = (terms.limit[to * width + r] ?? 0) - load;
    if (wanted <= 0 || wanted <= free) return [];
    const code = state.shortageCode(to, r, load + wanted, terms.limit);
    if (code === RESOURCE_UNKNOWN) {
      return [{ code: codeName(code), detail: unknownRoom(state.model, to, r) }];
    }
    const room = formatAmount(state.model, r, Math.max(0, free));
    const isBent = (terms.limit[to * width + r] ?? 0) > (state.model.safe[to * width + r] ?? 0);
    const below = isBent ? 'in all' : 'within the safety capacity';
    const within = code === PRESERVE ? 'beside what is kept free' : below;
    const detail = `needs ${formatAmount(state.model, r, wanted)}, ${room} free ${within}`;
    return [{ code: codeName(code), detail }];
  });
}
