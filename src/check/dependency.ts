/**
 * Hard rules by which VMs need others beside them. A VM that had one of them for certain has to
 * have one wherever it is, or may be, at every moment (`always`) or in the end (`finally`). Who is
 * in flight is of use only where both of its hosts are; who is moving, only when it has arrived.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import type { DependencyRule } from '../domain/placement.ts';
import type { Violation } from '../domain/violation.ts';
import { type Scene, type Stay, against } from './world.ts';

type DomainOf = (host: HostId) => string | undefined;

export function judgeDependency(
  scene: Scene,
  rule: DependencyRule,
  domainOf: DomainOf,
): Violation[] {
  const runs = (vm: VmId): boolean => (scene.world.vms.get(vm)?.powerState ?? 'off') !== 'off';
  const needed = [...new Set(rule.on)].filter(runs);
  const isServed = rule.hold === 'always' ? servedAlways : servedInTheEnd;
  return [...new Set(rule.vms)].filter(runs).flatMap((vm) => {
    const beside = { scene, domainOf, others: needed.filter((other) => other !== vm) };
    const stays = scene.stays.get(vm) ?? [];
    const atFirst = stays.filter((stay) => stay.arrival === undefined);
    if (!atFirst.every((stay) => servedAtFirst(beside, stay))) return [];
    const wrong = stays.find((stay) => !isServed(beside, stay));
    if (wrong === undefined) return [];
    // Its own arrival is at fault, else somebody who left it.
    const domain = domainOf(wrong.host);
    const leavers = beside.others.flatMap((other) => scene.steps.get(other) ?? []);
    const left = leavers.filter(({ from }) => domainOf(from.id) === domain);
    const step = scene.steps.get(vm)?.find(({ at }) => at === wrong.arrival) ?? left.at(-1);
    if (step === undefined) return [];
    const detail = `${rule.origin}: ${vm} could be on ${wrong.host} without those that it needs`;
    return [against(step, rule.kind, detail, { rule: rule.id })];
  });
}

interface Beside {
  readonly scene: Scene;
  readonly domainOf: DomainOf;
  /** The VMs of which one is needed. */
  readonly others: readonly VmId[];
}

/** The others' stays in the domain of this one, by VM; nobody is beside who is nowhere known. */
function staysBeside({ scene, domainOf, others }: Beside, stay: Stay) {
  const domain = domainOf(stay.host);
  return others.map((other) => {
    const all = scene.stays.get(other) ?? [];
    const here = all.filter(({ host }) => domain !== undefined && domainOf(host) === domain);
    return { all, here };
  });
}

function servedAtFirst(beside: Beside, stay: Stay): boolean {
  return staysBeside(beside, stay).some(({ all, here }) => {
    const first = all.filter(({ arrival }) => arrival === undefined);
    return first.length > 0 && first.every((one) => here.includes(one));
  });
}

function servedInTheEnd(beside: Beside, stay: Stay): boolean {
  if (stay.departure !== undefined) return true;
  return staysBeside(beside, stay).some(({ all, here }) => {
    const last = all.filter(({ departure }) => departure === undefined);
    return last.length > 0 && last.every((one) => here.includes(one));
  });
}

/**
 * The worst moment is one at which the VM is there, or coming, all others that were there have
 * begun to leave, and none that comes has arrived. It exists unless what has to be done for the
 * former has ended the VM's own stay, or includes such an arrival.
 */
function servedAlways(beside: Beside, stay: Stay): boolean {
  const { order } = beside.scene.world;
  const started: number[] = stay.arrival === undefined ? [] : [stay.arrival];
  const arrivals: number[] = [];
  for (const { all, here } of staysBeside(beside, stay)) {
    const first = all.filter(({ arrival }) => arrival === undefined);
    const [only] = first;
    if (first.length > 1) {
      if (first.every((one) => here.includes(one))) return true;
    } else if (only !== undefined && here.includes(only)) {
      // Within the domain it stays of use.
      const leaving = all.find((one) => one.departure !== undefined && here.includes(one));
      const away = all.filter((one) => !here.includes(one));
      if (away.length === 0) return true;
      if (leaving?.departure !== undefined) started.push(leaving.departure);
    } else if (all.length === 2 && here[0]?.arrival !== undefined) arrivals.push(here[0].arrival);
  }
  const isDone = (move: number): boolean => started.some((other) => order.before(move, other));
  if (stay.departure !== undefined && isDone(stay.departure)) return true;
  return arrivals.some(isDone);
}
