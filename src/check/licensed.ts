/**
 * Hard rules by which VMs run on licensed hosts, and on so many of them at most: at every moment of
 * every interleaving (`always`), or where the plan leaves them (`finally`). Where more are in use
 * already, they may stay as many. Who is in flight is taken to be on both hosts.
 */

import type { HostId } from '../domain/ids.ts';
import type { LicensedRule } from '../domain/placement.ts';
import type { Violation } from '../domain/violation.ts';
import { type Scene, type Stay, type Step, against, canOverlap } from './world.ts';

export function judgeLicensed(scene: Scene, rule: LicensedRule): Violation[] {
  const always = rule.hold === 'always';
  const vms = [...new Set(rule.vms)];
  const stays = vms.flatMap((vm) => scene.stays.get(vm) ?? []);
  const isCovered = (host: HostId): boolean => rule.hosts?.includes(host) !== false;
  const inUse = (some: readonly Stay[]): number =>
    new Set(some.map(({ host }) => host).filter(isCovered)).size;
  const before = inUse(stays.filter(({ arrival }) => arrival === undefined));
  const most = Math.max(rule.maximum, before);
  const steps = vms
    .flatMap((vm) => (scene.steps.get(vm) ?? []).slice(always ? 0 : -1))
    .sort((a, b) => a.at - b.at);
  const around = (step: Step): number => {
    const counted = stays.filter((stay) => {
      if (!always) return stay.departure === undefined;
      const arrival = stays.find((one) => one.arrival === step.at);
      return arrival !== undefined && canOverlap(scene.world.order, stay, arrival);
    });
    return inUse(counted);
  };
  return steps.flatMap((step) => {
    const covered = isCovered(step.to.id);
    const used = covered ? around(step) : 0;
    if (covered && used <= most) return [];
    const detail = covered
      ? `${used} hosts in use, ${most} allowed`
      : `${step.to.id} has no licence`;
    return [against(step, rule.kind, `${rule.origin}: ${detail}`, { rule: rule.id })];
  });
}
