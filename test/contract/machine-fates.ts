// Role: the ways that a move can go, for the suite of the move machine: each with the methods that
// it concerns, what the world has to be able to do for it, and how it has to end.
import type { Outcome } from '../../src/domain/journal.ts';
import type { MoveMethod } from '../../src/domain/plan.ts';
import type { LadderStep } from '../../src/domain/policy.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Executor } from '../../src/execute/executor.ts';
import { AdapterError } from '../../src/ports/metric-source.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Machine } from './machine-bench.ts';

const LIVE: readonly MoveMethod[] = ['pre-copy', 'storage'];
const ANY: readonly MoveMethod[] = [...LIVE, 'post-copy', 'cold', 'restart'];

export interface Fate {
  readonly name: string;
  readonly methods: readonly MoveMethod[];
  /** How it ends when nothing else goes wrong. */
  readonly outcome: Outcome;
  /** What is tried of a live move that does not converge; default: pre-copy alone. */
  readonly ladder?: readonly LadderStep[];
  /** Stands for its kind: everything that can fail in it is made to fail. */
  readonly isThorough?: true;
  /** By a second move, where nothing else goes wrong. */
  readonly isMovedInstead?: true;
  isPossible(subject: ContractSubject): boolean;
  /** Before the move is ordered. */
  prepare?(machine: Machine): Promise<void>;
  /** Once the move is under way. */
  interfere?(machine: Machine, executor: Executor): Promise<void>;
}

export const FATES: readonly Fate[] = [
  {
    name: 'goes well',
    methods: ANY,
    outcome: 'succeeded',
    isThorough: true,
    isPossible: () => true,
  },
  {
    name: 'is refused by the hypervisor',
    methods: ANY,
    outcome: 'failed',
    isPossible: () => true,
    prepare: async (machine) => {
      machine.trouble.refuseStarts = true;
    },
  },
  {
    name: 'breaks before its point of no return',
    methods: [...LIVE, 'post-copy', 'cold'],
    outcome: 'failed',
    isThorough: true,
    isPossible: ({ features }) => features.breakMoves,
    prepare: ({ world, move }) => breakNext(world, move.vm, 'before'),
  },
  {
    name: 'arrives, and is reported as failed',
    methods: ANY,
    outcome: 'succeeded',
    isPossible: ({ features }) => features.breakMoves,
    prepare: ({ world, move }) => breakNext(world, move.vm, 'after'),
  },
  {
    name: 'never leaves, and is reported as done',
    methods: LIVE,
    outcome: 'failed',
    isPossible: ({ features }) => features.breakMoves,
    prepare: ({ world, move }) => breakNext(world, move.vm, 'never-left'),
  },
  {
    name: 'is cancelled under way',
    methods: LIVE,
    outcome: 'cancelled',
    isThorough: true,
    isPossible: ({ features, capabilities }) => features.busyGuests && capabilities.abort,
    prepare: ({ world, move }) => world.setBusy(move.vm, true),
    interfere: async (machine, executor) => {
      await untilUnderWay(machine);
      // A process that dies over it answers nobody.
      executor.cancel(machine.move.id, 'ada').catch(() => undefined);
    },
  },
  {
    name: 'does not converge and is given up',
    methods: LIVE,
    outcome: 'failed',
    isPossible: ({ features, capabilities }) => features.busyGuests && capabilities.abort,
    prepare: ({ world, move }) => world.setBusy(move.vm, true),
  },
  {
    name: 'does not converge and ends in post-copy',
    methods: ['pre-copy'],
    outcome: 'succeeded',
    ladder: ['pre-copy', 'post-copy'],
    isPossible: ({ features, capabilities }) =>
      features.busyGuests && capabilities.progress && capabilities.methods.includes('post-copy'),
    prepare: ({ world, move }) => world.setBusy(move.vm, true),
  },
  {
    name: 'does not converge and is moved cold instead',
    methods: ['pre-copy'],
    outcome: 'failed',
    ladder: ['pre-copy', 'cold'],
    isPossible: ({ features, capabilities }) =>
      features.busyGuests && capabilities.progress && capabilities.methods.includes('cold'),
    prepare: ({ world, move }) => world.setBusy(move.vm, true),
    isMovedInstead: true,
  },
];

type Breaking = Pick<Machine['world'], 'breakNextMove'>;
type Break = Parameters<NonNullable<Breaking['breakNextMove']>>;

async function breakNext(world: Breaking, ...how: Break): Promise<void> {
  if (world.breakNextMove === undefined) throw new Error('the world promised to break moves');
  await world.breakNextMove(...how);
}

async function untilUnderWay({ world, order }: Machine): Promise<void> {
  const { signal } = new AbortController();
  for (let look = 0; look < 60; look += 1) {
    const job = await world.hypervisor.job(order, signal).catch((error: unknown) => {
      if (!(error instanceof AdapterError)) throw error;
      return undefined;
    });
    if (job?.kind === 'running' && job.progress.phase !== 'setup') return;
    await world.clock.sleep(seconds(0.5));
  }
}
