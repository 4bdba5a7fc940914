/**
 * In which order the VMs of a repaired host come home, and when the next of them may. The least
 * important come first, as canaries: if the repair was none, they are the ones to suffer. When
 * they have run there for a while and nothing speaks against the host, the others follow, one
 * criticality after the other, the most important last, and after them what Drover itself stands
 * on. Where somebody has taken room on the host
 * meanwhile, it is the important ones that it is kept for: for whom none is left comes last of all.
 * Pure; the order remembers how far it is.
 */

import { memoryCapacity, memoryNeed } from '../domain/demand.ts';
import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import { compareText, type HostId, type VmId, vmId } from '../domain/ids.ts';
import type { Order, ReturnProgress } from '../domain/order.ts';
import type { Limits, PolicySet } from '../domain/policy.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { CRITICALITIES, mayRun, type Vm } from '../domain/vm.ts';

/** Of a host that was returned just now. */
export const NOBODY_YET: ReturnProgress = { released: [], isTried: false };

export interface WaveView {
  readonly snapshot: Snapshot;
  readonly settings: Pick<PolicySet, 'limits' | 'maintenance'>;
  readonly now: EpochSeconds;
  /** VMs that were let go and cannot come: nobody waits for them. */
  readonly blocked: ReadonlySet<VmId>;
}

/** The next step of the return; the same object where nothing changes. */
export function nextWave(order: Order, progress: ReturnProgress, view: WaveView): ReturnProgress {
  if (progress.heldBy !== undefined) return progress;
  const { maintenance, limits } = view.settings;
  const released = new Set(progress.released);
  const waiting = inReturnOrder(order, view.snapshot, limits).filter(({ id }) => !released.has(id));
  const home = new Set<string>(order.home);
  const isUnderWay = progress.released.some((vm) => home.has(vm) && !view.blocked.has(vm));
  if (waiting.length === 0 || isUnderWay) return progress;
  if (progress.isTried || maintenance.canaries === 0) {
    return letGo({ ...progress, isTried: true }, nextClass(waiting));
  }
  if (!view.snapshot.vms.some((vm) => released.has(vm.id) && isThere(vm, order.host))) {
    const { triedSince: _none, ...rest } = progress;
    return letGo(rest, nextClass(waiting).slice(0, maintenance.canaries));
  }
  const { triedSince } = progress;
  // What lies ahead is of a clock that was set back: nobody knows how long they have run there.
  if (triedSince === undefined || triedSince > view.now) {
    return { ...progress, triedSince: view.now };
  }
  if (view.now - triedSince < maintenance.canarySeconds) return progress;
  return letGo({ ...progress, isTried: true }, nextClass(waiting));
}

/** Also where the host is silent at the moment: it is held back then, and no further VM is sent. */
function isThere(vm: Vm, host: HostId): boolean {
  return vm.host === host && mayRun(vm);
}

/**
 * The return held back, or not any more: then the host is tried out anew, and whom a rule has
 * taken away from it meanwhile is to come again. The same object where nothing changes; of several
 * reasons the first one is told.
 */
export function withHold(order: Order, against: string | undefined, snapshot: Snapshot): Order {
  const { progress } = order;
  if (progress === undefined) return order;
  if ((against === undefined) === (progress.heldBy === undefined)) return order;
  if (against !== undefined) return { ...order, progress: { ...progress, heldBy: against } };
  const away = new Set(snapshot.vms.filter((vm) => vm.host !== order.host).map(({ id }) => id));
  for (const { vm } of order.stays ?? []) away.delete(vm);
  const again = progress.released.filter((vm) => away.has(vm) && !order.home.includes(vm));
  const released = progress.released.filter((vm) => !again.includes(vm));
  return { ...order, home: [...order.home, ...again], progress: { released, isTried: false } };
}

/**
 * What speaks against letting anybody more come to the host: it does not answer, a rule wants it
 * empty or closed, a part of it is in a critical state, a VM that came home has crashed there.
 */
