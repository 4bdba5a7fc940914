/**
 * Hard placement rules. `always` is judged at every moment of every interleaving, a moving VM
 * being on both hosts; `finally` where the plan leaves its VMs. A rule that was broken before may
 * stay as broken as it was, never become more so. A fault domain that is not known is never a
 * different one (anti-affinity) nor the same one (affinity).
 */

import type { HostId, VmId } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import type {
  AffinityRule,
  AmongRule,
  AntiAffinityRule,
  AvoidRule,
  LonelyRule,
  PinRule,
  SpreadRule,
  VmRule,
} from '../domain/placement.ts';
import { isHostRule } from '../domain/placement.ts';
import { judgeDependency } from './dependency.ts';
import { fewestDomains } from './fewest-domains.ts';
import { judgeLicensed } from './licensed.ts';
import { assertNever } from '../domain/result.ts';
import type { Violation } from '../domain/violation.ts';
import {
  type Scene,
  type Stay,
  type Step,
  type World,
  against,
  canOverlap,
  staysOf,
} from './world.ts';

export function checkPlacement(world: World, steps: readonly Step[]): Violation[] {
  const moved = Map.groupBy(steps, (step) => step.vm.id);
  const rules = world.snapshot.placement
    .filter((rule) => !isHostRule(rule))
    .map((rule) => ofThoseWhoRun(world, rule))
    .filter(({ strength }) => strength === 'hard')
    .filter((rule) => rule.kind === 'lonely' || membersOf(rule).some((vm) => moved.has(vm)));
  const members = new Set(rules.flatMap(membersOf));
  const needsAll = rules.some((rule) => rule.kind === 'lonely');
  const scene: Scene = {
    world,
    steps: moved,
    stays: staysOf(world, steps, (vm) => needsAll || members.has(vm)),
  };
  return rules.flatMap((rule) => judge(scene, rule));
}

/** Lonely and dependency ask by themselves who runs. */
const OF_THOSE_WHO_RUN: ReadonlySet<VmRule['kind']> = new Set([
  'affinity',
  'among',
  'licensed',
  'spread',
]);

function ofThoseWhoRun(world: World, rule: VmRule): VmRule {
  if (!OF_THOSE_WHO_RUN.has(rule.kind)) return rule;
  const isOff = (vm: VmId): boolean => world.vms.get(vm)?.powerState === 'off';
  return { ...rule, vms: rule.vms.filter((vm) => !isOff(vm)) };
}

function membersOf(rule: VmRule): readonly VmId[] {
  return rule.kind === 'dependency' ? [...rule.vms, ...rule.on] : rule.vms;
}

function judge(scene: Scene, rule: VmRule): Violation[] {
  switch (rule.kind) {
    case 'affinity':
      return judgeAffinity(scene, rule);
    case 'anti-affinity':
      return judgeAntiAffinity(scene, rule);
    case 'pin':
    case 'avoid':
      return judgeTargets(scene, rule);
    case 'among':
      return judgeAmong(scene, rule);
    case 'spread':
      return judgeSpread(scene, rule);
    case 'licensed':
      return judgeLicensed(scene, rule);
    case 'lonely':
      return judgeLonely(scene, rule);
    case 'dependency':
      return judgeDependency(scene, rule, (host) => domainOf(scene.world, host, rule.over));
    default:
      return assertNever(rule, 'placement rule');
  }
}

function judgeTargets(scene: Scene, rule: PinRule | AvoidRule): Violation[] {
  const hosts = new Set(rule.hosts);
  return stepsThatCount(scene, rule)
    .filter((step) => hosts.has(step.to.id) === (rule.kind === 'avoid'))
    .map((step) => {
      const detail =
        rule.kind === 'pin'
          ? `${rule.origin}: only on ${rule.hosts.join(', ')}`
          : `${rule.origin}: never on ${step.to.id}`;
      return against(step, rule.kind, detail, { rule: rule.id });
    });
}

/** Name of the fault domain; undefined when the host does not say in which one it is. */
function domainOf(world: World, host: HostId, over: string): string | undefined {
  return over === 'host' ? host : own(world.hosts.get(host)?.faultDomains ?? {}, over);
}

