// Role: what is wrong with how the VMs that Drover stands on are moved (policies/README.md): last,
// with nothing beside them, by pre-copy and nothing else, and that of a controller only while it
// has no lease, where another could have it. It shares no code with what it judges.
import type { MoveId, VmId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { MoveOrder, Steering } from '../../src/ports/hypervisor.ts';
import type { Invariant } from './invariants.ts';
import type { JournalView } from './journal-view.ts';
import type { JudgeWorld } from './judge-world.ts';
import type { LeaseBook } from './lease-book.ts';
import type { OwnEntry } from './script.ts';

/** Nobody waits for a move of which nothing was heard for so long. */
const SILENT_SECONDS = 300;

export interface OwnWrong {
  readonly invariant: Invariant;
  readonly text: string;
}

export class OwnJudge {
  readonly #world: JudgeWorld;
  readonly #journal: JournalView;
  readonly #leases: LeaseBook;
  readonly #clock: Clock;
  /** When a hypervisor last answered about a move, or was first asked to start it. */
  readonly #heardAt = new Map<MoveId, number>();

  // oxlint-disable-next-line max-params -- the four that it looks at
  constructor(world: JudgeWorld, journal: JournalView, leases: LeaseBook, clock: Clock) {
    this.#world = world;
    this.#journal = journal;
    this.#leases = leases;
    this.#clock = clock;
  }

  /** A hypervisor is asked to start the move. */
  onStart(order: MoveOrder, by: string): readonly OwnWrong[] {
    this.heard(order);
    const beside = this.#beside(order, by);
    if (!this.#world.isOwn(order.vm))
      return beside.filter(({ vm }) => this.#world.isOwn(vm)).map(crowd);
    return [
      ...beside.map(crowd),
      ...methodWrongs(order),
      ...this.#entries(order.vm).flatMap((entry) => this.#leaseWrongs(entry, by)),
    ];
  }

  /** A hypervisor is asked to do something about a move that goes on. */
  onSteer({ vm }: MoveOrder, { kind }: Steering): readonly OwnWrong[] {
    if (!this.#world.isOwn(vm) || kind === 'bandwidth') return [];
    return [{ invariant: 'own-pre-copy', text: `${kind} is asked for ${vm}` }];
  }

  /** A hypervisor has answered about a move. */
  heard({ move }: Pick<MoveOrder, 'move'>): void {
    this.#heardAt.set(move, this.#clock.monotonic());
  }

  /** Of some move nothing was heard for long. */
  hasSilent(): boolean {
    return [...this.#journal.open.keys()].some((move) => this.#isSilent(move));
  }

  /** What the same controller has under way, and has heard of; what can wait waits for all. */
  #beside({ move, vm }: MoveOrder, by: string): readonly Move[] {
    const tier = this.#journal.open.get(move)?.record.move.tier;
    const waits = this.#world.isOwn(vm) && tier !== 'mandatory';
    const others = this.#journal.underWay(move).map(({ record }) => record.move);
    return others
      .filter(({ from }) => this.#leases.holder(this.#world.cluster(from)) === by)
      .filter(({ id }) => waits || !this.#isSilent(id));
  }

  #isSilent(move: MoveId): boolean {
    const heardAt = this.#heardAt.get(move);
    return heardAt !== undefined && this.#clock.monotonic() - heardAt >= SILENT_SECONDS;
  }

  #entries(vm: VmId): readonly OwnEntry[] {
    return this.#world.rules.own.filter((entry) => entry.vm === vm && entry.role === 'controller');
  }

  #leaseWrongs({ vm, controller }: OwnEntry, by: string): readonly OwnWrong[] {
    const isHeld = controller === undefined || this.#leases.hasAny(controller);
    if (!isHeld) return [];
    // Who could be any of them has nobody to stand in for it.
    const isAlone =
      controller === undefined || !this.#leases.hasStandby(controller, this.#clock.monotonic());
    if (isAlone && this.#world.rules.ownWithoutStandby === 'move') return [];
    const who = controller ?? 'some controller';
    const text = `${by} moves ${vm}, and ${who} in it has leases`;
    return [{ invariant: 'own-leases', text }];
  }
}

function crowd({ vm, from, to }: Move): OwnWrong {
  return { invariant: 'own-alone', text: `${vm} is under way from ${from} to ${to} beside it` };
}

function methodWrongs({ vm, method, autoConverge, allowPostCopy }: MoveOrder): readonly OwnWrong[] {
  if (method === 'pre-copy' && !autoConverge && !allowPostCopy) return [];
  const asked = [autoConverge && 'slowed down', allowPostCopy && 'post-copy allowed'];
  const more = asked.filter((one) => one !== false).map((one) => `, ${one}`);
  return [{ invariant: 'own-pre-copy', text: `${vm} is moved by ${method}${more.join('')}` }];
}
