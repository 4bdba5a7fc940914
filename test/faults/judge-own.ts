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

export interface OwnWrong {
  readonly invariant: Invariant;
  readonly text: string;
}

export class OwnJudge {
  readonly #world: JudgeWorld;
  readonly #journal: JournalView;
  readonly #leases: LeaseBook;
  readonly #clock: Clock;

  // oxlint-disable-next-line max-params -- the four that it looks at
  constructor(world: JudgeWorld, journal: JournalView, leases: LeaseBook, clock: Clock) {
    this.#world = world;
    this.#journal = journal;
    this.#leases = leases;
    this.#clock = clock;
  }

  /** A hypervisor is asked to start the move. */
  onStart(order: MoveOrder, by: string): readonly OwnWrong[] {
    const beside = this.#beside(order.move, by);
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

  /** What the same controller has under way. */
  #beside(move: MoveId, by: string): readonly Move[] {
    const others = this.#journal.underWay(move).map(({ record }) => record.move);
    return others.filter(({ from }) => this.#leases.holder(this.#world.cluster(from)) === by);
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
