// Role: `bench btrplace` repairs placements of the BtrPlace workloads with Drover's engine, one
// after the other, and has each plan judged. Figures per instance:
//   seconds        wall time from opening the file to the ordered actions
//   planSeconds    of that, from the parsed document on
//   violations     what the judge found (btrplace-judge.ts says what counts)
//   moves          migrations; bound: how many there have to be at least (btrplace-bound.ts)
//   bootsAndStops  VMs and nodes that are booted or shut down
//   moments        how long the plan is if each action takes one moment
// `--seconds N` (10): while a plan has more moves than the bound, fewer are looked for so long.
// `--out FILE` writes {instance, placement, actions} as JSON (types: BtrplaceOutcome in
// btrplace-document.ts): `placement` in the form of an instance's `model.mapping`, `actions` in
// BtrPlace's own form. All of them starting at the same moment may run at once, and at each moment
// what ends ends before what starts starts. With several instances, FILE is a folder.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { fewestMoves } from './btrplace-bound.ts';
import { readBtrplace } from './btrplace-document.ts';
import { toInstance } from './btrplace-instance.ts';
import { judgeBtrplace } from './btrplace-judge.ts';
import { planBtrplace } from './btrplace-plan.ts';
import type { Figures } from './figures.ts';

/** More than a minute's worth: it is the time that ends a search. */
const STEPS = 200_000_000;
const SUFFIX = /\.json(?:\.gz)?$/u;

/** Throws TypeError on arguments that make no sense. */
export function* benchBtrplace(args: readonly string[]): Generator<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: '.' },
      instance: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0)) throw new TypeError(`--seconds: expected a number > 0`);
  if (!Number.isSafeInteger(seed)) throw new TypeError('--seed: expected a number');
  const files = filesOf(values.data, values.instance);
  for (const file of files) {
    const out = values.out === undefined ? undefined : outFile(values.out, file, files.length);
    yield solveFile(file, out, { seconds, seed });
  }
}

function solveFile(
  file: string,
  out: string | undefined,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
): Figures {
  const started = performance.now();
  const document = readBtrplace(file);
  const parsed = performance.now();
  const instance = toInstance(document);
  const spent = (): number => (performance.now() - started) / (1000 * seconds);
  const outcome = planBtrplace(nameOf(file), document, instance, { seed, steps: STEPS, spent });
  const ended = performance.now();
  if (out !== undefined) writeFileSync(out, JSON.stringify(outcome));
  const verdict = judgeBtrplace(document, outcome);
  for (const violation of verdict.violations.slice(0, 5)) process.stderr.write(`${violation}\n`);
  return {
    instance: outcome.instance,
    seconds: inSeconds(ended - started),
    planSeconds: inSeconds(ended - parsed),
    violations: verdict.violations.length,
    moves: verdict.moves,
    bound: fewestMoves(instance.problem),
    bootsAndStops: verdict.bootsAndStops,
    moments: outcome.actions.reduce((last, { end }) => Math.max(last, end), 0),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

function inSeconds(milliseconds: number): number {
  return Number((milliseconds / 1000).toFixed(3));
}

function nameOf(file: string): string {
  return basename(file).replace(SUFFIX, '');
}

/** One instance by name or file, or all in the folder, by name. */
function filesOf(folder: string, instance: string | undefined): readonly string[] {
  if (instance !== undefined && statSync(instance, { throwIfNoEntry: false })?.isFile() === true) {
    return [instance];
  }
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) throw new TypeError(`--data: no folder ${folder}`);
  const files = readdirSync(folder)
    .filter((file) => SUFFIX.test(file) && (instance === undefined || nameOf(file) === instance))
    .sort();
  if (files.length === 0) throw new TypeError(`no instance ${instance ?? ''} in ${folder}`);
  return files.map((file) => join(folder, file));
}

function outFile(out: string, file: string, instances: number): string {
  if (instances === 1) return out;
  mkdirSync(out, { recursive: true });
  return join(out, `${nameOf(file)}.json`);
}
