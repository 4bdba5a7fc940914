// Role: what is wrong with the way in which a VM is moved: by a method that the policy does not
// have, or not for it, slowed down or switched over where its ladder does not say so, stopped where
// it could go on running. It shares no code with what it judges.
import type { VmId } from '../../src/domain/ids.ts';
import { CRITICALITIES, type Criticality, type Permission } from '../../src/domain/vm.ts';
import type { MoveOrder, Steering } from '../../src/ports/hypervisor.ts';
import type { Wrong } from './invariants.ts';
import type { JudgeWorld } from './judge-world.ts';
import type { Ways } from './script.ts';

/** What the policy that Drover ships with says. */
const LADDER = ['pre-copy', 'auto-converge'] as const;
const SHIPPED: Ways = {
  methods: ['pre-copy', 'cold'],
  ladder: {
    'mission-critical': LADDER,
    business: LADDER,
    standard: LADDER,
    'best-effort': LADDER,
  },
  stoppable: [],
  liveOnly: [],
  cpuPercent: 80,
};
/** The last of the policy's `downtimeSteps`. */
const LONGEST_STOP_SECONDS = 0.5;

type WayWrong = Omit<Wrong, 'at'>;

export class WaysJudge {
  readonly #world: JudgeWorld;
  readonly #ways: Ways;
  /** From where to where the last move of a VM was to go that was started, and was live. */
  readonly #tried = new Map<VmId, string>();

  constructor(world: JudgeWorld) {
    this.#world = world;
    this.#ways = world.rules.ways ?? SHIPPED;
  }

  /** Share of its CPU that no target may exceed, 0..1. */
  get cpuShare(): number {
    return this.#ways.cpuPercent / 100;
  }

  /** A hypervisor is asked to start the move. */
  onStart(order: MoveOrder): readonly WayWrong[] {
    const { vm, method, autoConverge, allowPostCopy } = order;
    const out: WayWrong[] = this.#isPermitted(vm, method) ? [] : [forbidden(vm, method)];
    if (allowPostCopy && !this.#mayClimb(vm, 'post-copy')) {
      out.push(forbidden(vm, 'post-copy, if need be'));
    }
    if (autoConverge && !this.#mayClimb(vm, 'auto-converge')) {
      out.push(forbidden(vm, 'auto-converge'));
    }
    const way = `${order.from} ${order.to}`;
    const isTried = this.#tried.get(vm) === way;
    if (method === 'cold' && !isTried && this.#couldRunOn(order)) {
      const text = `${vm} is stopped to be moved to ${order.to}, and could run all the way`;
      out.push({ invariant: 'cold-last', text });
    }
    if (method === 'cold') this.#tried.delete(vm);
    else if (method !== 'restart') this.#tried.set(vm, way);
    return out;
  }

  /** A hypervisor is asked to do something about a move that goes on. */
  onSteer({ vm }: MoveOrder, steering: Steering): readonly WayWrong[] {
    if (steering.kind === 'bandwidth') return [];
    if (steering.kind !== 'downtime-limit') {
      return this.#mayClimb(vm, steering.kind) ? [] : [forbidden(vm, steering.kind)];
    }
    if (steering.seconds <= LONGEST_STOP_SECONDS) return [];
    return [forbidden(vm, `a stop of ${Math.round(1000 * steering.seconds)} ms`)];
  }

  /** Where the host is to be emptied and the VM may be stopped for it, it need not run on. */
  mayBeStopped(vm: VmId): boolean {
    const facts = this.#world.vms.get(vm);
    const isNamed = facts?.cpu.mode === 'named' || this.#world.isOwn(vm);
    return !isNamed && this.#mayClimb(vm, 'cold') && this.#isPermitted(vm, 'cold');
  }

  #isPermitted(vm: VmId, method: MoveOrder['method']): boolean {
    if (method === 'restart') return this.#permission(vm) === 'restart';
    if (!this.#ways.methods.includes(method)) return false;
    if (method !== 'cold') return method === 'pre-copy' || this.#mayClimb(vm, 'post-copy');
    return this.#permission(vm) !== 'live' && this.#mayClimb(vm, 'cold');
  }

  #mayClimb(vm: VmId, step: 'auto-converge' | 'post-copy' | 'cold'): boolean {
    const isThere = this.#ways.ladder[this.#criticality(vm)].includes(step);
    return isThere && (step === 'auto-converge' || this.#ways.methods.includes(step));
  }

  #criticality(vm: VmId): Criticality {
    return CRITICALITIES[this.#world.rank(vm)] ?? 'standard';
  }

  #permission(vm: VmId): Permission {
    const { stoppable, liveOnly } = this.#ways;
    if (liveOnly.includes(vm)) return 'live';
    if (this.#world.rules.restart) return 'restart';
    return stoppable.includes(vm) ? 'cold' : 'live';
  }

  #couldRunOn({ vm, to }: MoveOrder): boolean {
    const facts = this.#world.vms.get(vm);
    return facts !== undefined && this.#world.missingFeatures(facts, to).length === 0;
  }
}

function forbidden(vm: VmId, what: string): WayWrong {
  return { invariant: 'ways', text: `${vm} is moved by ${what}, which the policy forbids` };
}
