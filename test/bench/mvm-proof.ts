// Role: `bench mvm-proof` asks an exact solver whether any schedule of a scenario can end within so
// many times its link bound, host memory respected. The answer no is a proof: what is asked of the
// solver is less than a schedule has to do. Time is cut into slots, and only their ends count: what
// has been sent by then (x), begun (y) and done (c).
//
//     x[i,k] <= D_i y[i,k],  x[i,k] >= D_i c[i,k]             D_i: bytes at the best bandwidth
//     x[i,k] - x[i,k-1] <= b_i t,  Σ_{i over l} (x[i,k] - x[i,k-1]) <= B_l t       t: a slot
//     c[i,k] <= y[i,k-s],  s = ceil(D_i / b_i t) - 1          it lasts that long at least
//     Σ_{i to h} m_i y[i,k] - Σ_{i from h} m_i c[i,k] <= free_h
//
// Bandwidth may change from slot to slot, which no copy of ours does, and a copy at less than its
// best bandwidth sends no more than at it. A yes says nothing: the slots may be too coarse.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

import type { Transfer } from '../../src/plan/schedule.ts';
import { loadHighs } from '../support/highs.ts';
import { readText } from './mvm-rows.ts';
import { type Problem, parseProblem } from './mvm-scenario.ts';
import type { Figures } from './figures.ts';

/** Seconds of the solver. */
const TIME_LIMIT = 600;
/** The solver takes figures near 1 better than bytes. */
const MILLION = 1e6;
/** Of a number of slots: what is a whole number but for this is one. */
const ROUNDING = 1e-6;

/** Throws TypeError on arguments that make no sense. */
export async function benchMvmProof(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string' },
      within: { type: 'string', default: '1.12' },
      slots: { type: 'string', default: '30' },
    },
  });
  const [within, slots] = [Number(values.within), Number(values.slots)];
  if (values.scenario === undefined) throw new TypeError('give --scenario FILE');
  if (!(within >= 1)) throw new TypeError(`--within: expected 1 or more, got ${values.within}`);
  if (!Number.isSafeInteger(slots) || slots < 1 || slots > 1000) {
    throw new TypeError(`--slots: expected a whole number from 1 to 1000, got ${values.slots}`);
  }
  const { scenario } = values;
  const relaxed = relax(parseProblem(readText(scenario), scenario), within, slots);
  const highs = await loadHighs();
  const { Status } = highs.solve(relaxed.text, { time_limit: TIME_LIMIT, output_flag: false });
  const answers: Readonly<Record<string, string>> = {
    Infeasible: 'no schedule ends by then',
    Optimal: 'not ruled out',
  };
  return {
    instance: basename(scenario).replace(/\.json(\.gz)?$/u, ''),
    linkBoundSeconds: Number(relaxed.linkBoundSeconds.toFixed(4)),
    within,
    slots,
    answer: answers[Status] ?? `not settled: ${Status}`,
  };
}

/** The programme in the LP format that the solver reads. */
export function relax({ transfers, settings }: Problem, within: number, slots: number) {
  const { links, rooms } = settings;
  const copies = transfers.map((transfer, i) => new Copy(transfer, i, links));
  const over = [...links.keys()].map((link) =>
    copies.filter(({ transfer }) => transfer.path.includes(link)),
  );
  const linkBoundSeconds = over.reduce((most, those, link) => {
    const load = those.reduce((sum, { bytes }) => sum + bytes, 0);
    return Math.max(most, (load * MILLION) / (links[link] ?? 0));
  }, 0);
  const slot = (within * linkBoundSeconds) / slots;
  const rows = Array.from({ length: slots }, (_none, at) => {
    const k = at + 1;
    return [
      ...copies.flatMap((copy) => copy.rows(k, slot)),
      ...over.flatMap((those, link) => {
        const most = ((links[link] ?? 0) / MILLION) * slot;
        return those.length < 2 ? [] : [`${those.map((one) => one.sent(k)).join(' ')} <= ${most}`];
      }),
      ...[...rooms.entries()].flatMap(([room, free]) => {
        const held = copies.flatMap((copy) => copy.held(room, k));
        return held.length === 0 ? [] : [`${held.join(' ')} <= ${free}`];
      }),
    ];
  }).flat();
  rows.push(...copies.map(({ i }) => `c${i}_${slots} >= 1`));
  const named = rows.map((row, at) => ` r${at}: ${row}`).join('\n');
  const choices = copies.flatMap((copy) => copy.choices(slots)).join(' ');
  const text = `Minimize\n obj: x0_1\nSubject To\n${named}\nBinary\n ${choices}\nEnd\n`;
  return { text, linkBoundSeconds };
}

class Copy {
  readonly transfer: Transfer;
  readonly i: number;
  /** Millions, a second. */
  readonly bandwidth: number;
  /** Millions. */
  readonly bytes: number;

  constructor(transfer: Transfer, i: number, links: Float64Array) {
    const bandwidth = Math.min(...transfer.path.map((link) => links[link] ?? 0));
    this.transfer = transfer;
    this.i = i;
    this.bandwidth = bandwidth / MILLION;
    this.bytes = (bandwidth * transfer.seconds(bandwidth)) / MILLION;
  }

  /** What holds of this copy alone at the end of slot k. */
  rows(k: number, slot: number): readonly string[] {
    const { i, bytes, bandwidth } = this;
    const least = Math.ceil(bytes / bandwidth / slot - ROUNDING) - 1;
    return [
      `x${i}_${k} - ${bytes} y${i}_${k} <= 0`,
      `x${i}_${k} - ${bytes} c${i}_${k} >= 0`,
      `${this.sent(k)} <= ${bandwidth * slot}`,
      k > least ? `c${i}_${k} - y${i}_${k - least} <= 0` : `c${i}_${k} <= 0`,
      ...(k === 1 ? [] : ['x', 'y', 'c'].map((of) => `${of}${i}_${k} - ${of}${i}_${k - 1} >= 0`)),
    ];
  }

  /** Bytes of slot k. */
  sent(k: number): string {
    return `+ x${this.i}_${k}${k === 1 ? '' : ` - x${this.i}_${k - 1}`}`;
  }

  /** What it adds to a room by the end of slot k. */
  held(room: number, k: number): readonly string[] {
    const { i } = this;
    const { takes, gives } = this.transfer;
    const of = (sign: string, amounts: Transfer['takes'], what: string): string[] =>
      amounts
        .filter((one) => one.of === room && one.amount > 0)
        .map(({ amount }) => `${sign} ${amount} ${what}${i}_${k}`);
    return [...of('+', takes, 'y'), ...of('-', gives, 'c')];
  }

  choices(slots: number): readonly string[] {
    return Array.from(
      { length: slots },
      (_none, at) => `y${this.i}_${at + 1} c${this.i}_${at + 1}`,
    );
  }
}
