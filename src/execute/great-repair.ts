/**
 * A repair that is too great to be begun unasked: an edit of the policies that breaks hard rules of
 * many VMs (a typing error in a label will do) is not carried out before somebody has said yes.
 * What the world has broken is asked about alike: by the plan alone nobody can tell the two apart,
 * and a person who is asked in vain loses a minute. What was asked about goes on asking until it is
 * repaired, or nobody wants it any more: no answer is no yes.
 */

import type { Finding } from '../domain/finding.ts';
import type { FindingId, VmId } from '../domain/ids.ts';
import type { Decision, GateVerdict } from '../domain/journal.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import type { Ledger } from '../ports/ledger.ts';

/**
 * How many VMs hard rules have moved unasked within an hour when the plan is done, where that is
 * more than may be. An hour of it: budgets, and `movesPerPlan`, make small plans of a great repair.
 * @param repaired those of the last hour that hard rules have moved already.
 */
export function greatRepair(
  { moves }: Pick<Plan, 'moves'>,
  repaired: ReadonlySet<VmId>,
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): number | undefined {
  const wanted = moves.filter(({ tier }) => tier === 'corrective').map(({ vm }) => vm);
  if (wanted.length === 0) return undefined;
  const { size } = new Set([...repaired, ...wanted]);
  return size > repairsUnasked ? size : undefined;
}

/** Of so many of the newest decisions a new life reads what was asked about. */
const DECISIONS_READ = 10;

/** Findings that a person was asked about, also by the life before, or the last holder. */
export class AskedRepairs {
  #about: ReadonlySet<FindingId> = new Set();
  /** What others have asked about is to be read. */
  #isBehind = true;

  get about(): ReadonlySet<FindingId> {
    return this.#about;
  }

  /** Rejects with LedgerError. */
  async load(ledger: Pick<Ledger, 'decisions'>): Promise<void> {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    try {
      const others = askedIn(await ledger.decisions(DECISIONS_READ));
      this.#about = new Set([...this.#about, ...others]);
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  /** Others may have asked meanwhile: {@link load} reads that, too. */
  tookOver(): void {
    this.#isBehind = true;
  }

  /** @param isGreat whether the plan asks as {@link greatRepair} says. */
  note(
    waiting: readonly Pick<Move, 'reason'>[],
    isGreat: boolean,
    findings: readonly Pick<Finding, 'id'>[],
  ): void {
    const fresh = isGreat ? waiting.map(({ reason }) => reason.finding) : [];
    const open = new Set(findings.map(({ id }) => id));
    this.#about = new Set([...this.#about, ...fresh].filter((id) => open.has(id)));
  }
}

function askedIn(decisions: readonly Decision[]): ReadonlySet<FindingId> {
  // What a person has handed in is not asked about for what it repairs.
  const planned = decisions.filter(({ by }) => by === undefined);
  const waiting = planned.flatMap(({ result, gate }) => {
    // Elsewhere the mode may be what asks.
    const automatic = gate.filter(({ mode }) => mode === 'automatic');
    const asks = automatic.filter(({ verdict }) => verdict === 'needs-approval');
    const ids = new Set(asks.map(({ move }) => move));
    const moves = result.plan.moves.filter(({ id }) => ids.has(id));
    // One that waits for another that asks may not ask itself.
    return moves.filter(
      ({ tier, dependsOn }) => tier === 'corrective' && !dependsOn.some((one) => ids.has(one)),
    );
  });
  return new Set(waiting.map(({ reason }) => reason.finding));
}

/** Those that a person has said yes to are known as such from here on. */
export function withAsked(plan: Plan, verdicts: readonly GateVerdict[]): Plan {
  const asked = new Set(verdicts.filter((one) => one.asked).map(({ move }) => move));
  if (asked.size === 0) return plan;
  return {
    ...plan,
    moves: plan.moves.map((move) => (asked.has(move.id) ? { ...move, asked: true } : move)),
  };
}

/** For people. `count`: as {@link greatRepair} says; `open`: moves of this plan that wait. */
export function greatRepairText(
  { id }: Pick<Plan, 'id'>,
  { count, open }: { readonly count: number | undefined; readonly open: number },
  { repairsUnasked }: Pick<Limits, 'repairsUnasked'>,
): string {
  const moves = open === 1 ? '1 move' : `${open} moves`;
  const why =
    count === undefined
      ? `${moves} of a repair that was asked about (limits.repairsUnasked) still wait`
      : `hard rules ask for moves of ${count} VMs within an hour, more than ${repairsUnasked} ` +
        `(limits.repairsUnasked), and of this plan ${moves} wait`;
  const look = 'look whether an edit of the policies means what it says';
  return `${why}: ${look}, then drover approve ${id}`;
}
