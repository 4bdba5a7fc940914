// Role: part of the judge: does a constraint of a BtrPlace instance hold in the end? Meanings after
// the checkers of btrplace/scheduler (org.btrplace.model.constraint.*Checker, `endsWith`): VMs that
// do not run are left out of account.
import type { BtrplaceConstraint } from './btrplace-document.ts';

/** The world as the judge has played it. */
export interface Scene {
  isOn(node: number): boolean;
  isOff(node: number): boolean;
  isReady(vm: number): boolean;
  /** Where the VM runs; undefined: it does not. */
  nodeOf(vm: number): number | undefined;
  granted(vm: number, rc: string): number;
  guestsOf(node: number): Iterable<number>;
  /** Where VMs ran at the start. */
  readonly origin: ReadonlyMap<number, number>;
}

export function holds(constraint: BtrplaceConstraint, scene: Scene): boolean {
  switch (constraint.id) {
    case 'online':
      return scene.isOn(constraint.node);
    case 'offline':
      return scene.isOff(constraint.node);
    case 'quarantine':
      // Arrivals are judged as they come; who was there is there still, or runs no more.
      return [...scene.origin].every(
        ([vm, node]) => node !== constraint.node || (scene.nodeOf(vm) ?? node) === node,
      );
    case 'running':
      return scene.nodeOf(constraint.vm) !== undefined;
    case 'ready':
      return scene.isReady(constraint.vm);
    case 'root': {
      const now = scene.nodeOf(constraint.vm);
      return now === undefined || now === (scene.origin.get(constraint.vm) ?? now);
    }
    case 'spread': {
      const nodes = nodesOf(constraint.vms, scene);
      return new Set(nodes).size === nodes.length;
    }
    case 'among': {
      const nodes = nodesOf(constraint.vms, scene);
      const [first] = nodes;
      const part = constraint.parts.find((one) => first !== undefined && one.includes(first));
      return nodes.every((node) => part?.includes(node) ?? false);
    }
    case 'fence':
      return nodesOf([constraint.vm], scene).every((node) => constraint.nodes.includes(node));
    case 'ban':
      return nodesOf([constraint.vm], scene).every((node) => !constraint.nodes.includes(node));
    case 'preserve': {
      const { vm, rc, amount } = constraint;
      return scene.nodeOf(vm) === undefined || scene.granted(vm, rc) >= amount;
    }
    case 'overbook':
      return true; // part of what a node can grant, which is judged for each
    case 'resourceCapacity': {
      const { nodes, rc, amount } = constraint;
      const vms = nodes.flatMap((node) => [...scene.guestsOf(node)]);
      return vms.reduce((sum, vm) => sum + scene.granted(vm, rc), 0) <= amount;
    }
  }
}

function nodesOf(vms: readonly number[], scene: Scene): number[] {
  return vms.flatMap((vm) => scene.nodeOf(vm) ?? []);
}
