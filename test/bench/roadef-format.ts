// Role: reads instances of the ROADEF/EURO challenge 2012 (machine reassignment): the model's and
// the assignment's whitespace-separated integers, plain or gzipped. Big models hold 25 million
// numbers, so they are scanned from the bytes, without strings. Must not judge what it reads.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface RoadefModel {
  readonly resources: number;
  /** Per resource. */
  readonly transient: Uint8Array;
  readonly loadWeight: Float64Array;
  readonly machines: number;
  /** Per machine. */
  readonly neighbourhood: Int32Array;
  readonly location: Int32Array;
  /** machines × resources. */
  readonly capacity: Float64Array;
  readonly safety: Float64Array;
  /** machines × machines. */
  readonly moveCostTo: Uint8Array | Int32Array;
  readonly services: readonly RoadefService[];
  readonly processes: number;
  /** Per process. */
  readonly serviceOf: Int32Array;
  readonly processMoveCost: Float64Array;
  /** processes × resources. */
  readonly need: Float64Array;
  readonly balances: readonly RoadefBalance[];
  readonly weights: {
    readonly process: number;
    readonly service: number;
    readonly machine: number;
  };
}

export interface RoadefService {
  readonly spreadMin: number;
  readonly dependsOn: Int32Array;
}

export interface RoadefBalance {
  readonly first: number;
  readonly second: number;
  readonly target: number;
  readonly weight: number;
}

export interface RoadefInstance {
  readonly name: string;
  readonly model: RoadefModel;
  /** Per process: its machine at the start. */
  readonly initial: Int32Array;
}

/** Throws TypeError when a file is missing or too short. */
export function readRoadef(folder: string, name: string): RoadefInstance {
  const model = readModel(new Scanner(bytesOf(folder, `model_${name}.txt`), `model ${name}`));
  const numbers = new Scanner(bytesOf(folder, `assignment_${name}.txt`), `assignment ${name}`);
  const initial = Int32Array.from({ length: model.processes }, () => numbers.next());
  const stray = initial.find((machine) => machine >= model.machines);
  if (stray !== undefined) throw new TypeError(`assignment ${name}: there is no machine ${stray}`);
  return { name, model, initial };
}

function bytesOf(folder: string, file: string): Buffer {
  const plain = join(folder, file);
  if (existsSync(plain)) return readFileSync(plain);
  if (existsSync(`${plain}.gz`)) return gunzipSync(readFileSync(`${plain}.gz`));
  throw new TypeError(`${plain}: neither this file nor ${file}.gz exists`);
}

function readModel(numbers: Scanner): RoadefModel {
  const resources = numbers.next();
  const transient = new Uint8Array(resources);
  const loadWeight = new Float64Array(resources);
  for (let r = 0; r < resources; r += 1) {
    transient[r] = numbers.next();
    loadWeight[r] = numbers.next();
  }
  const machines = readMachines(numbers, resources);
  const services = Array.from({ length: numbers.next() }, () => ({
    spreadMin: numbers.next(),
    dependsOn: Int32Array.from({ length: numbers.next() }, () => numbers.next()),
  }));
  const processes = readProcesses(numbers, resources);
  const balances = Array.from({ length: numbers.next() }, () => ({
    first: numbers.next(),
    second: numbers.next(),
    target: numbers.next(),
    weight: numbers.next(),
  }));
  const weights = { process: numbers.next(), service: numbers.next(), machine: numbers.next() };
  const perResource = { resources, transient, loadWeight };
  return { ...perResource, ...machines, services, ...processes, balances, weights };
}

function readMachines(
  numbers: Scanner,
  resources: number,
): Pick<
  RoadefModel,
  'machines' | 'neighbourhood' | 'location' | 'capacity' | 'safety' | 'moveCostTo'
> {
  const machines = numbers.next();
  const neighbourhood = new Int32Array(machines);
  const location = new Int32Array(machines);
  const capacity = new Float64Array(machines * resources);
  const safety = new Float64Array(machines * resources);
  let moveCostTo: Uint8Array | Int32Array = new Uint8Array(machines * machines);
  for (let m = 0; m < machines; m += 1) {
    neighbourhood[m] = numbers.next();
    location[m] = numbers.next();
    for (let r = 0; r < resources; r += 1) capacity[m * resources + r] = numbers.next();
    for (let r = 0; r < resources; r += 1) safety[m * resources + r] = numbers.next();
    for (let to = m * machines; to < (m + 1) * machines; to += 1) {
      const cost = numbers.next();
      if (cost > 255 && moveCostTo instanceof Uint8Array) moveCostTo = Int32Array.from(moveCostTo);
      moveCostTo[to] = cost;
    }
  }
  return { machines, neighbourhood, location, capacity, safety, moveCostTo };
}

function readProcesses(
  numbers: Scanner,
  resources: number,
): Pick<RoadefModel, 'processes' | 'serviceOf' | 'processMoveCost' | 'need'> {
  const processes = numbers.next();
  const serviceOf = new Int32Array(processes);
  const processMoveCost = new Float64Array(processes);
  const need = new Float64Array(processes * resources);
  for (let p = 0; p < processes; p += 1) {
    serviceOf[p] = numbers.next();
    for (let r = 0; r < resources; r += 1) need[p * resources + r] = numbers.next();
    processMoveCost[p] = numbers.next();
  }
  return { processes, serviceOf, processMoveCost, need };
}

const ZERO = 48;

class Scanner {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** The next number without sign; throws TypeError when there is none. */
  next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at] ?? -1;
    while (byte >= 0 && byte <= 32) {
      at += 1;
      byte = bytes[at] ?? -1;
    }
    if (byte < ZERO || byte > ZERO + 9) {
      const found = byte < 0 ? 'the end' : JSON.stringify(String.fromCodePoint(byte));
      throw new TypeError(`${this.#what}: expected a number at byte ${at}, found ${found}`);
    }
    let value = 0;
    while (byte >= ZERO && byte <= ZERO + 9) {
      value = value * 10 + (byte - ZERO);
      at += 1;
      byte = at < bytes.length ? (bytes[at] ?? -1) : -1;
    }
    this.#at = at;
    return value;
  }
}
