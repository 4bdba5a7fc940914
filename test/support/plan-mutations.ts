// Role: faults to plant in good plans. Each mutator makes one change to a plan that the planner
// made, only where it is certain that the changed plan is wrong (mutation-scene.ts), and names the
// codes of which one has to be found.
import { hugePageNeed, memoryNeed } from '../../src/domain/demand.ts';
import { hostId, moveId, vmId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/plan.ts';
import { seconds } from '../../src/domain/units.ts';
import { CLUSTER_MUTATORS } from './cluster-mutations.ts';
import {
  type Mutator,
  type Scene,
  dependencies,
  knownCpu,
  memoryLimit,
  places,
  staying,
  stayingCpu,
  swapped,
} from './mutation-scene.ts';
import { OWN_MUTATORS } from './own-mutations.ts';
import { aMove } from './plans.ts';
import { RULE_MUTATORS } from './rule-mutations.ts';

const FORM: readonly Mutator[] = [
  {
    name: 'a move twice, id and all',
    codes: ['duplicate-move-id'],
    plant: ({ moves }) => moves.map((move) => [...moves, move]),
  },
  {
    name: 'a move twice, under another id',
    codes: ['wrong-source'],
    plant: ({ moves }) => moves.map((move) => [...moves, { ...move, id: moveId('again') }]),
  },
  {
    name: 'two moves under one id',
    codes: ['duplicate-move-id'],
    plant: (scene) =>
      places(scene, (_move, index) => index > 0).map((index) =>
        scene.with(index, { id: scene.moves[0]?.id ?? moveId('none') }),
      ),
  },
  {
    name: 'from a host on which the VM is not',
    codes: ['wrong-source'],
    plant: (scene) =>
      scene.moves.flatMap((move, index) =>
        [...scene.hosts.keys()]
          .filter((id) => id !== move.from && id !== move.to)
          .map((from) => scene.with(index, { from })),
      ),
  },
  {
    name: 'to where it is',
    codes: ['same-host'],
    plant: (scene) => scene.moves.map((move, index) => scene.with(index, { to: move.from })),
  },
  {
    name: 'to a host that does not exist',
    codes: ['unknown-host'],
    plant: (scene) => scene.moves.map((_move, index) => scene.with(index, { to: hostId('ghost') })),
  },
  {
    name: 'of a VM that does not exist',
    codes: ['unknown-vm'],
    plant: (scene) => scene.moves.map((_move, index) => scene.with(index, { vm: vmId('ghost') })),
  },
  {
    name: 'of a VM that is in flight already',
    codes: ['overlapping-moves', 'wrong-source'],
    plant: (scene) =>
      scene.request.snapshot.inFlight.flatMap(({ vm, from }) =>
        [...scene.hosts.keys()]
          .filter((to) => to !== from)
          .map((to) => [...scene.moves, aMove({ id: 'late', vm, from, to })]),
      ),
  },
  {
    name: 'on from the target, without waiting to be there',
    codes: ['overlapping-moves'],
    plant: ({ moves, hosts }) =>
      moves.flatMap(({ vm, to: from }, index) =>
        moves.findLastIndex((move) => move.vm === vm) !== index
          ? []
          : [...hosts.keys()]
              .filter((to) => to !== from)
              .map((to) => [...moves, aMove({ id: 'on', vm, from, to })]),
      ),
  },
];

const DEPENDENCIES: readonly Mutator[] = [
  {
    name: 'a dependency dropped that kept room free',
    codes: ['memory'],
    plant: (scene) =>
      dependencies(scene).flatMap(({ index, first }) => {
        const id = scene.moves[first]?.id;
        const dependsOn = scene.moves[index]?.dependsOn.filter((one) => one !== id) ?? [];
        const moves = scene.with(index, { dependsOn });
        return scene.overfills(moves, index) ? [moves] : [];
      }),
  },
  {
    name: 'a move left out that made room, and all mention of it',
    codes: ['memory'],
    plant: (scene) =>
      dependencies(scene).flatMap(({ index, first }) => {
        const gone = scene.moves[first];
        const needing = scene.moves[index];
        const moves = scene.moves
          .filter((move) => move !== gone)
          .map((move) => ({ ...move, dependsOn: move.dependsOn.filter((id) => id !== gone?.id) }));
        const place = moves.findIndex((move) => move.id === needing?.id);
        return scene.overfills(moves, place) ? [moves] : [];
      }),
  },
  {
    name: 'a move left out on which another one waits',
    codes: ['bad-dependency'],
    plant: (scene) =>
      dependencies(scene).map(({ first }) => scene.moves.filter((_move, at) => at !== first)),
  },
  {
    name: 'listed before what it waits for',
    codes: ['bad-dependency'],
    plant: (scene) =>
      dependencies(scene).map(({ index, first }) => swapped(scene.moves, index, first)),
  },
  {
    name: 'two that wait for each other',
    codes: ['bad-dependency'],
    plant: (scene) =>
      dependencies(scene).map(({ index, first }) => {
        const last = scene.moves[index];
        const before = scene.moves[first]?.dependsOn ?? [];
        return scene.with(first, { dependsOn: last === undefined ? [] : [...before, last.id] });
      }),
  },
  {
    name: 'waiting for itself',
    codes: ['bad-dependency'],
    plant: (scene) =>
      scene.moves.map((move, index) =>
        scene.with(index, { dependsOn: [...move.dependsOn, move.id] }),
      ),
  },
  {
    name: 'waiting for nothing that there is',
    codes: ['bad-dependency'],
    plant: (scene) =>
      scene.moves.map((move, index) =>
        scene.with(index, { dependsOn: [...move.dependsOn, moveId('ghost')] }),
      ),
  },
];

const TARGETS: readonly Mutator[] = [
  {
    name: 'to a host without the memory',
    codes: ['memory'],
    plant: (scene) =>
      scene.retarget((host, vm) => {
        const need = memoryNeed(vm);
        return need > 0 && staying(scene, host) + need > memoryLimit(scene.request, host) + 1;
      }),
  },
  {
    name: 'to a host without the CPU',
    codes: ['cpu'],
    plant: (scene) =>
      scene.retarget((host, vm, move) => {
        if (move.overCpu === true) return false; // said so, to empty a host
        const slowest = Math.min(...[...scene.hosts.values()].map(({ cpu }) => cpu.coreSpeed));
        const need = knownCpu(vm) * slowest;
        const most =
          host.cpu.threads * host.cpu.coreSpeed * scene.request.limits.safetyCapacity.cpu;
        return need > 0 && stayingCpu(scene, host) * host.cpu.coreSpeed + need > most + 1e-6;
      }),
  },
  {
    name: 'to a host without the huge pages',
    codes: ['huge-pages'],
    plant: (scene) =>
      scene.retarget((host, vm) => {
        const need = hugePageNeed(vm);
        return need !== undefined && host.memory.hugePages.length === 0;
      }),
  },
  {
    name: 'to a host of another CPU vendor',
    codes: ['incompatible'],
    plant: (scene) => scene.retarget(({ cpu }, vm) => cpu.vendor !== vm.cpu.vendor),
  },
  {
    name: 'to a host with fewer threads than vCPUs',
    codes: ['vcpus'],
    plant: (scene) => scene.retarget((host, vm) => vm.vcpus > host.cpu.threads),
  },
  {
    name: 'to a host that takes nothing in',
    codes: ['host-state'],
    plant: (scene) =>
      scene.retarget(
        ({ state, connection }) =>
          connection === 'disconnected' || state === 'quarantined' || state === 'maintenance',
      ),
  },
];

const RIGHTS: readonly Mutator[] = [
  {
    name: 'by a method that the policy does not have',
    codes: ['permission'],
    plant: (scene) => scene.moves.map((_move, index) => scene.with(index, { method: 'post-copy' })),
  },
  {
    name: 'cold, where the VM may be moved live only',
    codes: ['permission'],
    plant: (scene) =>
      places(scene, (move) => scene.vm(move).permission === 'live').map((index) =>
        scene.with(index, { method: 'cold' }),
      ),
  },
  {
    name: 'of a VM that may only be watched',
    codes: ['permission'],
    plant: ({ moves, vms, hosts }) =>
      [...vms.values()]
        .filter(({ permission }) => permission === 'observe')
        .flatMap(({ id: vm, host: from }) => {
          const to = [...hosts.keys()].find((host) => host !== from);
          return to === undefined ? [] : [[...moves, aMove({ id: 'watched', vm, from, to })]];
        }),
  },
];

/** Many moves at once, as if the policy had no caps. */
function crowdAt(scene: Scene, end: 'from' | 'to'): Move[][] {
  const { perHostIn, perHostOut } = scene.request.limits.concurrency;
  const most = end === 'to' ? perHostIn : perHostOut;
  return [...Map.groupBy(scene.moves, (move) => move[end]).values()]
    .filter(
      (crowd) => crowd.length > most && crowd.every(({ dependsOn }) => dependsOn.length === 0),
    )
    .map((crowd) =>
      scene.moves.map((move) =>
        crowd.includes(move)
          ? {
              ...move,
              predicted: { ...move.predicted, startSeconds: seconds(0), seconds: seconds(60) },
            }
          : move,
      ),
    );
}

const TIMES: readonly Mutator[] = [
  {
    name: 'more arriving at once than the policy allows',
    // Who waits for one of them starts too early then.
    codes: ['concurrency', 'prediction'],
    plant: (scene) => crowdAt(scene, 'to'),
  },
  {
    name: 'more leaving at once than the policy allows',
    codes: ['concurrency', 'prediction'],
    plant: (scene) => crowdAt(scene, 'from'),
  },
  {
    name: 'a start before what it waits for has ended',
    codes: ['prediction'],
    plant: (scene) =>
      dependencies(scene).flatMap(({ index, first }) => {
        const { startSeconds, seconds: takes } = scene.moves[first]?.predicted ?? {};
        if (startSeconds === undefined || takes === undefined || takes <= 0) return [];
        return [scene.timed(index, { startSeconds: startSeconds + takes / 2 })];
      }),
  },
  ...(['startSeconds', 'seconds', 'downtimeSeconds'] as const).map(
    (figure): Mutator => ({
      name: `negative ${figure}`,
      codes: ['prediction'],
      plant: (scene) => scene.moves.map((_move, index) => scene.timed(index, { [figure]: -1 })),
    }),
  ),
  {
    name: 'a duration that is not a number',
    codes: ['prediction'],
    plant: (scene) =>
      scene.moves.map((_move, index) => scene.timed(index, { seconds: Number.NaN })),
  },
  {
    name: 'bytes without end',
    codes: ['prediction'],
    plant: (scene) => scene.moves.map((_move, index) => scene.timed(index, { bytes: Infinity })),
  },
  {
    name: 'down for longer than it takes',
    codes: ['prediction'],
    plant: (scene) =>
      scene.moves.map(({ predicted }, index) =>
        scene.timed(index, { downtimeSeconds: predicted.seconds + 1 }),
      ),
  },
  {
    name: 'another criticality than the VM has',
    codes: ['order'],
    plant: (scene) =>
      places(scene, ({ criticality }) => criticality !== 'business').map((index) =>
        scene.with(index, { criticality: 'business' }),
      ),
  },
  {
    name: 'the mandatory after the optional, which could wait',
    codes: ['order'],
    plant: (scene) => {
      const named = new Set(scene.moves.flatMap(({ dependsOn }) => dependsOn));
      const atOnce = places(
        scene,
        ({ dependsOn, predicted, id }) =>
          predicted.startSeconds === 0 && dependsOn.length === 0 && !named.has(id),
      );
      const [first, ...others] = atOnce;
      return others.map((last) =>
        scene.moves.map((move, index) => {
          if (index === last) return { ...move, tier: 'mandatory' as const };
          return index === first ? { ...move, tier: 'optional' as const } : move;
        }),
      );
    },
  },
];

export const MUTATORS: readonly Mutator[] = [
  ...FORM,
  ...DEPENDENCIES,
  ...TARGETS,
  ...RULE_MUTATORS,
  ...RIGHTS,
  ...TIMES,
  ...OWN_MUTATORS,
  ...CLUSTER_MUTATORS,
];
