// Role: a ROADEF instance as a problem of the engine: machines are bins, processes items. Services
// are groups: apart by machine, spread by location, dependent by neighbourhood.
import { BINS, type GroupRule, type Problem } from '../../src/plan/reassign/problem.ts';
import type { RoadefInstance, RoadefModel } from './roadef-format.ts';

const LOCATIONS = 0;
const NEIGHBOURHOODS = 1;

export function toProblem({ model, initial }: RoadefInstance): Problem {
  const { resources, machines, weights, loadWeight } = model;
  const softWeight = new Float64Array(machines * resources);
  for (let cell = 0; cell < softWeight.length; cell += 1) {
    softWeight[cell] = loadWeight[cell % resources] ?? 0;
  }
  return {
    items: model.processes,
    bins: machines,
    resources,
    need: model.need,
    home: initial,
    capacity: model.capacity,
    transient: model.transient,
    soft: model.safety,
    softWeight,
    balances: model.balances,
    moveCost: model.processMoveCost.map((cost) => cost * weights.process),
    pairCost: model.moveCostTo,
    pairWeight: weights.machine,
    moveGroupOf: model.serviceOf,
    moveGroupWeight: weights.service,
    partitions: [model.location, model.neighbourhood],
    groups: processesOf(model),
    rules: rulesOf(model),
    penalty: 0, // the start breaks nothing
  };
}

function processesOf({ services, serviceOf }: RoadefModel): Int32Array[] {
  const lists = services.map(() => [] as number[]);
  serviceOf.forEach((service, process) => lists[service]?.push(process));
  return lists.map((list) => Int32Array.from(list));
}

function rulesOf({ services, serviceOf }: RoadefModel): GroupRule[] {
  const sizes = new Int32Array(services.length);
  for (const service of serviceOf) sizes[service] = (sizes[service] ?? 0) + 1;
  const rules: GroupRule[] = [];
  services.forEach(({ spreadMin, dependsOn }, group) => {
    if ((sizes[group] ?? 0) > 1) rules.push({ kind: 'apart', group, by: BINS });
    if (spreadMin > 1) rules.push({ kind: 'spread', group, by: LOCATIONS, atLeast: spreadMin });
    for (const on of new Set(dependsOn)) {
      if (on !== group) rules.push({ kind: 'depends', group, on, by: NEIGHBOURHOODS });
    }
  });
  return rules;
}
