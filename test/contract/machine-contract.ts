// Role: the suite of the move machine (src/execute): it drives a move of every method that an
// adapter has, in every way that a move can go, through a failure of every call and every write in
// every stage, through every stage done or undone twice or cut short, and through a crash between
// any two entries of the journal. It is generated from STAGE_TABLE and from what each stage really
// calls, so that a new stage or a new call cannot be forgotten.
//
// After each of them: the guest runs in exactly one place, nothing was begun twice, nothing is
// reserved or open, nothing is left on the target, and the outcome says what is true.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { StageDefinition } from '../../src/execute/move-task.ts';
import { STAGE_TABLE } from '../../src/execute/stages.ts';
import { mortal } from '../support/mortal.ts';
import type { ContractSubject, ContractWorld } from './contract-world.ts';
import { type Machine, makeMachine, play, recover, wrongs } from './machine-bench.ts';
import { type Fate, FATES } from './machine-fates.ts';
import { CALL_FAULTS, type CallFault, ORDERED, type Trouble, WRITTEN } from './machine-trouble.ts';

type Body = (machine: Machine) => Promise<void>;

/** The suite for one adapter: call it at the top of a test file. */
export function machineContract(subject: ContractSubject): void {
  const { methods } = subject.capabilities;
  const usable = methods.filter((method) => method !== 'restart' || subject.features.killHost);
  describe.each(usable)(`move machine on ${subject.name}: %s`, (method) => {
    let shared: ContractWorld | undefined;
    beforeAll(async () => {
      shared = subject.isCheap === true ? undefined : await subject.make();
    }, subject.timeouts.caseMilliseconds);
    afterAll(async () => {
      await shared?.hypervisor.close();
      await shared?.dispose();
    }, subject.timeouts.caseMilliseconds);

    const withMachine = async (fate: Fate, body: Body): Promise<void> => {
      const world = shared ?? (await subject.make());
      await world.run(async () => {
        await world.settle();
        const machine = await makeMachine(world, subject, method, fate);
        await body(machine);
        await machine.ledger.close();
      });
    };
    const fates = FATES.filter((fate) => fate.methods.includes(method) && fate.isPossible(subject));
    describe.each(fates)('a move that $name', (fate) => {
      const parts = { subject, fate, withMachine: (body: Body) => withMachine(fate, body) };
      const isCheap = subject.isCheap === true;
      plainCases(parts);
      if (isCheap || fate.isThorough === true) crashCase(parts);
      const isWhole = isCheap || subject.isThorough === true;
      if (isWhole && fate.isThorough === true) thoroughCases(parts);
    });
  });
}

interface FateCases {
  readonly subject: ContractSubject;
  readonly fate: Fate;
  readonly withMachine: (body: Body) => Promise<void>;
}

function plainCases({ subject, fate, withMachine }: FateCases): void {
  const options = { timeout: subject.timeouts.caseMilliseconds };

  it('ends as it has to', options, async () => {
    await withMachine(async (machine) => {
      await play(machine, machine.executor());
      expect(await wrongs(machine, fate.outcome)).toEqual([]);
      const entered = fate.outcome === 'succeeded' ? ALL_STAGES : stagesOf(machine);
      expect(stagesOf(machine)).toEqual(entered);
    });
  });
}

/** A case that plays a move many times. */
function forLong({ timeouts }: ContractSubject): { readonly timeout: number } {
  return { timeout: timeouts.suiteMilliseconds ?? timeouts.caseMilliseconds };
}

function crashCase({ subject, withMachine }: FateCases): void {
  const options = forLong(subject);

  it('survives a crash at each entry of its journal and between any two', options, async () => {
    let crashes = 0;
    while (await crashAt(crashes)) crashes += 1;
    expect(crashes).toBeGreaterThan(5);
  });

  /** False: the move was over before. */
  async function crashAt(fatal: number): Promise<boolean> {
    let didDie = false;
    await withMachine(async (machine) => {
      const life = mortal(fatal, (call) => DEADLY.includes(call));
      await play(machine, machine.executor(life), life);
      didDie = life.isOver();
      life.end();
      await recover(machine, fatal % 7);
      expect([fatal, await wrongs(machine)]).toEqual([fatal, []]);
    });
    return didDie;
  }
}

