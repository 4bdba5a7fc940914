// Role: `bench fleet-table` plans many fleets of the neutral benchmark, each in a fresh process,
// and has each plan judged by the benchmark's own judge: a row per fleet, the last one of all: so
// that a figure in a commit message or in the README can be had again by one command.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import type { Figures } from './figures.ts';

/** What is used of the judge's verdict; its head says what each figure means. */
interface Verdict {
  readonly moves: number;
  readonly mib: number;
  readonly disruption: number;
  readonly minDisruption: number;
  readonly violations: number;
  readonly after: Spread;
  readonly before: Spread;
}

interface Spread {
  readonly cpuSd: number;
  readonly memSd: number;
  readonly cpuOver: number;
  readonly aaViol: number;
}

/** The two files of the benchmark: they are not ours, so what they export is only claimed. */
export interface Judge {
  generate(options: Readonly<Record<string, number | string>>): unknown;
  evaluate(snapshot: unknown, plan: unknown): Verdict;
}

export interface Case {
  readonly hosts: number;
  readonly vms: number;
  readonly tight: number;
  readonly vendors: string;
  readonly seed: number;
}

/** Throws TypeError on arguments that make no sense. */
export async function benchFleetTable(args: readonly string[]): Promise<Iterable<Figures>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bench: { type: 'string' },
      sizes: { type: 'string', default: '32/600,100/2000,320/6400,1000/20000' },
      tight: { type: 'string', default: '0,1,2,3' },
      vendors: { type: 'string', default: 'intel,mixed' },
      seeds: { type: 'string', default: '1' },
      goal: { type: 'string', default: 'relieve' },
      seconds: { type: 'string', default: '' },
      runs: { type: 'string', default: '1' },
    },
  });
  if (values.bench === undefined) throw new TypeError('--bench DIR is missing');
  return judgedFleets(await judgeIn(values.bench), casesOf(values), values);
}

function* judgedFleets(judge: Judge, cases: readonly Case[], run: Run): Generator<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-table-'));
  const totals = { fleets: 0, violations: 0, overloaded: 0, worstRatio: 0, ratios: 0 };
  try {
    for (const one of cases) {
      const planned = judgeOne(judge, one, { ...run, folder });
      const { after, violations } = planned.verdict;
      totals.fleets += 1;
      totals.violations += violations;
      totals.overloaded += after.cpuOver;
      totals.worstRatio = Math.max(totals.worstRatio, ratioOf(planned.verdict));
      totals.ratios += ratioOf(planned.verdict);
      yield rowOf(one, planned);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const { ratios, worstRatio, ...counts } = totals;
  yield {
    ...counts,
    worstRatio: Number(worstRatio.toFixed(4)),
    meanRatio: Number((ratios / Math.max(1, totals.fleets)).toFixed(4)),
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

export async function judgeIn(bench: string): Promise<Judge> {
  const load = (file: string): Promise<unknown> =>
    import(pathToFileURL(resolve(bench, file)).href) as Promise<unknown>; // not ours: unknown
  const [gen, judge] = await Promise.all([load('gen.mjs'), load('evaluate.mjs')]);
  return { ...(gen as Judge), ...(judge as Judge) }; // as their README documents them
}

interface Choice {
  readonly sizes: string;
  readonly tight: string;
  readonly vendors: string;
  readonly seeds: string;
}

export function casesOf({ sizes, tight, vendors, seeds }: Choice): Case[] {
  return sizes.split(',').flatMap((size) => {
    const [hosts = Number.NaN, vms = Number.NaN] = size.split('/').map(Number);
    if (!(hosts > 0 && vms > 0)) throw new TypeError(`--sizes: hosts/vms, got ${size}`);
    return tight.split(',').flatMap((t) =>
      vendors.split(',').flatMap((vendor) =>
        seeds.split(',').map((seed) => ({
          hosts,
          vms,
          tight: Number(t),
          vendors: vendor,
          seed: Number(seed),
        })),
      ),
    );
  });
}

interface Run {
  readonly goal: string;
  readonly seconds: string;
  readonly runs: string;
}

/** What is read of the figures of `bench fleet`. */
interface Measured {
  readonly planSeconds: number;
  readonly peakRssMiB: number;
}

interface Planned {
  readonly verdict: Verdict;
  readonly stages: number;
  /** The quickest of the runs first. */
  readonly measured: readonly Measured[];
}

function judgeOne(judge: Judge, one: Case, run: Run & { readonly folder: string }): Planned {
  const snapshot = judge.generate({ ...one });
  const [file, out] = [join(run.folder, 'fleet.json'), join(run.folder, 'plan.json')];
  writeFileSync(file, JSON.stringify(snapshot));
  const bench = [...process.execArgv, 'test/bench/main.ts', 'fleet', '--snapshot', file];
  const limit = run.seconds === '' ? [] : ['--seconds', run.seconds];
  const options = ['--goal', run.goal, ...limit];
  const measured: Measured[] = [];
  for (let i = 0; i < Number(run.runs); i += 1) {
    const child = spawnSync(process.execPath, [...bench, '--out', out, ...options, '--json']);
    if (child.status !== 0) throw new TypeError(String(child.stderr));
    measured.push(JSON.parse(String(child.stdout)) as Measured); // our own bench
  }
  const plan = JSON.parse(readFileSync(out, 'utf8')) as { stages: unknown[] }; // our own bench
  return {
    verdict: judge.evaluate(snapshot, plan),
    stages: plan.stages.length,
    measured: measured.toSorted((a, b) => a.planSeconds - b.planSeconds),
  };
}

/** Of the plan's cost to the least that the judge can prove. */
function ratioOf({ disruption, minDisruption }: Verdict): number {
  return disruption / Math.max(1, minDisruption);
}

function rowOf(one: Case, { verdict, stages, measured }: Planned): Figures {
  const { before, after } = verdict;
  const points = (share: number): number => Number((100 * share).toFixed(2));
  return {
    fleet: `${one.hosts}/${one.vms}`,
    tight: one.tight,
    vendors: one.vendors,
    seed: one.seed,
    moves: verdict.moves,
    stages,
    ratio: Number(ratioOf(verdict).toFixed(4)),
    over: after.cpuOver,
    together: after.aaViol,
    violations: verdict.violations,
    gib: Math.round(verdict.mib / 1024),
    cpuSdBefore: points(before.cpuSd),
    cpuSd: points(after.cpuSd),
    memSdBefore: points(before.memSd),
    memSd: points(after.memSd),
    planSeconds: measured[0]?.planSeconds ?? Number.NaN,
    slowestSeconds: measured.at(-1)?.planSeconds ?? Number.NaN,
    peakRssMiB: Math.max(...measured.map(({ peakRssMiB }) => peakRssMiB)),
  };
}
