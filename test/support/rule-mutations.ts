// Role: moves to where a hard placement rule forbids them, to be planted in good plans; each only
// where it is certain that the changed plan is wrong (mutation-scene.ts).
import { memoryNeed } from '../../src/domain/demand.ts';
import type { VmId } from '../../src/domain/ids.ts';
import { type Mutator, memoryLimit, staying } from './mutation-scene.ts';

export const RULE_MUTATORS: readonly Mutator[] = [
  {
    name: 'to a host that a pin rules out',
    codes: ['pin'],
    plant: (scene) =>
      scene.retarget((host, vm) =>
        scene
          .rulesOf(vm.id, 'pin')
          .some((rule) => rule.kind === 'pin' && !rule.hosts.includes(host.id)),
      ),
  },
  {
    name: 'to a host that a licence does not cover',
    codes: ['licensed'],
    plant: (scene) =>
      scene.retarget(
        (host, vm) =>
          scene.isOn(vm.id) &&
          scene
            .rulesOf(vm.id, 'licensed')
            .some((rule) => rule.kind === 'licensed' && rule.hosts?.includes(host.id) === false),
      ),
  },
  {
    name: 'to a host to avoid',
    codes: ['avoid'],
    plant: (scene) =>
      scene.retarget((host, vm) =>
        scene
          .rulesOf(vm.id, 'avoid')
          .some((rule) => rule.kind === 'avoid' && rule.hosts.includes(host.id)),
      ),
  },
  {
    // As a move more: plans that move one whose partner stays behind are too rare to wait for.
    name: 'away from all those that it needs',
    codes: ['dependency'],
    plant: (scene) => {
      const moved = scene.moved();
      const flying = new Set(scene.request.snapshot.inFlight.map(({ vm }) => vm));
      const isStill = (id: VmId): boolean =>
        scene.vms.get(id)?.powerState === 'running' && !moved.has(id) && !flying.has(id);
      return scene.request.snapshot.placement.flatMap((rule) => {
        if (rule.kind !== 'dependency' || rule.strength !== 'hard') return [];
        if (rule.over !== 'host' || !rule.on.every(isStill)) return [];
        return rule.vms.filter(isStill).flatMap((id) => {
          const from = scene.vms.get(id)?.host;
          const needed = new Set(
            rule.on.filter((one) => one !== id).map((one) => scene.vms.get(one)?.host),
          );
          if (from === undefined || !needed.has(from)) return [];
          const targets = [...scene.hosts.keys()].filter((host) => !needed.has(host));
          return targets.flatMap((to) => scene.withOneMore(id, from, to));
        });
      });
    },
  },
  {
    name: 'to a host that is to keep its memory free',
    codes: ['preserve', 'memory'],
    plant: (scene) =>
      scene.retarget((host, vm) => {
        const need = memoryNeed(vm);
        const free = memoryLimit(scene.request, host) - staying(scene, host) - need;
        return scene.hostRules('preserve', host.id).some((rule) => {
          const { memory } = rule.kind === 'preserve' && rule.scope !== 'all' ? rule.free : {};
          const share = memory !== undefined && 'share' in memory ? memory.share : 0;
          // The limit is the whole capacity here: the safety capacity of memory is 100 %.
          return need > 0 && share > 0 && free < share * memoryLimit(scene.request, host) - 1;
        });
      }),
  },
  {
    name: 'to a spare host, though nothing has to leave',
    codes: ['spare'],
    plant: (scene) =>
      scene.retarget(
        (host, vm, { tier }) =>
          tier !== 'mandatory' &&
          scene
            .hostRules('spare', host.id)
            .some(({ kind, hosts }) => kind === 'spare' && !hosts.includes(vm.host)),
      ),
  },
  {
    name: 'into a reserve of a single host, though nothing has to leave',
    codes: ['failover-reserve'],
    plant: (scene) =>
      scene.retarget(
        (host, vm, { tier }) =>
          tier !== 'mandatory' &&
          memoryNeed(vm) > 0 &&
          scene.hostRules('failover-reserve', host.id).some(({ hosts }) => hosts.length === 1) &&
          host.id !== vm.host,
      ),
  },
  {
    name: 'beside one from which it is to be apart',
    codes: ['anti-affinity'],
    plant: (scene) => {
      const moved = scene.moved();
      return scene.retarget((host, vm) =>
        scene
          .rulesOf(vm.id, 'anti-affinity')
          .some(
            (rule) =>
              rule.kind === 'anti-affinity' &&
              rule.over === 'host' &&
              host.id !== vm.host &&
              rule.vms.some(
                (id) => id !== vm.id && !moved.has(id) && scene.vms.get(id)?.host === host.id,
              ),
          ),
      );
    },
  },
  {
    name: 'away from those with whom it is to be',
    codes: ['affinity'],
    plant: (scene) => {
      const all = new Set(scene.moves.keys());
      const ends = scene.placesAfter(scene.moves, all);
      const flying = new Set(scene.request.snapshot.inFlight.map(({ vm }) => vm));
      return scene.retarget((host, vm) =>
        scene.rulesOf(vm.id, 'affinity').some((rule) => {
          // One that is off keeps nobody with it.
          const members = rule.vms.filter((id) => scene.isOn(id));
          const others = members.filter((id) => id !== vm.id);
          const starts = new Set(members.map((id) => scene.vms.get(id)?.host));
          const together = new Set(others.map((id) => ends.get(id)));
          const whole =
            starts.size === 1 && together.size === 1 && !members.some((id) => flying.has(id));
          return (
            rule.kind === 'affinity' &&
            rule.over === 'host' &&
            whole &&
            scene.isOn(vm.id) &&
            !together.has(host.id)
          );
        }),
      );
    },
  },
];