/** A failure of everything that each stage does, and each stage twice or cut short. */
function thoroughCases({ subject, fate, withMachine }: FateCases): void {
  const options = forLong(subject);
  let clean: Trouble | undefined;

  it.each(STAGE_TABLE)('survives each call that fails in $stage', options, async ({ stage }) => {
    for (const at of places((await undisturbed()).calls, stage)) {
      for (const fault of CALL_FAULTS) await callFails(at, fault);
    }
  });

  it.each(STAGE_TABLE)('survives each write that fails in $stage', options, async ({ stage }) => {
    for (const at of places((await undisturbed()).writes, stage)) {
      for (const when of ['before', 'after'] as const) await writeFails(at, when);
    }
  });

  const kind = fate.outcome === 'succeeded' ? 'do' : 'undo';
  const ways = STAGE_TABLE.flatMap(({ stage }) =>
    meddlingWith(kind).map((way) => ({ stage, ...way })),
  );
  it.each(ways)('ends well when $stage $name', options, async ({ stage, meddle, isSame }) => {
    await withMachine(async (machine) => {
      const stages = STAGE_TABLE.map((one) => (one.stage === stage ? meddle(one) : one));
      await play(machine, machine.executor(undefined, { stages }));
      expect(await wrongs(machine, isSame ? fate.outcome : undefined)).toEqual([]);
    });
  });

  async function callFails(at: number, fault: CallFault): Promise<void> {
    await withMachine(async (machine) => {
      machine.trouble.callFault = { at, fault };
      await play(machine, machine.executor());
      const name = machine.trouble.calls[at]?.name;
      expect([at, name, fault, await wrongs(machine)]).toEqual([at, name, fault, []]);
    });
  }

  async function writeFails(at: number, when: 'before' | 'after'): Promise<void> {
    await withMachine(async (machine) => {
      machine.trouble.writeFault = { at, when };
      await play(machine, machine.executor());
      expect([at, when, await wrongs(machine)]).toEqual([at, when, []]);
    });
  }

  /** What the move calls and writes when nothing is in its way. */
  async function undisturbed(): Promise<Trouble> {
    if (clean !== undefined) return clean;
    let seen: Trouble | undefined;
    await withMachine(async (machine) => {
      await play(machine, machine.executor());
      seen = machine.trouble;
    });
    if (seen === undefined) throw new Error('it was not played');
    clean = seen;
    return seen;
  }
}

/** What makes an entry of the journal, and what is done between two of them. */
const DEADLY = [...WRITTEN, ...ORDERED];

const ALL_STAGES = STAGE_TABLE.map(({ stage }) => stage);

/** Those that were entered, in the order of the table. */
function stagesOf({ trouble }: Machine): readonly string[] {
  return ALL_STAGES.filter((stage) => trouble.writes.some((write) => isAbout(write, stage)));
}

/** Ways to meddle with a stage. What was cut short may be dropped, where nothing had begun. */
function meddlingWith(what: 'do' | 'undo'): readonly Meddling[] {
  const done = what === 'do' ? 'done' : 'undone';
  const twice = what === 'do' ? doneTwice : undoneTwice;
  return [
    { name: `is ${done} twice`, isSame: true, meddle: twice },
    ...(['before', 'after'] as const).map((when) => ({
      name: `fails once ${when} it is ${done}`,
      isSame: false,
      meddle: (one: StageDefinition) => failing(one, what, when),
    })),
  ];
}

interface Meddling {
  readonly name: string;
  /** The move has to end as if nobody had meddled. */
  readonly isSame: boolean;
  readonly meddle: (definition: StageDefinition) => StageDefinition;
}

function doneTwice(one: StageDefinition): StageDefinition {
  return {
    ...one,
    do: async (task, written) => {
      const end = await one.do(task, written);
      return end.kind === 'next' ? one.do(task, written) : end;
    },
  };
}

function undoneTwice(one: StageDefinition): StageDefinition {
  return {
    ...one,
    undo: async (task) => {
      await one.undo(task);
      return one.undo(task);
    },
  };
}

/** As a bug or a full disk would make it fail: the machine has to find its way by looking. */
function failing(
  one: StageDefinition,
  what: 'do' | 'undo',
  when: 'before' | 'after',
): StageDefinition {
  let hasFailed = false;
  const once = async <Value>(act: () => Promise<Value>): Promise<Value> => {
    const isNow = !hasFailed;
    hasFailed = true;
    if (isNow && when === 'before') throw new Error('as scripted');
    const value = await act();
    if (isNow) throw new Error('as scripted');
    return value;
  };
  return what === 'do'
    ? { ...one, do: (task, written) => once(() => one.do(task, written)) }
    : { ...one, undo: (task) => once(() => one.undo(task)) };
}

/** Of calls that repeat (polls) the first and the last; of all others every one. */
function places(calls: Machine['trouble']['calls'], stage: string): readonly number[] {
  const isSame = (a: number, b: number): boolean =>
    calls[a]?.name === calls[b]?.name && calls[a]?.stage === calls[b]?.stage;
  return [...calls.keys()].filter(
    (at) => isAbout(calls[at], stage) && !(isSame(at, at - 1) && isSame(at, at + 1)),
  );
}

function isAbout(call: Machine['trouble']['calls'][number] | undefined, stage: string): boolean {
  return call?.stage === stage || call?.stages?.some((one) => one === stage) === true;
}