/** The moves that bring a VM of the rule to where it counts, in list order. */
function stepsThatCount(scene: Scene, rule: VmRule): Step[] {
  return [...new Set(rule.vms)]
    .flatMap((vm) => (scene.steps.get(vm) ?? []).slice(rule.hold === 'always' ? 0 : -1))
    .sort((a, b) => a.at - b.at);
}

/** The stays that count: all of them, or only where the plan leaves each VM. */
function staysThatCount(scene: Scene, rule: VmRule): Stay[] {
  const all = [...new Set(rule.vms)].flatMap((vm) => scene.stays.get(vm) ?? []);
  return rule.hold === 'always' ? all : all.filter((stay) => stay.departure === undefined);
}

function judgeAntiAffinity(scene: Scene, rule: AntiAffinityRule): Violation[] {
  const { world } = scene;
  const domainAt = (host: HostId): string | undefined => domainOf(world, host, rule.over);
  const stays = staysThatCount(scene, rule);
  const byDomain = Map.groupBy(stays, (stay) => domainAt(stay.host));
  const unknown = byDomain.get(undefined) ?? [];
  const faults: Violation[] = [];
  for (const step of stepsThatCount(scene, rule)) {
    const arrival = stays.find((stay) => stay.arrival === step.at);
    if (arrival === undefined) continue;
    const domain = domainAt(step.to.id);
    const origin = domainAt(rule.hold === 'always' ? step.from.id : step.vm.host);
    // Within one domain nothing new meets; who comes in from elsewhere is judged by itself.
    if (domain !== undefined && domain === origin) continue;
    const beside = domain === undefined ? stays : [...(byDomain.get(domain) ?? []), ...unknown];
    const other = beside.find(
      (stay) => stay.vm !== step.vm.id && canOverlap(world.order, stay, arrival),
    );
    if (other === undefined) continue;
    const detail = `${rule.origin}: beside ${other.vm} on ${domain ?? `an unknown ${rule.over}`}`;
    faults.push(against(step, rule.kind, detail, { rule: rule.id }));
  }
  return faults;
}

function judgeAffinity(scene: Scene, rule: AffinityRule): Violation[] {
  const { world } = scene;
  // Alone, or left alone, a VM has nobody to be with: it cannot be parted while it moves.
  if (isAlone(scene, rule)) return [];
  const stays = staysThatCount(scene, rule);
  const all = rule.vms.flatMap((vm) => scene.stays.get(vm) ?? []);
  const before = spread(
    scene,
    rule.over,
    all.filter((stay) => stay.arrival === undefined),
  ).size;
  const faults: Violation[] = [];
  for (const step of stepsThatCount(scene, rule)) {
    const arrival = stays.find((stay) => stay.arrival === step.at);
    if (arrival === undefined) continue;
    // The VM's own stay on its source counts too: while it moves it is on both hosts.
    const around = stays.filter((stay) => canOverlap(world.order, stay, arrival));
    const domains = spread(scene, rule.over, around);
    if (domains.size <= before) continue;
    const where = [...domains].map((domain) => domain ?? 'unknown').join(', ');
    const detail = `${rule.origin}: the group would be spread over ${where}`;
    faults.push(against(step, rule.kind, detail, { rule: rule.id }));
  }
  return faults.length > 0 ? faults : judgeCompany(scene, rule);
}

function isAlone(scene: Scene, rule: VmRule): boolean {
  return new Set(rule.vms.filter((vm) => scene.stays.has(vm))).size < 2;
}

/**
 * A group that is parted already: as many as were together are together where the plan leaves them.
 * Of those in flight it is where they are bound for that counts, as for the plan that was made.
 */
function judgeCompany(scene: Scene, rule: AffinityRule): Violation[] {
  const last = stepsThatCount(scene, rule).at(-1);
  if (last === undefined) return [];
  const largest = (which: (stay: Stay) => boolean): number => {
    const places = new Set(rule.vms).values().flatMap((vm) => {
      const stay = scene.stays.get(vm)?.findLast(which);
      return stay === undefined ? [] : [domainOf(scene.world, stay.host, rule.over)];
    });
    const counts = Map.groupBy(places, (domain) => domain);
    return Math.max(0, ...[...counts].map(([key, all]) => (key === undefined ? 1 : all.length)));
  };
  const before = largest(({ arrival }) => arrival === undefined);
  if (largest(({ departure }) => departure === undefined) >= before) return [];
  const detail = `${rule.origin}: ${before} of the group were together, and would not be`;
  return [against(last, rule.kind, detail, { rule: rule.id })];
}