export function againstReturn(
  order: Order,
  snapshot: Snapshot,
  findings: readonly Finding[],
): string | undefined {
  const host = snapshot.hosts.find(({ id }) => id === order.host);
  // That it is gone is another story (homecoming.ts).
  if (host === undefined) return undefined;
  return silence(host) ?? againstHost(order, host, snapshot, findings);
}

/** May be over at the next look; whoever has to be sure waits for that, or for the host's death. */
export function silence({ connection, name }: Host): string | undefined {
  return connection === 'connected' ? undefined : `${name} does not answer`;
}

/** The same without regard to whether the host answers at the moment. */
export function againstHost(
  order: Order,
  host: Host,
  snapshot: Snapshot,
  findings: readonly Finding[],
): string | undefined {
  const finding = findings.find((one) => speaksAgainst(one, host.id));
  if (finding !== undefined) return finding.text;
  const part = host.health.find(({ level }) => level === 'critical');
  if (part !== undefined) return `${host.name}: ${part.component} is critical: ${part.detail}`;
  const came = new Set(order.progress?.released);
  const crashed = snapshot.vms.find(
    (vm) => vm.host === host.id && vm.powerState === 'crashed' && came.has(vm.id),
  );
  return crashed === undefined ? undefined : `${crashed.name} has crashed on ${host.name}`;
}

function speaksAgainst({ response, subject }: Finding, host: HostId): boolean {
  if (response !== 'evacuate' && response !== 'quarantine') return false;
  return subject.kind === 'host' && subject.host === host;
}

/** A VM that is to come home. */
interface Comer {
  readonly id: VmId;
  /** Earlier ones first: with room, without, and last those whom nobody reports. */
  readonly call: 'room' | 'no-room' | 'gone';
  /** 0: Drover stands on it; then by criticality, the most important first. */
  readonly rank: number;
  readonly need: number;
}

const CALLS: readonly Comer['call'][] = ['room', 'no-room', 'gone'];

/** The least important first, of the same the smaller. */
export function inReturnOrder(order: Order, snapshot: Snapshot, limits: Limits): readonly Comer[] {
  const vms = new Map(snapshot.vms.map((vm) => [vm.id, vm]));
  const comers = [...new Set(order.home.map(vmId))].map((id): Comer => {
    const vm = vms.get(id);
    if (vm === undefined) return { id, call: 'gone', rank: CRITICALITIES.length + 1, need: 0 };
    return { id, call: 'no-room', rank: rankOf(vm), need: memoryNeed(vm) };
  });
  const falling = comers.toSorted(
    (a, b) => a.rank - b.rank || a.need - b.need || compareText(a.id, b.id),
  );
  let free = freeMemory(order.host, snapshot, limits);
  const called = falling.map((comer): Comer => {
    if (comer.call === 'gone' || comer.need > free) return comer;
    free -= comer.need;
    return { ...comer, call: 'room' };
  });
  return called.toSorted(
    (a, b) =>
      CALLS.indexOf(a.call) - CALLS.indexOf(b.call) ||
      b.rank - a.rank ||
      a.need - b.need ||
      compareText(a.id, b.id),
  );
}

/** What Drover stands on tries no host out. */
function rankOf({ criticality, own }: Vm): number {
  return own === undefined ? 1 + CRITICALITIES.indexOf(criticality) : 0;
}

/** As the planner counts it, but for huge pages and what is on its way: it has the last word. */
function freeMemory(id: HostId, { hosts, vms }: Snapshot, limits: Limits): number {
  const host = hosts.find((one) => one.id === id);
  if (host === undefined) return 0;
  const capacity =
    memoryCapacity(host, overcommitOf(host, limits)) * safetyOf(host, 'memory', limits);
  const there = vms.filter((vm) => vm.host === id);
  return there.reduce((free, vm) => free - memoryNeed(vm), capacity);
}

/** Those that matter as little as the first of them. @param waiting in the order of return. */
function nextClass(waiting: readonly Comer[]): readonly Comer[] {
  const [first] = waiting;
  return waiting.filter(({ call, rank }) => call === first?.call && rank === first.rank);
}

function letGo(progress: ReturnProgress, comers: readonly Comer[]): ReturnProgress {
  return { ...progress, released: [...progress.released, ...comers.map(({ id }) => id)] };
}
