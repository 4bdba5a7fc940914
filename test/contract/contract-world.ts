// Role: what an adapter has to bring along to be judged by the contract suite: itself, a small
// world with guests that may be moved, and means to look at and disturb that world which do not go
// through the adapter. Whatever a world can not do it says in `features`: then the case is skipped,
// visibly.
import type { BytesPerSecond, Seconds } from '../../src/domain/units.ts';
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { RefusalCode } from '../../src/domain/refusal.ts';
import type { ExecutionTiming } from '../../src/execute/move-task.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Hypervisor, HypervisorCapabilities } from '../../src/ports/hypervisor.ts';

/** Where a guest really is, found out without the adapter (console files, process list, model). */
export interface Truth {
  readonly runningOn: readonly HostId[];
  /** Hosts that hold a stored configuration of it. */
  readonly definedOn: readonly HostId[];
  /** Changes when the guest boots; a live move must not change it. */
  readonly boot: string;
}

/** A guest and a host that can not take it live, and the code that the refusal has to carry. */
export interface Misfit {
  readonly vm: VmId;
  readonly host: HostId;
  readonly code: RefusalCode;
}

/**
 * `before`: broken off before the point of no return, the guest stays; `after`: reported as failed,
 * and the guest is on its target; `never-left`: reported as done, and the guest is on its source.
 */
export type MoveBreak = 'before' | 'after' | 'never-left';

export interface ContractWorld {
  readonly hypervisor: Hypervisor;
  /** The world's time: real, or virtual. */
  readonly clock: Clock;
  /** Compatible in both directions. */
  readonly hosts: readonly [HostId, HostId];
  /** Running on `hosts`, movable live, defined persistently. The suite moves them to and fro. */
  readonly vms: readonly [VmId, VmId];
  readonly misfit: Misfit | undefined;
  /** A guest like `vms` with a disk that only its host has; undefined: there is none. */
  readonly ownDisk?: VmId | undefined;
  /**
   * Bandwidth for the moves of busy guests, so low that they do not end by themselves; undefined:
   * a busy guest does not converge anyway.
   */
  readonly busyBandwidth: BytesPerSecond | undefined;

  /** Runs one case. A virtual world moves its time on while `body` waits; a real one just calls. */
  run<T>(body: () => Promise<T>): Promise<T>;
  /**
   * Back to a calm state: connections and links up, no migration, no busy guest, each of `vms`
   * running once, on one of `hosts`, and defined exactly there. Called before each case.
   */
  settle(): Promise<void>;
  truth(vm: VmId): Promise<Truth>;
  /** Another client of the same hypervisors, as another process would be. The suite closes it. */
  secondClient(): Promise<Hypervisor>;
  /** The guest dirties memory faster than `busyBandwidth` carries, or calms down. */
  setBusy(vm: VmId, busy: boolean): Promise<void>;
  /** Moves a guest with its definition behind the adapter's back and returns when it is there. */
  moveByHand(vm: VmId, to: HostId): Promise<void>;
  /** Adapter and hypervisor of this host can not talk any more; guests run on. */
  cutControl(host: HostId): Promise<void>;
  restoreControl(host: HostId): Promise<void>;
  /** Hosts can not send memory to each other any more; guests run on. */
  cutMigrationLink(): Promise<void>;
  restoreMigrationLink(): Promise<void>;
  /** Power is lost, until the world is settled. */
  killHost?(host: HostId): Promise<void>;
  /** The next move of the guest goes wrong by itself. */
  breakNextMove?(vm: VmId, how: MoveBreak): Promise<void>;
  /** How many moves and restarts of the guest have really begun, and are over. */
  begun?(vm: VmId): Promise<number>;
  dispose(): Promise<void>;
}

/** What the world can do besides what every world has to. */
export interface WorldFeatures {
  readonly misfit: boolean;
  readonly busyGuests: boolean;
  readonly moveByHand: boolean;
  readonly cutControl: boolean;
  readonly cutMigrationLink: boolean;
  readonly killHost: boolean;
  readonly breakMoves: boolean;
  readonly ownDisk: boolean;
}

export interface ContractTimeouts {
  /** Between two looks at a move, and between two polls of metrics, in the world's time. */
  readonly pollSeconds: Seconds;
  /** A move, or a recovery after a broken connection, in the world's time. */
  readonly moveSeconds: Seconds;
  /** One case, in real milliseconds. */
  readonly caseMilliseconds: number;
  /** A case that carries out many moves, one after the other; default: as any case. */
  readonly suiteMilliseconds?: number;
}

export interface ContractSubject {
  readonly name: string;
  /** What the adapter is expected to declare: what is absent here is skipped. */
  readonly capabilities: HypervisorCapabilities;
  readonly features: WorldFeatures;
  readonly timeouts: ContractTimeouts;
  /** How the executor waits in this world; default: as in the daemon. */
  readonly timing?: Partial<ExecutionTiming>;
  /** A world is made at no cost, so that each case has its own. */
  readonly isCheap?: true;
  /** Also the cases of the move machine that play a move hundreds of times; the cheap play them. */
  readonly isThorough?: boolean;
  make(): Promise<ContractWorld>;
}
