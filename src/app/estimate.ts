/**
 * What emptying hosts would take, from the plan that would be made for it: does everybody fit
 * elsewhere, when is the last one gone, who cannot leave and why, and what the gate would say.
 * Pure.
 */

import type { HostId } from '../domain/ids.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { Plan, PlanResult, Unresolved } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import type { EstimateView } from '../ports/api.ts';
import { breaches } from '../rules/placement-findings.ts';

export interface EstimateInput {
  readonly snapshot: Snapshot;
  readonly hosts: readonly HostId[];
  readonly result: PlanResult;
  readonly verdicts: readonly GateVerdict[];
  readonly deadlineSeconds: number | null;
  readonly limits: Limits;
}

export function estimateView(input: EstimateInput): EstimateView {
  const { snapshot, hosts, result, verdicts, deadlineSeconds } = input;
  const leaving = snapshot.vms.filter((vm) => hosts.includes(vm.host) && vm.powerState !== 'off');
  const stays = leaving.flatMap((vm) => stayOf(vm, input));
  const seconds = emptyAfter(result.plan, hosts);
  const isLate = deadlineSeconds !== null && seconds > deadlineSeconds;
  return {
    hosts: hosts.map((id) => ({
      id,
      name: nameOf(snapshot, id),
      vms: leaving.filter((vm) => vm.host === id).length,
    })),
    fits: stays.length === 0,
    seconds: stays.length === 0 ? seconds : null,
    deadlineSeconds,
    meetsDeadline: deadlineSeconds === null ? null : stays.length === 0 && !isLate,
    moves: movesOf(input),
    stays,
    breaks: newlyBroken(input),
    held: heldBy(verdicts),
  };
}

/** Seconds from the start of the plan until the last VM has left the hosts; 0: nobody leaves. */
export function emptyAfter({ moves }: Plan, hosts: readonly HostId[]): number {
  const ends = moves
    .filter(({ from }) => hosts.includes(from))
    .map(({ predicted }) => predicted.startSeconds + predicted.seconds);
  return ends.reduce((last, end) => Math.max(last, end), 0);
}

/** Empty for a VM that leaves. */
function stayOf(vm: Vm, { snapshot, hosts, result }: EstimateInput): EstimateView['stays'] {
  if (snapshot.inFlight.some((flight) => flight.vm === vm.id)) return [];
  const last = result.plan.moves.findLast((move) => move.vm === vm.id);
  if (last !== undefined && !hosts.includes(last.to)) return [];
  const open = result.report.unresolved.find((one) => isAbout(one, vm));
  const { code = 'no-gain', detail = 'the plan leaves it where it is', proof } = open ?? {};
  const host = nameOf(snapshot, vm.host);
  return [{ id: vm.id, name: vm.name, host, code, detail, proof: proof?.text ?? null }];
}

function isAbout({ subject }: Unresolved, vm: Vm): boolean {
  return subject.kind === 'vm' && subject.vm === vm.id;
}

/** Those that leave the hosts, and those that make room for them, in the order of the plan. */
function movesOf({ snapshot, result }: EstimateInput): EstimateView['moves'] {
  const names = new Map(snapshot.vms.map(({ id, name }) => [id, name]));
  return result.plan.moves.map((move) => ({
    vm: move.vm,
    name: names.get(move.vm) ?? move.vm,
    from: nameOf(snapshot, move.from),
    to: nameOf(snapshot, move.to),
    method: move.method,
    criticality: move.criticality,
    startSeconds: move.predicted.startSeconds,
    seconds: move.predicted.seconds,
    downtimeSeconds: move.predicted.downtimeSeconds,
    bytes: move.predicted.bytes,
  }));
}

/** By the time the hosts are empty: they take nothing in, and lend nobody a reserve. */
function newlyBroken({ snapshot, hosts, result, limits }: EstimateInput): readonly string[] {
  const last = new Map(result.plan.moves.map((move) => [move.vm, move.to]));
  const after: Snapshot = {
    ...snapshot,
    hosts: snapshot.hosts.map((host) =>
      hosts.includes(host.id) ? { ...host, state: 'maintenance' } : host,
    ),
    vms: snapshot.vms.map((vm) => ({ ...vm, host: last.get(vm.id) ?? vm.host })),
  };
  const hard = (world: Snapshot): readonly string[] =>
    breaches(world, limits).broken.flatMap(({ rule }) =>
      rule.strength === 'hard' ? [rule.id] : [],
    );
  const before = new Set(hard(snapshot));
  return hard(after).filter((rule) => !before.has(rule));
}

/** Each reason once, with how many moves it holds up. */
function heldBy(verdicts: readonly GateVerdict[]): EstimateView['held'] {
  const counts = new Map<string, { code: string; detail: string; moves: number }>();
  for (const { refusals, verdict } of verdicts) {
    const [first] = refusals;
    const code = first?.code ?? verdict;
    if (code === 'execute') continue;
    const detail = first?.detail ?? '';
    const known = counts.get(`${code} ${detail}`) ?? { code, detail, moves: 0 };
    counts.set(`${code} ${detail}`, { ...known, moves: known.moves + 1 });
  }
  return [...counts.values()];
}

function nameOf({ hosts }: Snapshot, id: HostId): string {
  return hosts.find((host) => host.id === id)?.name ?? id;
}