/** The domains that a group is in. All that are not known are one, and none of the known. */
function spread(scene: Scene, over: string, stays: readonly Stay[]): Set<string | undefined> {
  return new Set(stays.map((stay) => domainOf(scene.world, stay.host, over)));
}

/**
 * Every target lies in a set, and at no moment are the members in more sets than at the start; one
 * that is alone may go from set to set.
 */
function judgeAmong(scene: Scene, rule: AmongRule): Violation[] {
  const { world } = scene;
  const goesAlone = isAlone(scene, rule);
  const setOf = (host: HostId): number => rule.sets.findIndex((set) => set.includes(host));
  const inUse = (stays: readonly Stay[]): number =>
    new Set(stays.map((stay) => setOf(stay.host)).filter((set) => set >= 0)).size;
  const stays = staysThatCount(scene, rule);
  const all = rule.vms.flatMap((vm) => scene.stays.get(vm) ?? []);
  const before = inUse(all.filter((stay) => stay.arrival === undefined));
  return stepsThatCount(scene, rule).flatMap((step) => {
    const arrival = stays.find((stay) => stay.arrival === step.at);
    if (arrival === undefined) return [];
    const around = stays.filter((stay) => canOverlap(world.order, stay, arrival));
    const isInside = setOf(step.to.id) >= 0;
    if (isInside && (goesAlone || inUse(around) <= Math.max(1, before))) return [];
    const detail = isInside ? 'in another set than the others' : `${step.to.id} is in no set`;
    return [against(step, rule.kind, `${rule.origin}: ${detail}`, { rule: rule.id })];
  });
}

/**
 * In as many domains as the rule wants (or as it was in, if those were fewer), wherever each of
 * those who move, or are in flight, is at the moment: before, after, or never to arrive.
 */
function judgeSpread(scene: Scene, rule: SpreadRule): Violation[] {
  const { world } = scene;
  const steps = stepsThatCount(scene, rule);
  const fewestAfter = (count: number): number => {
    const done = new Set(steps.slice(0, count).map((step) => step.at));
    const places = [...new Set(rule.vms)].flatMap((vm): (string | undefined)[][] => {
      const stays = (scene.stays.get(vm) ?? []).filter((stay) => {
        if (stay.arrival === undefined) return true;
        return done.has(stay.arrival);
      });
      const kept =
        rule.hold === 'always'
          ? stays
          : stays.filter(({ departure }) => {
              return departure === undefined || !done.has(departure);
            });
      return kept.length === 0 ? [] : [kept.map(({ host }) => domainOf(world, host, rule.over))];
    });
    return fewestDomains(places, rule.minimum);
  };
  const wanted = fewestAfter(0);
  const index = steps.findIndex((_step, i) => fewestAfter(i + 1) < wanted);
  const step = steps[index];
  if (step === undefined) return [];
  const detail = `${rule.origin}: fewer than ${wanted} of ${rule.over} are certain`;
  return [against(step, rule.kind, detail, { rule: rule.id })];
}

/** Nobody who runs comes to where one of the other side is, or may still be. */
function judgeLonely(scene: Scene, rule: LonelyRule): Violation[] {
  const { world } = scene;
  const own = new Set(rule.vms);
  const always = rule.hold === 'always';
  const runs = (vm: VmId): boolean => world.vms.get(vm)?.powerState !== 'off';
  const stays = [...scene.stays.values()].flat().filter(({ vm, departure }) => {
    return runs(vm) && (always || departure === undefined);
  });
  const byHost = Map.groupBy(stays, (stay) => stay.host);
  return stays.flatMap((arrival) => {
    const { vm, host } = arrival;
    const step = scene.steps.get(vm)?.find(({ at }) => at === arrival.arrival);
    const other = byHost.get(host)?.find((stay) => {
      return own.has(stay.vm) !== own.has(vm) && canOverlap(world.order, stay, arrival);
    });
    if (step === undefined || other === undefined) return [];
    const detail = `${rule.origin}: beside ${other.vm} on ${host}`;
    return [against(step, rule.kind, detail, { rule: rule.id })];
  });
}
