// Role: small instances in the form of BtrPlace's workloads, seeded: applications of a few VMs
// that run spread out, each inside one part of the nodes; then either the load of some rises (li)
// or some nodes are gone and what ran there is to be booted elsewhere (nr).
import { seededRng } from '../../src/domain/rng.ts';
import type {
  BtrplaceConstraint,
  BtrplaceDocument,
  BtrplaceResource,
} from '../bench/btrplace-document.ts';

export interface SampleOptions {
  readonly kind: 'li' | 'nr';
  readonly nodes: number;
  readonly vmsPerNode: number;
  /** 0…1 of the applications have constraints. */
  readonly constrained: number;
  readonly seed: number;
}

const CPU = 200;
const MEMORY = 1600;
const PART = 10;
/** Parts are filled no further at the start, so that there is a way out. */
const FILL = 0.7;

export function sampleBtrplace(options: SampleOptions): BtrplaceDocument {
  const { kind, nodes, constrained, seed } = options;
  const rng = seededRng(seed);
  const draw = (count: number): number => Math.floor(rng.next() * count);
  const free = Array.from({ length: nodes }, () => ({ cpu: CPU, memory: MEMORY }));
  const running: number[][] = free.map(() => []);
  const needs: { cpu: number; memory: number }[] = [];
  const constraints: BtrplaceConstraint[] = [];
  const parts = Array.from({ length: Math.ceil(nodes / PART) }, (_none, part) =>
    free.map((_room, node) => node).filter((node) => Math.floor(node / PART) === part),
  );
  for (let attempt = 0; attempt < nodes * options.vmsPerNode; attempt += 1) {
    if (needs.length >= nodes * options.vmsPerNode) break;
    const part = parts[draw(parts.length)] ?? [];
    const left = part.reduce((sum, node) => sum + (free[node]?.cpu ?? 0), 0);
    if (left < (1 - FILL) * CPU * part.length) continue;
    const need = { cpu: 8 + draw(30), memory: 100 * (1 + draw(3)) };
    const members: number[] = [];
    const used = new Set<number>();
    for (let member = 0; member < 2 + draw(5); member += 1) {
      const fits = part.filter((node) => {
        const room = free[node];
        return room && !used.has(node) && room.cpu >= need.cpu && room.memory >= need.memory;
      });
      const node = fits[draw(fits.length)];
      const room = free[node ?? -1];
      if (node === undefined || room === undefined) break;
      room.cpu -= need.cpu;
      room.memory -= need.memory;
      used.add(node);
      running[node]?.push(needs.length);
      members.push(needs.length);
      needs.push(need);
    }
    if (rng.next() >= constrained) continue;
    constraints.push({ id: 'spread', vms: members, continuous: true });
    constraints.push({ id: 'among', vms: members, parts, continuous: true });
  }
  const gone = new Set(parts.flatMap((part) => (kind === 'nr' ? [part[draw(PART)] ?? 0] : [])));
  const readyVMs = [...gone].flatMap((node) => running[node] ?? []);
  for (const node of running.keys()) {
    const id = gone.has(node) ? 'offline' : 'online';
    constraints.push({ id, node, continuous: false });
  }
  for (const vm of readyVMs) constraints.push({ id: 'running', vm, continuous: false });
  for (const [vm, { cpu }] of kind === 'li' ? needs.entries() : []) {
    if (rng.next() < 0.1) constraints.push({ id: 'preserve', vm, rc: 'uCpu', amount: 2 * cpu });
  }
  const resource = (rcId: string, capacity: number, of: readonly number[]): BtrplaceResource => ({
    id: 'shareableResource',
    rcId,
    defCapacity: 0,
    defConsumption: 0,
    nodes: Object.fromEntries(running.map((_vms, node) => [node, capacity])),
    vms: Object.fromEntries(of.map((amount, vm) => [vm, amount])),
  });
  const online = [...running.entries()].filter(([node]) => !gone.has(node));
  return {
    model: {
      mapping: {
        onlineNodes: Object.fromEntries(
          online.map(([node, runningVMs]) => [node, { runningVMs, sleepingVMs: [] }]),
        ),
        offlineNodes: [...gone],
        readyVMs,
      },
      views: [
        resource(
          'uCpu',
          CPU,
          needs.map(({ cpu }) => cpu),
        ),
        resource(
          'memory',
          MEMORY,
          needs.map(({ memory }) => memory),
        ),
      ],
    },
    constraints,
  };
}
