/**
 * What a plan was made from, as it is kept beside the decision: everything that the planner was
 * given and which planner it was, so that `drover replay` can plan again. Serialised as the plan
 * worker gets it (structured clone: maps, absent values and every bit of a number survive), then
 * compressed; a fleet of 20,000 VMs takes about 2 MB.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import { inChunks } from '../domain/chunks.ts';
import type { Host } from '../domain/host.ts';
import type { Vm } from '../domain/vm.ts';
import { plainMetrics } from '../domain/window-rows.ts';
import type { PlanJob } from './plan-job.ts';
import { VERSION } from './version.ts';

/** Of the packed form. Before it all was compressed as a whole; others are not read. */
const FORMAT = 2;
const WHOLE = 1;
/** Hosts or VMs in a piece: about 1 MiB before it is compressed. */
const PIECE = 500;
/** Level 1: half the time of the default, and no larger with fleets. */
const QUICK = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Which planner it was: where these differ, another plan is no surprise. */
export interface PlannerBuild {
  readonly version: string;
  readonly node: string;
  /** Of the planner's code: tells builds of one version apart. */
  readonly code: string;
}

export interface PlanInputs {
  readonly madeBy: PlannerBuild;
  readonly job: PlanJob;
}

/** What is compressed by itself: what a large fleet takes uncompressed is never there at once. */
interface Packed {
  readonly format: unknown;
  /** The inputs, without hosts and VMs. */
  readonly inputs: Uint8Array;
  readonly hosts: readonly Uint8Array[];
  readonly vms: readonly Uint8Array[];
}

export function packInputs(job: PlanJob): Uint8Array {
  const { hosts, vms } = job.snapshot;
  const rest = { ...job, snapshot: { ...job.snapshot, hosts: [], vms: [] } };
  const inputs: PlanInputs = { madeBy: plannerBuild(), job: rest };
  return serialize({
    format: FORMAT,
    inputs: compress(inputs),
    hosts: inChunks(hosts, PIECE).map(compress),
    vms: inChunks(vms, PIECE).map((piece) => compress(piece.map(asPlain))),
  } satisfies Packed);
}

/** Throws where it is not what {@link packInputs} makes, or made, or another format of it. */
export function unpackInputs(packed: Uint8Array): PlanInputs {
  if (isWhole(packed)) {
    const { format, ...inputs } = expand(packed) as PlanInputs & Pick<Packed, 'format'>;
    return format === WHOLE ? inputs : refuse(format);
  }
  const { format, ...parts } = deserialize(packed) as Packed;
  if (format !== FORMAT) return refuse(format);
  // Packed above, each as what it is.
  const { madeBy, job } = expand(parts.inputs) as PlanInputs;
  const hosts = parts.hosts.flatMap((piece) => expand(piece) as Host[]);
  const vms = parts.vms.flatMap((piece) => expand(piece) as Vm[]);
  return { madeBy, job: { ...job, snapshot: { ...job.snapshot, hosts, vms } } };
}

function refuse(format: unknown): never {
  const known = `this Drover reads ${WHOLE} and ${FORMAT}`;
  throw new Error(`its inputs are kept in format ${String(format)}, and ${known}`);
}

/** What a clone would lose of its metrics is written out. */
function asPlain(vm: Vm): Vm {
  return { ...vm, metrics: plainMetrics(vm.metrics) };
}

function compress(value: unknown): Uint8Array {
  const plain = serialize(value);
  const packed = zstdCompressSync(plain, QUICK);
  // Given back now: the garbage collector, which sees only how little it has of it, takes its time.
  if (plain.buffer instanceof ArrayBuffer) plain.buffer.transfer(0);
  return packed;
}

function expand(piece: Uint8Array): unknown {
  return deserialize(zstdDecompressSync(piece));
}

/** It was compressed as a whole, and so begins as all that zstd makes (RFC 8878, 3.1.1). */
function isWhole(packed: Uint8Array): boolean {
  return [0x28, 0xb5, 0x2f, 0xfd].every((byte, at) => packed[at] === byte);
}

let build: PlannerBuild | undefined;

/** Of this process. */
export function plannerBuild(): PlannerBuild {
  build ??= { version: VERSION, node: process.version, code: plannerCode() };
  return build;
}

/** The rooms that a plan comes out of. */
const ROOMS = ['domain', 'plan'];

function plannerCode(): string {
  const hash = createHash('sha256');
  const source = dirname(dirname(fileURLToPath(import.meta.url)));
  for (const room of ROOMS) {
    const folder = join(source, room);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
    for (const file of files.filter((name) => /(?<!\.d)\.[jt]s$/.test(name))) {
      hash.update(`${room}/${file}\0`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}
