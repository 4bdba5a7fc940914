/**
 * Does the plan speak of things that exist, in a form that can be carried out at all? Finds the
 * moves that the other checks can judge; a move that is nonsense by itself is reported here and
 * left out there.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { Violation, ViolationCode } from '../domain/violation.ts';
import type { Step, World } from './world.ts';

export interface Structure {
  readonly steps: readonly Step[];
  readonly violations: readonly Violation[];
}

export function checkStructure(world: World): Structure {
  const violations: Violation[] = [...identityFaults(world.moves)];
  const steps: Step[] = [];
  const whereabouts = new Map<VmId, { host: HostId; at: number | undefined }>();
  const inFlight = new Map(world.snapshot.inFlight.map((flight) => [flight.vm, flight]));
  for (const [at, move] of world.moves.entries()) {
    const step = stepOf(world, at, move, violations);
    if (step === undefined) continue;
    const last = whereabouts.get(move.vm) ?? { host: step.vm.host, at: undefined };
    const fault = (code: ViolationCode, detail: string): unknown =>
      violations.push(faultOf(at, move, code, detail));
    if (last.host !== move.from) {
      fault('wrong-source', `the VM is on ${last.host} by then, not on ${move.from}`);
      continue;
    }
    const flight = inFlight.get(move.vm);
    if (flight !== undefined) {
      fault('overlapping-moves', `move ${flight.move} is already taking it to ${flight.to}`);
    }
    if (last.at !== undefined && !world.order.before(last.at, at)) {
      const earlier = world.moves[last.at]?.id;
      fault('overlapping-moves', `it does not depend on ${earlier}, which moves the VM first`);
    }
    steps.push(step);
    whereabouts.set(move.vm, { host: move.to, at });
  }
  return { steps, violations };
}

function stepOf(world: World, at: number, move: Move, faults: Violation[]): Step | undefined {
  const vm = world.vms.get(move.vm);
  const from = world.hosts.get(move.from);
  const to = world.hosts.get(move.to);
  if (vm === undefined) faults.push(faultOf(at, move, 'unknown-vm', move.vm));
  if (from === undefined) faults.push(faultOf(at, move, 'unknown-host', move.from));
  if (to === undefined) faults.push(faultOf(at, move, 'unknown-host', move.to));
  if (vm === undefined || from === undefined || to === undefined) return undefined;
  if (from === to) {
    faults.push(faultOf(at, move, 'same-host', `from ${from.id} to itself`));
    return undefined;
  }
  return { at, move, vm, from, to };
}

/** Double ids, and dependencies that order nothing: unknown, later in the list, on itself. */
function identityFaults(moves: readonly Move[]): Violation[] {
  const faults: Violation[] = [];
  const all = new Set(moves.map((move) => move.id));
  const seen = new Set<string>();
  for (const [at, move] of moves.entries()) {
    for (const id of move.dependsOn) {
      if (seen.has(id)) continue;
      const why = id === move.id ? 'itself' : all.has(id) ? `${id}, listed later` : `unknown ${id}`;
      faults.push(faultOf(at, move, 'bad-dependency', `depends on ${why}`));
    }
    if (seen.has(move.id)) faults.push(faultOf(at, move, 'duplicate-move-id', move.id));
    seen.add(move.id);
  }
  return faults;
}

function faultOf(at: number, move: Move, code: ViolationCode, detail: string): Violation {
  return { code, index: at, move: move.id, vm: move.vm, host: move.to, rule: undefined, detail };
}
