// Role: `bench report` measures all works of works.ts on public data, one after the other, each in
// a process of its own, and prints a row for each: figure, goal, met or missed. `--out FILE` writes
// them as the table of README.md beside this. Takes about an hour, half of it ROADEF at 300 s.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { Figures } from './figures.ts';
import { judgeIn } from './table.ts';
import { WORKS, type Work } from './works.ts';

/** Of `anytime`. */
const FLEET = { hosts: 1000, vms: 20_000, seed: 1, tight: 2 };
const MOST_OUTPUT = 2 ** 26;

interface Measured {
  readonly work: Work;
  readonly figure: string;
  readonly isMet: boolean;
  readonly load: number;
}

/** Throws TypeError on arguments that make no sense. */
export async function benchReport(args: readonly string[]): Promise<Iterable<Figures>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bench: { type: 'string' },
      data: { type: 'string' },
      only: { type: 'string', default: WORKS.map(({ name }) => name).join() },
      out: { type: 'string' },
    },
  });
  const { bench, data, out } = values;
  if (bench === undefined) throw new TypeError('--bench DIR is missing');
  if (data === undefined) throw new TypeError('--data DIR is missing');
  const judge = await judgeIn(bench);
  const works = values.only.split(',').map(workOf);
  const fleet = (): string => JSON.stringify(judge.generate(FLEET));
  return rowsOf(works, { bench, data, fleet, out });
}

function workOf(name: string): Work {
  const work = WORKS.find((one) => one.name === name);
  if (work !== undefined) return work;
  throw new TypeError(`--only: ${WORKS.map((one) => one.name).join(', ')}; got ${name}`);
}

interface Given {
  readonly bench: string;
  readonly data: string;
  readonly fleet: () => string;
  readonly out: string | undefined;
}

function* rowsOf(works: readonly Work[], given: Given): Generator<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-report-'));
  try {
    const fleet = join(folder, 'fleet.json');
    writeFileSync(fleet, given.fleet());
    const measured: Measured[] = [];
    for (const work of works) {
      const one = measure(work, { BENCH: given.bench, DATA: given.data, FLEET: fleet });
      measured.push(one);
      // Also when what follows is cut off.
      if (given.out !== undefined) writeFileSync(given.out, markdown(measured));
      const { figure, isMet, load } = one;
      yield { work: work.name, state: isMet ? 'met' : 'missed', load, figure, goal: work.goal };
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(work: Work, places: Readonly<Record<string, string>>): Measured {
  const [load = Number.NaN] = loadavg();
  const options = work.command
    .split(' ')
    .map((option) => option.replace(/^[A-Z]+/u, (place) => places[place] ?? place));
  const command = [...process.execArgv, 'test/bench/main.ts', ...options, '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
  });
  if (status !== 0) throw new TypeError(`bench ${options.join(' ')}: ${stderr}`);
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Figures); // our own bench
  return { work, ...work.read(rows), load: Number(load.toFixed(1)) };
}

function markdown(measured: readonly Measured[]): string {
  const rows = measured.map(({ work, figure, isMet }) => {
    const state = isMet ? 'met' : '**missed**';
    return [work.what, figure, `${work.goal}: ${state}`, work.peers, `\`${work.command}\``];
  });
  const head = ['Work', 'Figure', 'Goal', 'Others', 'Command, `npm run --silent bench --`'];
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}
