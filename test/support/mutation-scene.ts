// Role: a good plan and the world it was made for, as those who plant faults in it look at it: by
// plain arithmetic on the snapshot, with no code of the planner or the checker.
import { memoryNeed } from '../../src/domain/demand.ts';
import type { Host } from '../../src/domain/host.ts';
import { type HostId, moveId, type VmId } from '../../src/domain/ids.ts';
import { type HostRule, type PlacementRule, isHostRule } from '../../src/domain/placement.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { ViolationCode } from '../../src/domain/violation.ts';
import type { Vm } from '../../src/domain/vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';

export interface Mutator {
  readonly name: string;
  /** At least one of these has to be among what the checker says. */
  readonly codes: readonly ViolationCode[];
  /** All wrong plans that this change makes of the good one. */
  plant(scene: Scene): readonly (readonly Move[])[];
}

/** A good plan and the world it was made for. */
export class Scene {
  readonly request: PlanRequest;
  readonly moves: readonly Move[];
  readonly hosts: ReadonlyMap<HostId, Host>;
  readonly vms: ReadonlyMap<VmId, Vm>;

  constructor(request: PlanRequest, moves: readonly Move[]) {
    this.request = request;
    this.moves = moves;
    this.hosts = new Map(request.snapshot.hosts.map((host) => [host.id, host]));
    this.vms = new Map(request.snapshot.vms.map((vm) => [vm.id, vm]));
  }

  vm(move: Move): Vm {
    const vm = this.vms.get(move.vm);
    if (vm === undefined) throw new Error(`a good plan moves ${move.vm}, which is not there`);
    return vm;
  }

  /** A VM that is off uses no licence and keeps nobody with it. */
  isOn(id: VmId): boolean {
    return (this.vms.get(id)?.powerState ?? 'off') !== 'off';
  }

  /** The plan with one move changed. */
  with(index: number, change: Partial<Move>): Move[] {
    return this.moves.map((move, at) => (at === index ? { ...move, ...change } : move));
  }

  /** With a move more, like the first one but for its VM and hosts. */
  withOneMore(vm: VmId, from: HostId, to: HostId): Move[][] {
    const [first] = this.moves;
    if (first === undefined) return [];
    return [[...this.moves, { ...first, id: moveId('one more'), vm, from, to, dependsOn: [] }]];
  }

  /** With other predicted figures, also such as the types forbid: arithmetic does not ask them. */
  timed(index: number, change: Partial<Record<keyof Move['predicted'], number>>): Move[] {
    const predicted = this.moves[index]?.predicted;
    if (predicted === undefined) return [];
    return this.with(index, { predicted: { ...predicted, ...change } as Move['predicted'] });
  }

  /** Other targets for each move that is its VM's last, as far as `wrong` says so. */
  retarget(wrong: (host: Host, vm: Vm, move: Move) => boolean): Move[][] {
    const last = new Map(this.moves.map((move, index) => [move.vm, index]));
    return this.moves.flatMap((move, index) => {
      const vm = this.vm(move);
      if (last.get(move.vm) !== index) return [];
      return [...this.hosts.values()]
        .filter((host) => host.id !== move.from && host.id !== move.to && wrong(host, vm, move))
        .map((host) => this.with(index, { to: host.id }));
    });
  }

  /** Indexes of the moves that this one waits for, directly or not. */
  waitsFor(moves: readonly Move[], index: number): Set<number> {
    const places = new Map(moves.map((move, at) => [move.id, at]));
    const found = new Set<number>([index]);
    for (const at of found) {
      for (const id of moves[at]?.dependsOn ?? []) {
        const place = places.get(id);
        if (place !== undefined) found.add(place);
      }
    }
    found.delete(index);
    return found;
  }

  /** VMs that the plan moves. */
  moved(): Set<VmId> {
    return new Set(this.moves.map(({ vm }) => vm));
  }

  /**
   * Whether the move's target is too small in ordinary memory when nothing has happened but what
   * the move waits for: one state among those that the plan must survive.
   */
  overfills(moves: readonly Move[], index: number): boolean {
    const move = moves[index];
    const host = move === undefined ? undefined : this.hosts.get(move.to);
    if (move === undefined || host === undefined) return false;
    const need = memoryNeed(this.vm(move));
    const places = this.placesAfter(moves, this.waitsFor(moves, index));
    let load: number = need;
    for (const [id, place] of places) {
      const vm = this.vms.get(id);
      if (vm !== undefined && id !== move.vm && place === move.to) load += memoryNeed(vm);
    }
    return need > 0 && load > memoryLimit(this.request, host) * (1 + 1e-6);
  }

  placesAfter(moves: readonly Move[], done: ReadonlySet<number>): Map<VmId, HostId> {
    const places = new Map<VmId, HostId>([...this.vms].map(([id, vm]) => [id, vm.host]));
    for (const [index, move] of moves.entries()) if (done.has(index)) places.set(move.vm, move.to);
    return places;
  }

  /** Hard rules about what the host holds. */
  hostRules(kind: HostRule['kind'], host: HostId): readonly HostRule[] {
    return this.request.snapshot.placement
      .filter((rule) => isHostRule(rule))
      .filter((rule) => rule.kind === kind && rule.strength === 'hard')
      .filter(({ hosts }) => hosts.includes(host));
  }

  /** Hard rules about the VM that hold at every moment. */
  rulesOf(vm: VmId, kind: PlacementRule['kind']): readonly PlacementRule[] {
    return this.request.snapshot.placement.filter(
      (rule) => rule.kind === kind && rule.strength === 'hard' && rule.vms.includes(vm),
    );
  }
}

export function memoryLimit({ limits }: PlanRequest, { memory }: Host): number {
  const huge = memory.hugePages.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
  const usable = Math.max(0, memory.totalBytes - memory.reservedBytes - huge);
  return usable * limits.overcommit.memory * limits.safetyCapacity.memory;
}

/** Memory of the VMs that are on the host and that the plan leaves there. */
export function staying(scene: Scene, host: Host): number {
  const moved = scene.moved();
  const there = scene.request.snapshot.vms.filter((vm) => vm.host === host.id && !moved.has(vm.id));
  return there.reduce((sum, vm) => sum + memoryNeed(vm), 0);
}

/** Known CPU demand of the VMs that are on the host and that the plan leaves there, in threads. */
export function stayingCpu(scene: Scene, host: Host): number {
  const moved = scene.moved();
  const there = scene.request.snapshot.vms.filter((vm) => vm.host === host.id && !moved.has(vm.id));
  return there.reduce((sum, vm) => sum + knownCpu(vm), 0);
}

export function knownCpu(vm: Vm): number {
  const mean = vm.metrics['cpu.used']?.mean;
  return mean?.kind === 'known' && vm.powerState === 'running' ? mean.value : 0;
}

/** Each index of the list whose move the predicate accepts. */
export function places(scene: Scene, accept: (move: Move, index: number) => boolean): number[] {
  return scene.moves.flatMap((move, index) => (accept(move, index) ? [index] : []));
}

/** Pairs of a move and one that it names in dependsOn, as indexes. */
export function dependencies(scene: Scene): { readonly index: number; readonly first: number }[] {
  return scene.moves.flatMap((move, index) =>
    move.dependsOn.map((id) => ({ index, first: scene.moves.findIndex((one) => one.id === id) })),
  );
}

export function swapped(moves: readonly Move[], a: number, b: number): Move[] {
  return moves.map((move, index) => {
    if (index === a) return moves[b] ?? move;
    return index === b ? (moves[a] ?? move) : move;
  });
}
