// Role: says what an assignment of a ROADEF instance costs and what it breaks, from the challenge's
// formulas alone. Must share no code with the engine: this is what the engine is judged by.
import type { RoadefInstance, RoadefModel } from './roadef-format.ts';

/** Exact as long as sums stay below 2^53, which the challenge's do. */
export function roadefCost({ model, initial }: RoadefInstance, at: Int32Array): number {
  const { resources, machines, processes, weights } = model;
  const used = usage(model, at);
  let cost = 0;
  for (let m = 0; m < machines; m += 1) {
    for (let r = 0; r < resources; r += 1) {
      const over = (used[m * resources + r] ?? 0) - (model.safety[m * resources + r] ?? 0);
      cost += (model.loadWeight[r] ?? 0) * Math.max(0, over);
    }
    for (const { first, second, target, weight } of model.balances) {
      const a = (model.capacity[m * resources + first] ?? 0) - (used[m * resources + first] ?? 0);
      const b = (model.capacity[m * resources + second] ?? 0) - (used[m * resources + second] ?? 0);
      cost += weight * Math.max(0, target * a - b);
    }
  }
  const movedOf = new Int32Array(model.services.length);
  for (let p = 0; p < processes; p += 1) {
    const [from, to, service] = [initial[p] ?? 0, at[p] ?? 0, model.serviceOf[p] ?? 0];
    cost += weights.machine * (model.moveCostTo[from * machines + to] ?? 0);
    if (from === to) continue;
    cost += weights.process * (model.processMoveCost[p] ?? 0);
    movedOf[service] = (movedOf[service] ?? 0) + 1;
  }
  return cost + weights.service * movedOf.reduce((most, moved) => Math.max(most, moved), 0);
}

/** What is broken, in words; empty: the assignment is valid. */
export function roadefFaults({ model, initial }: RoadefInstance, at: Int32Array): string[] {
  const faults: string[] = [];
  if (at.length !== model.processes) return [`${at.length} processes, not ${model.processes}`];
  const stray = at.findIndex((m) => !(m >= 0 && m < model.machines));
  if (stray >= 0) return [`process ${stray}: there is no machine ${at[stray]}`];
  const used = usage(model, at);
  for (let p = 0; p < model.processes; p += 1) {
    if (initial[p] === at[p]) continue;
    for (let r = 0; r < model.resources; r += 1) {
      if (model.transient[r] !== 1) continue;
      const cell = (initial[p] ?? 0) * model.resources + r;
      used[cell] = (used[cell] ?? 0) + (model.need[p * model.resources + r] ?? 0);
    }
  }
  used.forEach((load, cell) => {
    if (load > (model.capacity[cell] ?? 0)) {
      const [m, r] = [Math.floor(cell / model.resources), cell % model.resources];
      faults.push(`machine ${m}: resource ${r} is beyond its capacity`);
    }
  });
  return [...faults, ...serviceFaults(model, at)];
}

function serviceFaults(model: RoadefModel, at: Int32Array): string[] {
  const faults: string[] = [];
  const machinesOf = model.services.map(() => [] as number[]);
  at.forEach((m, p) => machinesOf[model.serviceOf[p] ?? 0]?.push(m));
  const placesOf = (service: number, of: Int32Array): Set<number> =>
    new Set(machinesOf[service]?.map((m) => of[m] ?? -1));
  model.services.forEach(({ spreadMin, dependsOn }, s) => {
    const machines = machinesOf[s] ?? [];
    if (new Set(machines).size < machines.length) faults.push(`service ${s}: two on one machine`);
    const locations = placesOf(s, model.location).size;
    if (locations < spreadMin) faults.push(`service ${s}: in ${locations} of ${spreadMin} places`);
    const here = placesOf(s, model.neighbourhood);
    for (const other of dependsOn) {
      const there = placesOf(other, model.neighbourhood);
      if ([...here].some((place) => !there.has(place)))
        faults.push(`service ${s}: without service ${other} somewhere`);
    }
  });
  return faults;
}

function usage(
  { resources, machines, processes, need }: RoadefModel,
  at: Int32Array,
): Float64Array {
  const used = new Float64Array(machines * resources);
  for (let p = 0; p < processes; p += 1) {
    const m = at[p] ?? 0;
    for (let r = 0; r < resources; r += 1) {
      used[m * resources + r] = (used[m * resources + r] ?? 0) + (need[p * resources + r] ?? 0);
    }
  }
  return used;
}
