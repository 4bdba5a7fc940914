// Role: what happens in one run of the fault simulation, as plain data: a fleet, rules, and steps
// by time. It can be printed, cut down (shrink.ts) and played again.
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { OwnRole, WithoutStandby } from '../../src/domain/own-vm.ts';
import type { MoveMethod } from '../../src/domain/plan.ts';
import type { LadderStep } from '../../src/domain/policy.ts';
import type { Criticality } from '../../src/domain/vm.ts';
import type { Fault } from '../../src/simulate/fault.ts';
import type { FleetSpec } from '../../src/simulate/fleet-spec.ts';
import type { When } from './fate.ts';
import type { HookName } from './hooks.ts';

/** What befalls the daemon itself. */
export type Mishap =
  /**
   * The process dies at its `calls`-th call of a port from now on; `before`: the call is not made
   * any more, `after`: its answer does not arrive. It is started again `downSeconds` later.
   */
  | {
      readonly kind: 'crash';
      /** Which of the controllers, from 0. */
      readonly controller: number;
      readonly calls: number;
      readonly when: When;
      readonly downSeconds: number;
    }
  /** The process stands still from the answer of its `calls`-th call on (SIGSTOP, a paused VM). */
  | {
      readonly kind: 'freeze';
      readonly controller: number;
      readonly calls: number;
      readonly forSeconds: number;
    }
  /** The controller does not reach the ledger; the others do. */
  | { readonly kind: 'ledger-cut'; readonly controller: number; readonly forSeconds: number }
  /** The next `times` writes of the ledger fail; `reply-lost`: they are written all the same. */
  | { readonly kind: 'disk'; readonly effect: 'full' | 'reply-lost'; readonly times: number }
  /** Somebody sets the machine's clock. */
  | { readonly kind: 'clock-jump'; readonly delta: number };

/** What people and alerting systems want of it. */
export type Wish =
  | { readonly kind: 'maintenance' | 'evacuate' | 'return'; readonly host: HostId }
  | { readonly kind: 'cancel'; readonly name: HostId | VmId }
  | { readonly kind: 'pause' | 'resume' }
  | { readonly kind: 'alert'; readonly host: HostId; readonly status: 'firing' | 'resolved' }
  | { readonly kind: 'mode'; readonly mode: RunMode };

/** What people do with plans, groups of hosts and hooks; `seat`: whom they ask, of those awake. */
export type Errand = {
  readonly seat: number;
} /** Says yes to the plan that was shown `ago` plans before the newest that asked for it. */ & (
  | { readonly kind: 'approve'; readonly ago: number }
  /** Hands in what the daemon shows as its newest plan, or what was saved before. */
  | { readonly kind: 'apply'; readonly isSaved: boolean }
  /** The one that was handed in last. */
  | { readonly kind: 'cancel-applied' }
  | {
      readonly kind: 'rolling';
      readonly hosts: readonly HostId[];
      readonly batch: number;
      readonly hook?: HookName;
    }
  | { readonly kind: 'steer-rolling'; readonly what: 'pause' | 'resume' | 'cancel' }
  | { readonly kind: 'hooked'; readonly host: HostId; readonly hook: HookName }
  | { readonly kind: 'evacuate-site' | 'return-site'; readonly site: string }
);

export type RunMode = 'automatic' | 'approve' | 'observe';

/** `at`: seconds after the beginning. */
export type Step = { readonly at: number } & (
  | Mishap
  | Wish
  | Errand
  | { readonly kind: 'fault'; readonly fault: Fault }
);

export interface Rules {
  readonly total: number;
  readonly perHostIn: number;
  readonly perHostOut: number;
  readonly cooldownSeconds: number;
  /** VMs of which no two may share a host. */
  readonly apart: readonly VmId[];
  /** VMs that may run on some hosts only. */
  readonly pinned: readonly VmId[];
  readonly pinnedTo: readonly HostId[];
  /** Hosts that are dead for certain are fenced, and their VMs started elsewhere. */
  readonly restart: boolean;
  /** The VMs that Drover stands on. */
  readonly own: readonly OwnEntry[];
  readonly ownWithoutStandby: WithoutStandby;
  /** How VMs may be moved; absent: as the policy that Drover ships with says. */
  readonly ways?: Ways;
}

export interface Ways {
  readonly methods: readonly MoveMethod[];
  /** What a live move that does not converge climbs. */
  readonly ladder: Readonly<Record<Criticality, readonly LadderStep[]>>;
  /** VMs with the permission cold, at least; where all may be restarted, they may be that. */
  readonly stoppable: readonly VmId[];
  /** VMs with the permission live, even where all others may be restarted. */
  readonly liveOnly: readonly VmId[];
  /** Share of its CPU that no target may exceed. */
  readonly cpuPercent: number;
}

export interface OwnEntry {
  readonly vm: VmId;
  readonly role: OwnRole;
  /** Role controller: name of one of those that share the ledger; absent: any may be in it. */
  readonly controller?: string;
}

export interface Script {
  readonly seed: number;
  readonly fleet: FleetSpec;
  /** How many share the ledger; 1: it is embedded. */
  readonly controllers: number;
  readonly rules: Rules;
  readonly steps: readonly Step[];
  /** When everything is healed and nothing new happens. */
  readonly calmAt: number;
  /** The host that is to be emptied after that, and stays so. */
  readonly last: HostId;
}

const NOT_WISHES: ReadonlySet<string> = new Set<Step['kind']>([
  'crash',
  'freeze',
  'ledger-cut',
  'disk',
  'clock-jump',
  'fault',
]);

const ERRANDS: ReadonlySet<string> = new Set<Errand['kind']>([
  ...(['approve', 'apply', 'cancel-applied', 'rolling', 'steer-rolling', 'hooked'] as const),
  ...(['evacuate-site', 'return-site'] as const),
]);

export function isErrand(step: Step): step is Step & Errand {
  return ERRANDS.has(step.kind);
}

export function isWish(step: Step): step is Step & Wish {
  return !NOT_WISHES.has(step.kind) && !isErrand(step);
}

export function tellStep(step: Step): string {
  const { at, ...what } = step;
  return `${timeText(at)} ${JSON.stringify(what)}`;
}

export function timeText(at: number): string {
  const whole = Math.floor(at);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return `${text}.${String(Math.floor((at - whole) * 1000)).padStart(3, '0')}`;
}
