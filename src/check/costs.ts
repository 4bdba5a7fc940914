/**
 * What each move is said to cost, reckoned anew from the snapshot: size, disks that are copied, the
 * VM's criticality and factor, the path, and groups, which the first move in the list pays for.
 */

import type { Host } from '../domain/host.ts';
import type { VmId } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import { GIB } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Criticality } from '../domain/vm.ts';
import { type Step, type World, against } from './world.ts';

/** In thousandths more than the least important ones. */
const DEARER: Readonly<Record<Criticality, number>> = {
  'mission-critical': 15,
  business: 10,
  standard: 5,
  'best-effort': 0,
};

/** The same sums in another order differ by less, as a share of them. */
const ROUNDING = 1e-6;

export function checkCosts(world: World, steps: readonly Step[]): Violation[] {
  const { weights, plan } = world;
  if (weights === undefined) return [];
  const groups = world.snapshot.moveCosts?.groups ?? [];
  const open = new Set(groups.map(({ vms, bytes }) => ({ vms: new Set(vms), bytes })));
  let sum = 0;
  const faults: Violation[] = [];
  for (const step of steps) {
    const bytes = ownPrice(world, step) * pathFactor(world, step) + groupsOf(step, open);
    const cost = (weights.moveCost * bytes) / GIB;
    sum += cost;
    const said = own(step.move.reason.terms, 'moveCost') ?? Number.NaN;
    if (!isAbout(said, cost)) {
      faults.push(against(step, 'cost', `said to cost ${said}, and costs ${cost}`));
    }
  }
  const said = own(plan.objective.terms, 'moveCost');
  const total = said === undefined ? 0 : said.after - said.before;
  // Where a step is missing, the structure check tells why.
  if (steps.length !== plan.moves.length || isAbout(total, sum)) return faults;
  const detail = `all moves are said to cost ${total}, and cost ${sum}`;
  const nobody = { index: undefined, move: undefined, vm: undefined };
  return [...faults, { code: 'cost', ...nobody, host: undefined, rule: undefined, detail }];
}

/** Written so that what is not a number is no match. */
function isAbout(said: number, cost: number): boolean {
  return Math.abs(said - cost) <= ROUNDING * Math.max(ROUNDING, cost);
}

function ownPrice({ weights }: World, { vm, to, move }: Step): number {
  const copies = move.method === 'storage' || move.method === 'cold';
  let sent = vm.memoryBytes + (weights?.perMoveBytes ?? 0);
  for (const { shared, storage, bytes } of copies ? vm.disks : []) {
    if (!shared || !to.storages.includes(storage)) sent += bytes;
  }
  return sent * (1 + DEARER[vm.criticality] / 1000) * (vm.moveFactor ?? 1);
}

function pathFactor({ snapshot }: World, { from, to }: Step): number {
  for (const path of snapshot.moveCosts?.paths ?? []) {
    const isIt =
      'across' in path
        ? !areTogether(from, to, path.across)
        : path.from.includes(from.id) && path.to.includes(to.id);
    if (isIt) return path.factor;
  }
  return 1;
}

function areTogether(a: Host, b: Host, kind: string): boolean {
  const place = (host: Host): string | undefined => {
    const known: Readonly<Record<string, string | undefined>> = {
      ...host.faultDomains,
      site: host.site,
      cluster: host.cluster,
    };
    return own(known, kind);
  };
  return place(a) !== undefined && place(a) === place(b);
}

interface OpenGroup {
  readonly vms: ReadonlySet<VmId>;
  readonly bytes: number;
}

/** The groups that nobody before has touched; those of this VM are open no more. */
function groupsOf({ vm }: Step, open: Set<OpenGroup>): number {
  let due = 0;
  for (const group of open) {
    if (!group.vms.has(vm.id)) continue;
    open.delete(group);
    due += group.bytes;
  }
  return due;
}
