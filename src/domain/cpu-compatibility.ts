/**
 * The processor's part of compatibility: can the target give the guest the CPU it was started with
 * (live), or start that CPU model anew (cold, restart)? Asked by compatibility.ts only.
 *
 * A guest that runs keeps using every feature it has seen: one that is missing on the target
 * crashes it sooner or later, so each visible feature must be there, or be guaranteed by a baseline
 * that both share.
 */

import type { GuestCpu, HostCpu } from './cpu.ts';
import type { MigrationSettings } from './policy.ts';
import type { RefusalCode } from './refusal.ts';
import type { Vm } from './vm.ts';

interface CpuRefusal {
  readonly code: RefusalCode;
  readonly detail: string;
}

interface Ends {
  readonly from: HostCpu;
  readonly to: HostCpu;
}

/** Codes: cpu-unknown, cpu-vendor, cpu-passthrough, cpu-features. */
export function guestCpuRefusals(
  vm: Vm,
  ends: Ends,
  live: boolean,
  settings: Pick<MigrationSettings, 'coldCrossVendor'>,
): readonly CpuRefusal[] {
  const guest = vm.cpu;
  if (guest.mode === 'unknown') return [refusal('cpu-unknown', 'mode of the guest’s CPU')];
  const { vendor } = guest;
  if (vendor === undefined) return [refusal('cpu-unknown', 'vendor of the guest’s CPU')];
  if (ends.to.vendor === undefined) return [refusal('cpu-unknown', 'vendor of the target’s CPU')];
  if (vendor !== ends.to.vendor && (live || settings.coldCrossVendor === 'refuse')) {
    return [refusal('cpu-vendor', `${vendor} to ${ends.to.vendor}`)];
  }
  if (!live) return guest.mode === 'named' ? featureRefusals(guest, ends.to) : [];
  if (guest.mode === 'passthrough') return passthroughRefusals(ends);
  return featureRefusals(guest, ends.to);
}

function refusal(code: RefusalCode, detail: string): CpuRefusal {
  return { code, detail };
}

function passthroughRefusals({ from, to }: Ends): CpuRefusal[] {
  if (from.vendor === undefined || from.model === undefined || from.features === undefined) {
    return [refusal('cpu-unknown', 'CPU of the source')];
  }
  if (to.model === undefined || to.features === undefined) {
    return [refusal('cpu-unknown', 'CPU of the target')];
  }
  const offered = new Set(to.features);
  const identical =
    from.vendor === to.vendor &&
    from.model === to.model &&
    from.level === to.level &&
    offered.size === new Set(from.features).size &&
    from.features.every((feature) => offered.has(feature));
  return identical ? [] : [refusal('cpu-passthrough', `${from.model} to ${to.model}`)];
}

function featureRefusals(guest: GuestCpu, to: HostCpu): CpuRefusal[] {
  if (guest.baseline !== undefined && guest.baseline === to.baseline) return [];
  if (guest.features === undefined) return [refusal('cpu-unknown', 'features the guest can see')];
  if (to.features === undefined) return [refusal('cpu-unknown', 'features of the target')];
  const offered = new Set(to.features);
  const absent = guest.features.filter((feature) => !offered.has(feature));
  return absent.length === 0 ? [] : [refusal('cpu-features', `missing ${absent.join(', ')}`)];
}
