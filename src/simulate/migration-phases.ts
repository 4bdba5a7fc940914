/**
 * What happens when a phase of a migration ends, or breaks: which phase comes next and what becomes
 * of the copies.
 *
 * The point of no return is the target's resume (pre-copy) or the switch to post-copy. Before it
 * every failure leaves the guest on its source; after it nothing goes back.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import type { SharedLink } from '../domain/links.ts';
import { assertNever } from '../domain/result.ts';
import { seconds } from '../domain/units.ts';
import type { MoveOrder } from '../ports/hypervisor.ts';
import type { Copies } from './copies.ts';
import {
  mayStop,
  nextThrottle,
  POST_COPY_SWITCH_SECONDS,
  SETUP_SECONDS,
  STALL_SECONDS,
  SWITCHOVER_SECONDS,
} from './migration-model.ts';
import type { MigrationRun } from './migration-run.ts';

/** What the engine has to know about the world around it. */
export interface Ground {
  readonly copies: Copies;
  /** Bytes per second that the host's migration link carries at the moment, each direction. */
  linkCapacity(host: HostId): number;
  /** The uplinks of switches on the way. */
  sharedLinks(from: HostId, to: HostId): readonly SharedLink[];
  isPowered(host: HostId): boolean;
  /** Bytes per second that the guest dirties when nothing slows it down. */
  dirtyRate(vm: VmId): number;
  /** A copy of its disks begins there; false: it finds no room. */
  takeRoom(vm: VmId, host: HostId): boolean;
  /** The guest has arrived: what was copied of its disks is the guest's by now. */
  settleDisks(vm: VmId, host: HostId): void;
  /** False: a lock on its disks keeps the guest from starting, because it runs somewhere. */
  mayBoot(vm: VmId): boolean;
  /** How long the guest takes to shut down and to boot. */
  coldSeconds(vm: VmId): { readonly shutdown: number; readonly boot: number };
}

export interface EndedMigration {
  readonly order: MoveOrder;
  readonly ok: boolean;
  readonly detail: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly downtimeSeconds: number;
  readonly bytes: number;
  readonly rounds: number;
}

const LOST = 'contact was lost while the target resumed the guest';

export class MigrationPhases {
  readonly #ground: Ground;
  readonly #onEnd: (ended: EndedMigration) => void;

  constructor(ground: Ground, onEnd: (ended: EndedMigration) => void) {
    this.#ground = ground;
    this.#onEnd = onEnd;
  }

