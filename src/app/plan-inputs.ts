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

import type { PlanJob } from './plan-job.ts';
import { VERSION } from './version.ts';

/** Of the packed form; another one is not read. */
const FORMAT = 1;
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

export function packInputs(job: PlanJob): Uint8Array {
  const packed = { format: FORMAT, madeBy: plannerBuild(), job };
  return zstdCompressSync(serialize(packed), QUICK);
}

/** Throws where it is not what {@link packInputs} made, or another format of it. */
export function unpackInputs(packed: Uint8Array): PlanInputs {
  const { format, madeBy, job } = deserialize(zstdDecompressSync(packed)) as PlanInputs & {
    readonly format: unknown;
  };
  if (format === FORMAT) return { madeBy, job };
  throw new Error(`its inputs are kept in format ${String(format)}, and this Drover reads 1`);
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
