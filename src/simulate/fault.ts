/**
 * What can go wrong in a simulated datacenter: one union, plain data, so that faults can be written
 * in a scenario, drawn from a seed, or injected by a test. `forSeconds` is how long a fault lasts;
 * Infinity: until it is healed.
 */

import type { HealthComponent, HealthLevel } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { Bytes } from '../domain/units.ts';
import type { AdapterErrorCode } from '../ports/metric-source.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';

/** The calls of the port that talk to a hypervisor. */
export type CallName = Exclude<keyof Hypervisor, 'kind' | 'capabilities' | 'source' | 'close'>;

/**
 * - `hang`: no answer, ever; the effect does not happen either.
 * - `error`: refused with `code`; no effect.
 * - `late`: the answer takes a minute.
 * - `reply-lost`: the effect happens, the answer is the error `lost`.
 * - `twice`: the request arrives two times.
 */
export const CALL_EFFECTS = ['hang', 'error', 'late', 'reply-lost', 'twice'] as const;
export type CallEffect = (typeof CALL_EFFECTS)[number];

/**
 * Where a migration breaks. Up to `stop-and-copy` the guest stays on its source, with debris on
 * the target; `commitment`: the guest is on the target but the job says that it failed;
 * `post-copy`: it hangs between the two, paused; `false-success`: the job says that it went well
 * and the guest never left.
 */
export const BREAK_STAGES = [
  'setup',
  'pre-copy',
  'stop-and-copy',
  'commitment',
  'post-copy',
  'false-success',
] as const;
export type BreakStage = (typeof BREAK_STAGES)[number];

/**
 * `stale`: time stamps an hour old; `repeating`: what was measured first, with its time stamp, over
 * and over; `absurd`: far above any capacity; `absent`: nothing, while the host answers.
 */
export const CORRUPTIONS = ['nan', 'negative', 'absurd', 'stale', 'repeating', 'absent'] as const;
export type Corruption = (typeof CORRUPTIONS)[number];

interface Lasting {
  readonly forSeconds: number;
}

export type Fault =
  /** The host gets hotter by `celsius`, over `rampSeconds`. */
  | ({
      readonly kind: 'overheat';
      readonly host: HostId;
      readonly celsius: number;
      readonly rampSeconds: number;
    } & Lasting)
  /** A sensor or an exporter reports trouble: EDAC memory errors, SMART, fans, power supplies. */
  | ({
      readonly kind: 'health';
      readonly host: HostId;
      readonly component: HealthComponent;
      readonly level: HealthLevel;
      readonly detail: string;
    } & Lasting)
  /** The guests that run on the host at that moment want `factor` times as much CPU. */
  | ({ readonly kind: 'surge'; readonly host: HostId; readonly factor: number } & Lasting)
  /**
   * Power is lost, or (`hangs`) only its system stands still; after `forSeconds` the host boots and
   * starts what is defined on it.
   */
  | ({
      readonly kind: 'host-crash';
      readonly host: HostId;
      readonly hangs?: boolean | undefined;
    } & Lasting)
  /** The device that switches the host's power does not answer. */
  | ({ readonly kind: 'power-device'; readonly host: HostId } & Lasting)
  /** The migration link carries only `factor` (0..1) of what it should. */
  | ({ readonly kind: 'link'; readonly host: HostId; readonly factor: number } & Lasting)
  /** Migrations to the host break before anything of them was copied. */
  | ({ readonly kind: 'refusing'; readonly host: HostId } & Lasting)
  /** The platform takes orders at once and begins them only `waitSeconds` later (HA managers). */
  | ({ readonly kind: 'queue'; readonly waitSeconds: number } & Lasting)
  /** The hypervisor does not answer for the host; its guests run on. */
  | ({ readonly kind: 'control-cut'; readonly host: HostId } & Lasting)
  /** The next `times` calls (of that name, or any) go wrong. */
  | {
      readonly kind: 'call';
      readonly call: CallName | 'any';
      readonly effect: CallEffect;
      readonly code: AdapterErrorCode;
      readonly times: number;
    }
  /** The next migration (of that VM, or any) breaks. */
  | { readonly kind: 'migration'; readonly vm: VmId | undefined; readonly stage: BreakStage }
  /** Somebody moves a VM by hand. */
  | { readonly kind: 'drift'; readonly vm: VmId; readonly to: HostId }
  /** Something else puts the host into its platform's maintenance mode, or takes it out. */
  | { readonly kind: 'maintenance-mode'; readonly host: HostId; readonly on: boolean }
  /** Somebody deletes a guest. */
  | { readonly kind: 'delete'; readonly vm: VmId }
  /** Somebody gives a guest that much memory, while it runs. */
  | { readonly kind: 'resize'; readonly vm: VmId; readonly memoryBytes: Bytes }
  | ({ readonly kind: 'samples'; readonly host: HostId; readonly corruption: Corruption } & Lasting)
  /** The clock of the hypervisors is off by `delta` seconds; negative: it went back. */
  | ({ readonly kind: 'source-clock'; readonly delta: number } & Lasting)
  | ({ readonly kind: 'dirty-rate'; readonly vm: VmId; readonly bytesPerSecond: number } & Lasting)
  /** Something else (a backup) holds the VM. */
  | ({ readonly kind: 'lock'; readonly vm: VmId } & Lasting);

export type FaultKind = Fault['kind'];
export type FaultOf<Kind extends FaultKind> = Extract<Fault, { readonly kind: Kind }>;
/** Faults that last, and can be healed. */
export type LastingFault = Extract<Fault, Lasting>;