  /** Until here nothing but the platform's queue knows of it. */
  begin(run: MigrationRun, at: number): void {
    const { method, to, vm } = run.order;
    run.begunAt = at;
    switch (method) {
      case 'cold':
        run.enterTimed('shutdown', this.#ground.coldSeconds(vm).shutdown);
        return;
      case 'restart':
        run.stopGuest();
        run.enterTimed('boot', this.#ground.coldSeconds(vm).boot);
        return;
      case 'pre-copy':
      case 'post-copy':
      case 'storage':
        run.enterTimed('setup', SETUP_SECONDS);
        this.#ground.copies.set(vm, to, { state: 'incoming', persistent: false }, at);
        return;
      default:
        assertNever(method, 'move method');
    }
  }

  endPhase(run: MigrationRun, at: number): void {
    const { copies } = this.#ground;
    const { vm, from, to } = run.order;
    switch (run.phase) {
      case 'queued':
        this.begin(run, at);
        return;
      case 'setup':
        this.#afterSetup(run, at);
        return;
      case 'storage':
        run.round = 1;
        run.enterTransfer('pre-copy', run.load.memoryBytes);
        return;
      case 'pre-copy':
        this.#afterRound(run, at);
        return;
      case 'stopped':
        if (run.breaks === 'stop-and-copy') this.fail(run, 'broken in the stop-and-copy', at);
        else run.enterTimed('switchover', SWITCHOVER_SECONDS);
        return;
      case 'switchover':
      case 'post-copy':
        this.#arrive(run, at);
        return;
      case 'post-copy-switch':
        copies.swap(
          vm,
          [
            [to, { state: 'post-copy', persistent: false }],
            [from, { state: 'paused', persistent: this.#isPersistent(vm, from) }],
          ],
          at,
        );
        run.resumeGuest();
        run.enterTransfer('post-copy', run.postCopyBytes);
        if (run.breaks === 'post-copy') this.#breakPostCopy(run, at);
        return;
      case 'shutdown':
        copies.set(vm, from, { state: 'defined', persistent: true }, at);
        run.stopGuest();
        this.#copyDisks(run, 'cold-copy', at);
        return;
      case 'cold-copy':
        if (run.breaks === undefined || run.breaks === 'commitment') {
          run.enterTimed('boot', this.#ground.coldSeconds(vm).boot);
        } else this.fail(run, 'broken while the guest was down', at);
        return;
      case 'boot':
        if (!this.#ground.mayBoot(vm)) {
          this.#end(run, false, 'its disks are locked: it runs elsewhere', at);
          return;
        }
        copies.boot(vm, to, false, at);
        if (run.load.diskBytes > 0) this.#ground.settleDisks(vm, to);
        run.resumeGuest();
        this.#end(run, run.breaks !== 'commitment', run.breaks === 'commitment' ? LOST : '', at);
        return;
      case 'post-copy-broken':
        return;
      default:
        assertNever(run.phase, 'phase');
    }
  }

  #afterSetup(run: MigrationRun, at: number): void {
    if (run.breaks === 'setup') {
      this.fail(run, 'broken while it was set up', at);
    } else if (run.breaks === 'false-success') {
      this.#ground.copies.set(run.order.vm, run.order.to, undefined, at);
      this.#end(run, true, '', at);
    } else if (run.order.method === 'storage') {
      this.#copyDisks(run, 'storage', at);
    } else {
      run.round = 1;
      run.enterTransfer('pre-copy', run.load.memoryBytes);
    }
  }

  #copyDisks(run: MigrationRun, phase: 'storage' | 'cold-copy', at: number): void {
    const { vm, to } = run.order;
    if (run.load.diskBytes > 0 && !this.#ground.takeRoom(vm, to)) {
      this.fail(run, 'no space left on the target for its disks', at);
    } else run.enterTransfer(phase, run.load.diskBytes);
  }

  #afterRound(run: MigrationRun, at: number): void {
    if (run.breaks === 'pre-copy') {
      this.fail(run, 'broken in the pre-copy', at);
      return;
    }
    const { dirtied, roundBytes, rate } = run;
    if (run.order.method === 'post-copy') {
      this.switchToPostCopy(run, at);
    } else if (mayStop(dirtied, rate, seconds(run.downtimeLimit))) {
      const { vm, from } = run.order;
      const persistent = this.#isPersistent(vm, from);
      this.#ground.copies.set(vm, from, { state: 'paused', persistent }, at);
      run.stopGuest();
      run.enterTransfer('stopped', dirtied);
    } else {
      if (run.autoConverge) run.throttle = nextThrottle(run.throttle, roundBytes, dirtied);
      run.round += 1;
      run.enterTransfer('pre-copy', dirtied);
    }
  }

  switchToPostCopy(run: MigrationRun, at: number): void {
    const { vm, from } = run.order;
    run.postCopyBytes = run.leftAt(at) + run.dirtied;
    const persistent = this.#isPersistent(vm, from);
    this.#ground.copies.set(vm, from, { state: 'paused', persistent }, at);
    run.stopGuest();
    run.enterTimed('post-copy-switch', POST_COPY_SWITCH_SECONDS);
  }

  #breakPostCopy(run: MigrationRun, at: number): void {
    const { vm, to } = run.order;
    this.#ground.copies.set(vm, to, { state: 'post-copy-paused', persistent: false }, at);
    run.stopGuest();
    run.halt('post-copy-broken');
  }

  /** The guest runs on the target; the source keeps its definition until the move is committed. */
  #arrive(run: MigrationRun, at: number): void {
    const { vm, from, to } = run.order;
    const remains = this.#isPersistent(vm, from)
      ? ({ state: 'defined', persistent: true } as const)
      : undefined;
    this.#ground.copies.swap(
      vm,
      [
        [to, { state: 'running', persistent: false }],
        [from, remains],
      ],
      at,
    );
    run.resumeGuest();
    if (run.load.diskBytes > 0) this.#ground.settleDisks(vm, to);
    this.#end(run, run.breaks !== 'commitment', run.breaks === 'commitment' ? LOST : '', at);
  }

  stall(run: MigrationRun, at: number): void {
    if (run.phase === 'post-copy') this.#breakPostCopy(run, at);
    else this.fail(run, `no byte got through for ${STALL_SECONDS} s`, at);
  }

  sourceLost(run: MigrationRun, at: number): void {
    const { vm, to } = run.order;
    // A guest that is down on purpose and only has to boot does not need its source any more.
    if (run.phase === 'boot') return;
    if (run.phase === 'post-copy' || run.phase === 'post-copy-broken') {
      this.#breakPostCopy(run, at);
    } else if (this.#ground.copies.get(vm, to)?.state === 'incoming') {
      this.#ground.copies.set(vm, to, undefined, at);
    }
    this.#end(run, false, 'the source lost its power', at);
  }

  targetLost(run: MigrationRun, at: number): void {
    const isPast = run.phase === 'post-copy' || run.phase === 'post-copy-broken';
    if (isPast) this.#end(run, false, 'the target lost its power after the switch', at);
    else this.fail(run, 'the target lost its power', at);
  }

  /** Before the point of no return: the guest goes on where it was, debris stays on the target. */
  fail(run: MigrationRun, detail: string, at: number): void {
    const { vm, from } = run.order;
    const { copies } = this.#ground;
    const copy = copies.get(vm, from);
    if (this.#ground.isPowered(from)) {
      if (copy?.state === 'defined' && run.order.method === 'cold') {
        copies.boot(vm, from, true, at);
      } else if (copy?.state === 'paused') copies.set(vm, from, { ...copy, state: 'running' }, at);
    }
    run.resumeGuest();
    this.#end(run, false, detail, at);
  }

  #end(run: MigrationRun, isGood: boolean, detail: string, at: number): void {
    this.#onEnd({
      order: run.order,
      ok: isGood,
      detail,
      startedAt: run.startedAt,
      endedAt: at,
      downtimeSeconds: run.downtime,
      bytes: run.sent,
      rounds: run.round,
    });
  }

  #isPersistent(vm: VmId, host: HostId): boolean {
    return this.#ground.copies.get(vm, host)?.persistent === true;
  }
}
