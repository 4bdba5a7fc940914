// Role: gives some of the drawn scripts a policy with other ways to move a VM (post-copy, cold),
// and what makes Drover take them: guests that write faster than is copied, on hosts that are
// emptied; and faults that change what there is to move. It draws from a stream of its own: all
// else of the script stays what its seed has drawn.
import type { VmId } from '../../src/domain/ids.ts';
import type { LadderStep } from '../../src/domain/policy.ts';
import { type Rng, seededRng } from '../../src/domain/rng.ts';
import { bytes, GIB } from '../../src/domain/units.ts';
import type { Criticality } from '../../src/domain/vm.ts';
import type { FleetSpec, SimulatedVmSpec } from '../../src/simulate/fleet-spec.ts';
import { pick, times } from './draw-parts.ts';
import type { Script, Step, Ways } from './script.ts';

/** How often the policy knows other ways. */
const WITH_WAYS = 0.5;
/** Keeps this stream apart from those that draw the rest from the same seed. */
const STREAM = 0x77_61_79;
/** Those with cold are drawn more often: only the last of several tries comes so far. */
const LADDERS: readonly (readonly LadderStep[])[] = [
  ['pre-copy', 'auto-converge'],
  ['pre-copy', 'post-copy'],
  ['pre-copy', 'auto-converge', 'post-copy'],
  ['pre-copy', 'cold'],
  ['pre-copy', 'cold'],
  ['pre-copy', 'cold'],
  ['pre-copy', 'auto-converge', 'cold'],
];
/** What the policy may let a target be loaded to, in percent: tight ones are reached more often. */
const CPU_PERCENT = [30, 50, 80];

export function withWays(script: Script): Script {
  const rng = seededRng(script.seed ^ STREAM);
  if (rng.next() >= WITH_WAYS) return script;
  const ways = drawWays(rng, script);
  const more = [...pressed(rng, script), ...hindered(rng, script), ...changed(rng, script)];
  return {
    ...script,
    fleet: writing(rng, script.fleet, ways),
    rules: { ...script.rules, ways },
    steps: [...script.steps, ...more].toSorted((a, b) => a.at - b.at),
  };
}

function drawWays(rng: Rng, { fleet }: Script): Ways {
  const ladder = (): readonly LadderStep[] => pick(rng, LADDERS);
  const ladders: Record<Criticality, readonly LadderStep[]> = {
    'mission-critical': ladder(),
    business: ladder(),
    standard: ladder(),
    'best-effort': ladder(),
  };
  const ids = fleet.vms.map(({ facts }) => facts.id);
  const stoppable = ids.filter(() => rng.next() < 0.7);
  return {
    methods: [
      'pre-copy',
      ...(rng.next() < 0.9 ? (['post-copy'] as const) : []),
      ...(rng.next() < 0.9 ? (['cold'] as const) : []),
    ],
    ladder: ladders,
    stoppable,
    liveOnly: ids.filter((id) => !stoppable.includes(id)),
    cpuPercent: pick(rng, CPU_PERCENT),
  };
}

/** Of what guests write, so much is written again and again: no link keeps pace with all of it. */
const WORKING_SETS = [0.2, 0.5, 0.8];

/**
 * Guests whose CPU is not named can be stopped and started where not all of it is given; who writes
 * over much of its memory does not converge on a fast link either.
 */
function writing(rng: Rng, fleet: FleetSpec, { stoppable }: Ways): FleetSpec {
  const vms = fleet.vms.map((vm): SimulatedVmSpec => {
    const isFree = rng.next() < 0.7 && stoppable.includes(vm.facts.id);
    const cpu = isFree ? { ...vm.facts.cpu, mode: 'host-model' as const } : vm.facts.cpu;
    return { ...vm, workingSetShare: pick(rng, WORKING_SETS), facts: { ...vm.facts, cpu } };
  });
  return { ...fleet, vms };
}

const MOST_PRESSED = 9;

/** The guests of a host write fast and for long, and it is to be emptied meanwhile. */
function pressed(rng: Rng, { fleet, calmAt }: Script): readonly Step[] {
  return times(rng, MOST_PRESSED, calmAt, (at) => {
    const { id: host } = pick(rng, fleet.hosts);
    const forSeconds = 300 + 1500 * rng.next();
    const guests = fleet.vms.filter(({ facts }) => facts.host === host || rng.next() < 0.3);
    const writes = guests.map(({ facts: { id: vm } }): Step => {
      const bytesPerSecond = 6e8 + 4e9 * rng.next();
      return { at, kind: 'fault', fault: { kind: 'dirty-rate', vm, bytesPerSecond, forSeconds } };
    });
    const kind = pick(rng, ['maintenance', 'evacuate'] as const);
    const until = Math.min(calmAt, at + forSeconds);
    return [...writes, { at, kind, host }, { at: until, kind: 'return', host }];
  });
}

/** What keeps moves from beginning, or breaks them off past the switch to post-copy. */
function hindered(rng: Rng, { fleet, calmAt }: Script): readonly Step[] {
  const host = (): Script['last'] => pick(rng, fleet.hosts).id;
  const lasting = (): number => 20 + 900 * rng.next() ** 2;
  return [
    ...times(rng, 1, calmAt, (at): Step => {
      const fault = {
        kind: 'queue',
        waitSeconds: 300 * rng.next(),
        forSeconds: lasting(),
      } as const;
      return { at, kind: 'fault', fault };
    }),
    ...times(rng, 2, calmAt, (at): Step => {
      const fault = { kind: 'refusing', host: host(), forSeconds: lasting() } as const;
      return { at, kind: 'fault', fault };
    }),
    ...times(rng, 2, calmAt, (at): readonly Step[] => {
      const marked = { kind: 'maintenance-mode', host: host() } as const;
      // Long enough that who is told by polls has to know; and over with the rest of the trouble:
      // of marks that stay see held-out.test.ts.
      const until = Math.min(calmAt, at + 240 + lasting());
      return [
        { at, kind: 'fault', fault: { ...marked, on: true } },
        { at: until, kind: 'fault', fault: { ...marked, on: false } },
      ];
    }),
    ...times(rng, 3, calmAt, (at): Step => {
      return { at, kind: 'fault', fault: { kind: 'migration', vm: undefined, stage: 'post-copy' } };
    }),
  ];
}

/** Guests are deleted and resized, but for those that Drover stands on. */
function changed(rng: Rng, { fleet, rules, calmAt }: Script): readonly Step[] {
  const isOwn = (id: VmId): boolean => rules.own.some(({ vm }) => vm === id);
  const others = fleet.vms.map(({ facts }) => facts.id).filter((id) => !isOwn(id));
  if (others.length === 0) return [];
  return [
    ...times(rng, 2, calmAt, (at): Step => {
      return { at, kind: 'fault', fault: { kind: 'delete', vm: pick(rng, others) } };
    }),
    ...times(rng, 3, calmAt, (at): Step => {
      const memoryBytes = bytes(pick(rng, [1, 2, 6, 12, 24]) * GIB);
      return { at, kind: 'fault', fault: { kind: 'resize', vm: pick(rng, others), memoryBytes } };
    }),
  ];
}
