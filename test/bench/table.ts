// Role: `bench fleet-table` plans many fleets of the neutral benchmark, each in a fresh process,
// has each plan judged by the benchmark's own judge, and prints a line per fleet: so that a figure
// in a commit message or in the README can be had again by one command.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

type Figures = Readonly<Record<string, number | string>>;

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

const HEAD = [
  'hosts/vms'.padEnd(12),
  'tight',
  'vendors',
  'seed',
  'moves'.padStart(6),
  'stages',
  'ratio'.padStart(7),
  'over',
  'aa',
  'viol',
  '  GiB'.padStart(7),
  'cpuSd'.padStart(11),
  'memSd'.padStart(11),
  'planSeconds',
].join(' ');

/** Throws TypeError on arguments that make no sense. */
export async function benchFleetTable(args: readonly string[]): Promise<Figures> {
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
  const judge = await judgeIn(values.bench);
  const folder = mkdtempSync(join(tmpdir(), 'drover-table-'));
  const totals = { fleets: 0, violations: 0, overloaded: 0, worstRatio: 0, ratios: 0 };
  process.stdout.write(`${HEAD}\n`);
  try {
    for (const one of casesOf(values)) {
      const verdict = judgeOne(judge, one, { ...values, folder });
      const ratio = verdict.disruption / Math.max(1, verdict.minDisruption);
      totals.fleets += 1;
      totals.violations += verdict.violations;
      totals.overloaded += verdict.after.cpuOver;
      totals.worstRatio = Math.max(totals.worstRatio, ratio);
      totals.ratios += ratio;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const { ratios, worstRatio, ...counts } = totals;
  return {
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
  readonly folder: string;
  readonly goal: string;
  readonly seconds: string;
  readonly runs: string;
}

function judgeOne(judge: Judge, one: Case, run: Run): Verdict {
  const snapshot = judge.generate({ ...one });
  const [file, out] = [join(run.folder, 'fleet.json'), join(run.folder, 'plan.json')];
  writeFileSync(file, JSON.stringify(snapshot));
  const bench = [...process.execArgv, 'test/bench/main.ts', 'fleet', '--snapshot', file];
  const limit = run.seconds === '' ? [] : ['--seconds', run.seconds];
  const options = ['--goal', run.goal, ...limit];
  const times: number[] = [];
  for (let i = 0; i < Number(run.runs); i += 1) {
    const child = spawnSync(process.execPath, [...bench, '--out', out, ...options, '--json']);
    if (child.status !== 0) throw new TypeError(String(child.stderr));
    const figures = JSON.parse(String(child.stdout)) as { planSeconds: number }; // our own bench
    times.push(figures.planSeconds);
  }
  const plan = JSON.parse(readFileSync(out, 'utf8')) as { stages: unknown[] }; // our own bench
  const verdict = judge.evaluate(snapshot, plan);
  process.stdout.write(`${rowOf(one, verdict, plan.stages.length, times)}\n`);
  return verdict;
}

// oxlint-disable-next-line max-params -- one row of a table
function rowOf(one: Case, verdict: Verdict, stages: number, times: readonly number[]): string {
  const { before, after } = verdict;
  const points = (was: number, is: number): string =>
    `${(100 * was).toFixed(1)}→${(100 * is).toFixed(1)}`.padStart(11);
  const ratio = verdict.disruption / Math.max(1, verdict.minDisruption);
  return [
    `${one.hosts}/${one.vms}`.padEnd(12),
    String(one.tight).padStart(5),
    one.vendors.padEnd(7),
    String(one.seed).padStart(4),
    String(verdict.moves).padStart(6),
    String(stages).padStart(6),
    ratio.toFixed(4).padStart(7),
    String(after.cpuOver).padStart(4),
    String(after.aaViol).padStart(2),
    String(verdict.violations).padStart(4),
    (verdict.mib / 1024).toFixed(0).padStart(7),
    points(before.cpuSd, after.cpuSd),
    points(before.memSd, after.memSd),
    times
      .toSorted((a, b) => a - b)
      .map((time) => time.toFixed(4))
      .join(' '),
  ].join(' ');
}
