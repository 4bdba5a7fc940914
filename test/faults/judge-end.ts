// Role: the judge's last look, after the trouble is over and the daemon has had its time: is all
// that must be done done, is every hour in which a guest stood still accounted for, does the ledger
// say what was said to it?
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { VmFacts } from '../../src/ports/hypervisor.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import { judgeAudit } from './judge-audit.ts';
import type { Judge } from './judge.ts';
import { type Script, timeText } from './script.ts';

export interface Ending {
  readonly script: Script;
  readonly datacenter: SimulatedDatacenter;
  readonly ledger: Ledger;
}

/** Undefined: nothing is left to be done. */
export async function leftToDo({
  script,
  datacenter,
  ledger,
}: Ending): Promise<string | undefined> {
  const open = await ledger.openMoves();
  const [first] = open;
  if (first !== undefined) {
    const { vm, from, to } = first.move;
    return `the move of ${vm} from ${from} to ${to} is still open`;
  }
  const orders = await ledger.orders(false);
  const returning = orders.find(({ state }) => state === 'returning');
  if (returning !== undefined) return `${returning.host} still waits for its VMs to come home`;
  const [wish] = await ledger.cancelWishes();
  if (wish !== undefined) return `the cancel of ${wish.what} is not carried out`;
  const there = guestsOn(script, datacenter);
  return there.length === 0 ? undefined : `${there.join(', ')} still on ${script.last}`;
}

function guestsOn(script: Script, { truth }: SimulatedDatacenter): readonly VmId[] {
  const ids = script.fleet.vms.map(({ facts }) => facts.id);
  const there = ids.filter((vm) => truth.whereabouts(vm).runningOn.includes(script.last));
  return there.filter((vm) => !mayStay(script, vm));
}

/** Whoever of the controllers acts may be in it: nobody can stand in for all of them. */
function mayStay({ rules }: Script, vm: VmId): boolean {
  const isAny = rules.own.some(
    (one) => one.vm === vm && one.role === 'controller' && one.controller === undefined,
  );
  return isAny && rules.ownWithoutStandby === 'leave';
}

export async function judgeEnd(judge: Judge, ending: Ending): Promise<void> {
  const { script, datacenter, ledger } = ending;
  const left = await leftToDo(ending);
  const shut = withSecondCopies(datacenter);
  const stuck = guestsOn(script, datacenter).filter(
    (vm) => hasPlace(judge, { script, vm, shut, datacenter }) && !isHalved(judge, vm, datacenter),
  );
  const isExcused = left?.endsWith(`still on ${script.last}`) === true && stuck.length === 0;
  if (left !== undefined && !isExcused) judge.wrong('liveness', left);
  await judgeLedger(judge, ledger);
  await judgeAudit(judge, ledger);
  judgeOutages(judge, datacenter);
  judgeDown(judge, datacenter);
}

/** Hosts on which a guest runs that an inventory shows on another one before. */
function withSecondCopies(datacenter: SimulatedDatacenter): ReadonlySet<HostId> {
  const known = new Set<VmId>();
  const hosts = new Set<HostId>();
  for (const { id, host } of datacenter.inventory().vms) {
    if (known.has(id)) hosts.add(host);
    known.add(id);
  }
  return hosts;
}

interface Stuck {
  readonly script: Script;
  readonly vm: VmId;
  /** Where nothing goes until a human has stopped one of two. */
  readonly shut: ReadonlySet<HostId>;
  readonly datacenter: SimulatedDatacenter;
}

/**
 * A host that could take the VM as things are: nobody can say that it had no place. One that runs
 * twice is a human's affair.
 */
function hasPlace(judge: Judge, { script: { last }, vm, shut, datacenter }: Stuck): boolean {
  const { world } = judge;
  const facts = world.vms.get(vm);
  const where = world.runningOn(vm);
  if (facts === undefined || where.length > 1) return false;
  // Told of: a part of its memory went with the host that it came from.
  if (where.length === 0 && judge.journal.handedOver.has(vm)) return false;
  const mayBeStopped = judge.ways.mayBeStopped(vm);
  return [...world.hosts.keys()].some((host) => {
    if (host === last || shut.has(host) || !world.isUp(host)) return false;
    if (world.isKnownShut(host)) return false;
    // Clusters that different controllers have are not moved between.
    if (world.cluster(host) !== world.cluster(last)) return false;
    const there = [...world.vms.values()].filter(
      ({ id }: VmFacts) => id !== vm && takesRoom(datacenter, id, host),
    );
    const isFree = world.objections(facts, host, there).length === 0;
    return isFree && (mayBeStopped || world.missingFeatures(facts, host).length === 0);
  });
}

/** It runs there, or a broken post-copy has left a part of it there: a human takes that away. */
function takesRoom(datacenter: SimulatedDatacenter, vm: VmId, host: HostId): boolean {
  const { sightings } = datacenter.locate(vm);
  const isRest = sightings.some((one) => one.host === host && one.state === 'post-copy-paused');
  return isRest || datacenter.truth.whereabouts(vm).runningOn.includes(host);
}

/**
 * Told of: its source died in the middle of its post-copy and has started it anew; what stays of
 * it on the target, a human has to take away.
 */
function isHalved({ journal }: Judge, vm: VmId, datacenter: SimulatedDatacenter): boolean {
  const { sightings } = datacenter.locate(vm);
  return journal.handedOver.has(vm) && sightings.some(({ state }) => state === 'post-copy-paused');
}

async function judgeLedger(judge: Judge, ledger: Ledger): Promise<void> {
  for (const [id, { outcome }] of judge.journal.closed) {
    const written = (await ledger.move(id))?.result?.outcome;
    if (written !== outcome)
      judge.wrong('terminal', `${id} was ${outcome}, is ${written ?? 'open'}`);
  }
}

/** Seconds by which what happens at a crash or at the end of a migration may be off. */
const ABOUT = 1;

function judgeOutages(judge: Judge, { truth, startAt }: SimulatedDatacenter): void {
  const migrations = truth.migrations();
  for (const { vm, from, until } of truth.outages()) {
    const at = from - startAt;
    const isOwn = migrations.some(
      ({ order, startedAt, endedAt }) =>
        order.vm === vm && startedAt <= from && from <= endedAt + ABOUT,
    );
    const isCrash = judge.crashes.some((crash) => Math.abs(crash.at - at) <= ABOUT);
    const deletedAt = judge.world.deletedAt(vm);
    if (deletedAt !== undefined && at >= deletedAt - ABOUT) continue;
    const isOver = until !== undefined || judge.crashes.length > 0;
    if ((isOwn || isCrash) && isOver) continue;
    judge.wrong('kept-running', `${vm} stands still from ${timeText(at)}, and no host has died`);
  }
}

/** Whom nobody has deleted, and of whom no human was told, runs in the end. */
function judgeDown(judge: Judge, { truth }: SimulatedDatacenter): void {
  for (const vm of truth.down()) {
    const { world, journal } = judge;
    if (world.deletedAt(vm) !== undefined || journal.handedOver.has(vm)) continue;
    judge.wrong('left-down', `${vm} runs nowhere, and nobody was told`);
  }
}
