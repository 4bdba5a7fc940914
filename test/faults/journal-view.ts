// Role: what the ledger has been told, as the judge keeps book of it: open moves with their stages,
// orders, the kill switch. Filled from the calls that pass by, so that it is right at every moment.
import type { MoveId, OrderId, PlanId, VmId } from '../../src/domain/ids.ts';
import type { Decision, MoveRecord, MoveResult, StageEntry } from '../../src/domain/journal.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Move } from '../../src/domain/plan.ts';

interface Unheard {
  readonly move: Move;
  readonly by: string;
  /** When it looked into the ledger again; undefined: not yet. Seconds of a steady clock. */
  heardAt: number | undefined;
}

export interface OpenMove {
  readonly record: Omit<MoveRecord, 'stages' | 'result'>;
  readonly noted: Set<string>;
  isReserved: boolean;
  /** How often a hypervisor was asked to start it. */
  starts: number;
  /** What is wrong as soon as it is really begun. */
  readonly wrongIfBegun: readonly string[];
}

/** How the end of a move says so. */
const COLD_INSTEAD = 'it is moved cold instead';

export class JournalView {
  /** Also those that are just being opened. */
  readonly open = new Map<MoveId, OpenMove>();
  readonly closed = new Map<MoveId, MoveResult>();
  /** Everything that was ever about to be opened, but for what waits on for a place. */
  readonly known = new Set<MoveId>();
  readonly decisions = new Map<PlanId, Decision>();
  readonly orders = new Map<OrderId, Order>();
  /** When a VM last came to the end of a move that went well, by the wall clock. */
  readonly movedAt = new Map<VmId, number>();
  /** VMs of which a human was told that they need one. */
  readonly handedOver = new Set<VmId>();
  /** How many decisions there were when a VM's last begun move came to nothing. */
  readonly #failedAfter = new Map<VmId, number>();
  /** VMs of which something else is to be tried, in place of a move that came to nothing. */
  readonly #following = new Set<VmId>();
  /** VMs that had a move of another plan open when a plan was decided, or one that follows it. */
  readonly #busyAt = new Map<PlanId, ReadonlySet<VmId>>();
  /** Who asked first for the end of a move. */
  readonly #closers = new Map<MoveId, string>();
  /** Moves whose closing was written down, but not answered to who asked for it. */
  #unheard: Unheard[] = [];
  isPaused = false;

  decided(decision: Decision): void {
    const { plan } = decision;
    const others = [...this.open.values()].filter(({ record }) => record.plan !== plan);
    this.decisions.set(plan, decision);
    const busy = others.map(({ record }) => record.move.vm);
    this.#busyAt.set(plan, new Set([...busy, ...this.#following]));
  }

  opening(record: OpenMove['record'], wrongIfBegun: readonly string[]): void {
    const { id, vm } = record.move;
    this.known.add(id);
    this.#following.delete(vm);
    // One of which nothing was noted may never have been written down: who asked has died over it.
    if ((this.open.get(id)?.noted.size ?? 0) > 0) return;
    this.open.set(id, { record, noted: new Set(), isReserved: false, starts: 0, wrongIfBegun });
  }

  /** `waitsOn`: it was refused for its place alone, and has not had its turn. */
  notOpened(id: MoveId, waitsOn = false): void {
    if (this.open.get(id)?.noted.size === 0) this.open.delete(id);
    if (waitsOn && !this.open.has(id)) this.known.delete(id);
  }

  /** The answer to its closing, which is to come, gets lost. */
  closingUnheard(id: MoveId, by: string): void {
    const move = this.open.get(id)?.record.move;
    if (move !== undefined) this.#unheard.push({ move, by, heardAt: undefined });
  }

  /** A controller reads of the move. */
  looked(id: MoveId, by: string, at: number): void {
    for (const one of this.#unheard) {
      if (one.by === by && one.move.id === id) one.heardAt ??= at;
    }
  }

  /** A new life of the controller remembers nothing. */
  reborn(by: string): void {
    this.#following.clear();
    this.#unheard = this.#unheard.filter((one) => one.by !== by);
  }

  stage({ move, stage, phase }: StageEntry): void {
    this.open.get(move)?.noted.add(`${stage} ${phase}`);
  }

  /**
   * A controller asks for the end of a move. Returns the one that it has given the move itself
   * before: who has slept past its lease does not know of that of another one, and is refused.
   */
  closing(id: MoveId, by: string): MoveResult | undefined {
    const before = this.closed.get(id);
    if (before === undefined) this.#closers.set(id, by);
    return this.#closers.get(id) === by ? before : undefined;
  }

  /** It has ended without being begun. */
  unbegun({ move }: OpenMove['record'], result: MoveResult): void {
    this.known.add(move.id);
    this.#following.delete(move.vm);
    this.close(move.id, result);
  }

  close(id: MoveId, result: MoveResult): void {
    const one = this.open.get(id);
    this.open.delete(id);
    if (!this.closed.has(id)) this.closed.set(id, result);
    if (one === undefined) return;
    const { vm } = one.record.move;
    if (result.detail.endsWith(COLD_INSTEAD)) this.#following.add(vm);
    if (result.outcome === 'needs-human') this.handedOver.add(vm);
    if (result.outcome === 'succeeded') this.movedAt.set(vm, result.at);
    else if (one.starts > 0) this.#failedAfter.set(vm, this.decisions.size);
  }

  /** Moves that have ended, and that the controller takes for open at this moment. */
  takenForOpen(by: string, now: number): readonly Move[] {
    const own = this.#unheard.filter((one) => one.by === by);
    return own.filter(({ heardAt = now }) => heardAt === now).map(({ move }) => move);
  }

  /** A move of the VM has failed since the plan: it rests, and its move of that plan is dropped. */
  hasFailedSince(plan: PlanId, vm: VmId): boolean {
    const place = [...this.decisions.keys()].indexOf(plan);
    return place < (this.#failedAfter.get(vm) ?? 0);
  }

  /**
   * Another plan's move of the VM was open when this plan came, or what is tried instead of one
   * waited: its own is left out, whatever becomes of that. What is left to do is in the next plan.
   */
  isLeftOut(plan: PlanId, vm: VmId): boolean {
    return this.#busyAt.get(plan)?.has(vm) === true;
  }

  /** Moves that a hypervisor was asked for and that have not ended, but for this one. */
  underWay(except: MoveId): readonly OpenMove[] {
    return [...this.open.values()].filter(
      ({ record, starts }) => starts > 0 && record.move.id !== except,
    );
  }
}
