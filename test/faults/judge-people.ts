// Role: what nobody may begin without a person's word: in the mode approve a move that nobody said
// yes to, of a handed-in plan a move that is not in it, or one after its cancel was answered. It
// keeps its own book of who asked for what.
import type { ShownPlan } from '../../src/domain/approval.ts';
import type { MoveId, PlanId, VmId } from '../../src/domain/ids.ts';
import type { MoveRecord, MoveResult } from '../../src/domain/journal.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';
import type { Wrong } from './invariants.ts';
import type { JournalView } from './journal-view.ts';

/** A yes holds for half an hour; the wall clock may be set back by five minutes, twice. */
const YES_SECONDS = 1800 + 2 * 300;
const HANDED_IN = 'apply-';

interface Yes {
  readonly way: string;
  readonly at: number;
  /** Whoever was asked has answered: it is on record by now. */
  isAnswered: boolean;
}

type Way = Pick<Move, 'vm' | 'from' | 'to'>;

export interface HandedInFile {
  readonly moves: readonly Way[];
}

export class JudgePeople {
  /** What asked for a yes in each plan, the newest last. */
  readonly #shown = new Map<PlanId, readonly Way[]>();
  readonly #journal: JournalView;
  readonly #clock: Clock;
  readonly #onCancel: () => void;
  #yes: Yes[] = [];
  readonly #handedIn = new Set<string>();
  readonly #cancelled = new Set<string>();
  /** Moves for which nobody's word was there when they were opened, and why. */
  readonly #unasked = new Set<MoveId>();
  readonly #late = new Set<MoveId>();

  /** @param onCancel hears that somebody cancels something. */
  constructor(journal: JournalView, clock: Clock, onCancel: () => void) {
    this.#journal = journal;
    this.#clock = clock;
    this.#onCancel = onCancel;
  }

  /** A person says yes; to be called when the answer is there. */
  onApprove(plan: PlanId): () => void {
    const at = this.#clock.monotonic();
    const moves = this.#shown.get(plan) ?? [];
    const given = moves.map((move): Yes => ({ way: wayOf(move), at, isAnswered: false }));
    this.#yes.push(...given);
    return () => {
      for (const one of given) one.isAnswered = true;
    };
  }

  /** A person hands in a plan. */
  onApply({ moves }: HandedInFile): void {
    for (const move of moves) this.#handedIn.add(wayOf(move));
  }

  onCancelAsked(): void {
    this.#onCancel();
  }

  /** Whoever has the plan has answered. */
  onCancelled(plan: string): void {
    this.#cancelled.add(plan);
  }

  onShown({ plan, moves }: Pick<ShownPlan, 'plan' | 'moves'>): void {
    this.#shown.set(plan, moves);
  }

  /** Undefined: there were not so many. */
  shownBefore(ago: number): PlanId | undefined {
    return [...this.#shown.keys()].at(-1 - ago);
  }

  /** The move has run: another one like it asks again. */
  onClosed({ outcome }: MoveResult, move: Move | undefined): void {
    if (move === undefined || outcome === 'skipped') return;
    this.#yes = this.#yes.filter(({ way, isAnswered }) => !isAnswered || way !== wayOf(move));
  }

  /** @param asks the policy says so, as far as the controller can know. */
  onOpening({ move, plan }: Pick<MoveRecord, 'move' | 'plan'>, asks: boolean): void {
    if (this.#cancelled.has(plan)) this.#late.add(move.id);
    if (plan.startsWith(HANDED_IN) || !asks || this.#mayBegin(move)) return;
    this.#unasked.add(move.id);
  }

  onStart({ move: id, vm, from, to }: MoveOrder, asks: boolean): readonly Omit<Wrong, 'at'>[] {
    const what = `${vm} from ${from} to ${to}`;
    const out: Omit<Wrong, 'at'>[] = [];
    if (asks && this.#unasked.has(id)) {
      out.push({ invariant: 'approved', text: `${what} is begun, and nobody said yes to it` });
    }
    if (this.#late.has(id)) {
      out.push({ invariant: 'applied', text: `${what} is begun after its plan was cancelled` });
    }
    const isOfPlan = id.startsWith(HANDED_IN);
    if (isOfPlan && !this.#handedIn.has(wayOf({ vm, from, to }))) {
      out.push({ invariant: 'applied', text: `${what} is begun, and was never handed in` });
    }
    return out;
  }

  /** What a person has ordered is not asked about, nor what is tried in place of a move. */
  #mayBegin(move: Move): boolean {
    if (move.insteadOf !== undefined || this.#isOrderedByHand(move)) return true;
    const since = this.#clock.monotonic() - YES_SECONDS;
    return this.#yes.some(({ way, at }) => way === wayOf(move) && at >= since);
  }

  /** Its host is to be emptied, or its VMs are to come home, by a person's order. */
  #isOrderedByHand({ reason: { finding } }: Move): boolean {
    const orders = [...this.#journal.orders.values()];
    return orders.some(({ id, by }) => {
      const isOfIt = finding === `order:${id}` || finding.startsWith(`return:${id}:`);
      return isOfIt && by.kind === 'operator';
    });
  }
}

function wayOf({ vm, from, to }: { vm: VmId | string; from: string; to: string }): string {
  return `${vm} from ${from} to ${to}`;
}
