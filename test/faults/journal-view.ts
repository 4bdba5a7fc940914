// Role: what the ledger has been told, as the judge keeps book of it: open moves with their stages,
// orders, the kill switch. Filled from the calls that pass by, so that it is right at every moment.
import type { MoveId, OrderId, PlanId, VmId } from '../../src/domain/ids.ts';
import type { Decision, MoveRecord, MoveResult, StageEntry } from '../../src/domain/journal.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Move } from '../../src/domain/plan.ts';

/** Longer than a controller waits before it looks into the ledger again. */
const UNHEARD_SECONDS = 10;

export interface OpenMove {
  readonly record: Omit<MoveRecord, 'stages' | 'result'>;
  readonly noted: Set<string>;
  isReserved: boolean;
  /** How often a hypervisor was asked to start it. */
  starts: number;
  /** What is wrong as soon as it is really begun. */
  readonly wrongIfBegun: readonly string[];
}

export class JournalView {
  /** Also those that are just being opened. */
  readonly open = new Map<MoveId, OpenMove>();
  readonly closed = new Map<MoveId, MoveResult>();
  /** Everything that was ever about to be opened. */
  readonly known = new Set<MoveId>();
  readonly decisions = new Map<PlanId, Decision>();
  readonly orders = new Map<OrderId, Order>();
  /** When a VM last came to the end of a move that went well, by the wall clock. */
  readonly movedAt = new Map<VmId, number>();
  /** How many decisions there were when a VM's last begun move came to nothing. */
  readonly #failedAfter = new Map<VmId, number>();
  /** Moves whose closing was written down, but not answered, and when. */
  readonly #unheard: { readonly move: Move; readonly at: number }[] = [];
  isPaused = false;

  opening(record: OpenMove['record'], wrongIfBegun: readonly string[]): void {
    const { id } = record.move;
    this.known.add(id);
    if (this.open.has(id)) return;
    this.open.set(id, { record, noted: new Set(), isReserved: false, starts: 0, wrongIfBegun });
  }

  notOpened(id: MoveId): void {
    if (this.open.get(id)?.noted.size === 0) this.open.delete(id);
  }

  /** The answer to its closing, which is to come, gets lost. `at`: seconds of a steady clock. */
  closingUnheard(id: MoveId, at: number): void {
    const move = this.open.get(id)?.record.move;
    if (move !== undefined) this.#unheard.push({ move, at });
  }

  stage({ move, stage, phase }: StageEntry): void {
    this.open.get(move)?.noted.add(`${stage} ${phase}`);
  }

  close(id: MoveId, result: MoveResult): void {
    const one = this.open.get(id);
    this.open.delete(id);
    if (!this.closed.has(id)) this.closed.set(id, result);
    if (one === undefined) return;
    const { vm } = one.record.move;
    if (result.outcome === 'succeeded') this.movedAt.set(vm, result.at);
    else if (one.starts > 0) this.#failedAfter.set(vm, this.decisions.size);
  }

  /** What was closed a moment ago, without an answer: who asked for it takes it for open. */
  takenForOpen(now: number): readonly Move[] {
    return this.#unheard.filter(({ at }) => now - at < UNHEARD_SECONDS).map(({ move }) => move);
  }

  /** A move of the VM has failed since the plan: it rests, and its move of that plan is dropped. */
  hasFailedSince(plan: PlanId, vm: VmId): boolean {
    const place = [...this.decisions.keys()].indexOf(plan);
    return place < (this.#failedAfter.get(vm) ?? 0);
  }

  /** Moves that a hypervisor was asked for and that have not ended, but for this one. */
  underWay(except: MoveId): readonly OpenMove[] {
    return [...this.open.values()].filter(
      ({ record, starts }) => starts > 0 && record.move.id !== except,
    );
  }
}
