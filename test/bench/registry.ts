// Role: the benchmarks that the benchmark command runs by name. Each parses its own arguments and
// returns figures by name; printing them is the command's business.
import { parseArgs } from 'node:util';

import { benchAnytime } from './anytime.ts';
import { benchBtrplace } from './btrplace.ts';
import { benchCollect } from './collect.ts';
import { benchEvacuate } from './evacuate.ts';
import type { Figures } from './figures.ts';
import { benchConvert, benchFleet } from './fleet.ts';
import { benchGap } from './gap.ts';
import { benchLedger } from './ledger.ts';
import { benchLevelCurve } from './level-curve.ts';
import { benchLoad } from './load.ts';
import { benchMvmProof } from './mvm-proof.ts';
import { benchMvm } from './mvm.ts';
import { benchOptimum } from './optimum.ts';
import { benchReport } from './report.ts';
import { benchRoadef } from './roadef.ts';
import { benchRules } from './rules.ts';
import { benchFleetTable } from './table.ts';

export interface Bench {
  readonly usage: string;
  /** One set of figures, or several, each given as soon as it is known. */
  run(args: readonly string[]): Promise<Figures | Iterable<Figures>>;
}

export const BENCHES: Readonly<Record<string, Bench>> = {
  anytime: {
    usage: 'anytime --snapshot FILE [--goal relieve|level] [--milliseconds 0,50,…]',
    run: async (args) => benchAnytime(args),
  },
  btrplace: {
    usage: 'btrplace [--data DIR] [--instance NAME] [--seconds N] [--seed N] [--out FILE]',
    run: async (args) => benchBtrplace(args),
  },
  collect: {
    usage: 'collect [--hosts N] [--vms N] [--polls N]',
    run: (args) => {
      const given = numbers(args, { hosts: 1000, vms: 20_000, polls: 20 });
      return benchCollect(given);
    },
  },
  convert: {
    usage: 'convert --snapshot FILE --out FLEET',
    run: async (args) => benchConvert(args),
  },
  evacuate: {
    usage:
      'evacuate [--hosts N] [--vms N] [--evacuate HOSTS] [--minutes N] [--warm SECONDS] ' +
      '[--speed N] [--seed N]',
    run: (args) => benchEvacuate(numbers(args, EVACUATE)),
  },
  fleet: {
    usage:
      'fleet --snapshot FILE [--out PLAN] [--goal relieve|level|consolidate] ' +
      '[--seconds N] [--seed N]',
    run: async (args) => benchFleet(args),
  },
  'fleet-table': {
    usage:
      'fleet-table --bench DIR [--sizes 32/600,…] [--tight 0,1,…] [--vendors intel,mixed] ' +
      '[--seeds 1,…] [--goal relieve|level] [--seconds N] [--runs N]',
    run: (args) => benchFleetTable(args),
  },
  gap: {
    usage: 'gap [--fleets N] [--seed N]',
    run: (args) => benchGap(numbers(args, { fleets: 20, seed: 1 })),
  },
  ledger: {
    usage: 'ledger [--moves N] [--lanes N]',
    run: (args) => benchLedger(numbers(args, { moves: 500, lanes: 50 })),
  },
  'level-curve': {
    usage: 'level-curve --bench DIR [--sizes 32/600,…] [--seed N] [--steps N]',
    run: async (args) => benchLevelCurve(args),
  },
  load: {
    usage: 'load [--hosts N] [--vms N] [--loads N]',
    run: async (args) => benchLoad(numbers(args, { hosts: 1000, vms: 20_000, loads: 5 })),
  },
  mvm: {
    usage:
      'mvm (--fit FILE --predict FILE [--out FILE] | --scenario FILE [--out FILE] | ' +
      '--data DIR [--instance X]) [--seed N]',
    run: async (args) => benchMvm(args),
  },
  'mvm-proof': {
    usage: 'mvm-proof --scenario FILE [--within TIMES] [--slots N]',
    run: (args) => benchMvmProof(args),
  },
  optimum: {
    usage:
      'optimum --bench DIR [--sizes 32/600,…] [--tight 2,…] [--vendors intel,mixed] ' +
      '[--seeds 1,…] [--above RATIO] [--seconds N]',
    run: (args) => benchOptimum(args),
  },
  report: {
    usage: 'report --bench DIR --data DIR [--only WORK,…] [--out FILE]',
    run: (args) => benchReport(args),
  },
  roadef: {
    usage:
      'roadef [--data DIR] [--instance X] [--seconds N | --steps N] [--seed N] [--threads 1|2] ' +
      '[--out ASSIGNMENT]',
    run: async (args) => benchRoadef(args),
  },
  rules: {
    usage: 'rules [--hosts N] [--hot SHARE] [--ticks N]',
    run: (args) => benchRules(numbers(args, { hosts: 1000, hot: 0.1, ticks: 10 })),
  },
};

const EVACUATE = {
  hosts: 1000,
  vms: 20_000,
  evacuate: 50,
  minutes: 10,
  warm: 100,
  speed: 1,
  seed: 1,
};

/** Numeric options with defaults; throws TypeError on an option that is not one of them. */
function numbers<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const names = Object.keys(defaults) as Name[]; // the keys of that very record
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options });
  const result: Record<Name, number> = { ...defaults };
  for (const name of names) {
    const given = values[name];
    if (given === undefined) continue;
    result[name] = Number(given);
    if (!(result[name] >= 0)) throw new TypeError(`--${name}: expected a number, got ${given}`);
  }
  return result;
}
