// Role: the process behind a Player: plays the seed that it is sent, and answers with what there is
// to tell of it. It ends when nobody has hold of it any more.
import { drawScript, drawWithoutOwn, drawWithoutPeople, drawWithoutWays } from './draw.ts';
import { struck, sweptScript } from './freeze-sweep.ts';
import { INVARIANTS } from './invariants.ts';
import { type Script, tellStep, timeText } from './script.ts';
import { shrink } from './shrink.ts';
import { type Run, simulate } from './simulate.ts';
import { type BlowName, strikeAt } from './strike.ts';
import { tellAgain, tellWanted } from './tell-wanted.ts';

export interface Wanted {
  readonly seed: number;
  /** Every call is told. */
  readonly trace: boolean;
  /** With `trace`: one that fails is cut down to the steps that it takes. */
  readonly shrink: boolean;
  /** False: as the seed was before some scripts had VMs that Drover stands on. */
  readonly own: boolean;
  /** False: as it was before some policies knew other ways to move a VM; without `own` it is so. */
  readonly ways: boolean;
  /** False: as it was before people approved and applied plans; without `ways` it is so. */
  readonly people: boolean;
  /** One run of a sweep: at that call of the first controller that is to happen. */
  readonly strike?: { readonly call: number; readonly blow: BlowName };
}

export interface Played {
  /** For people; empty: there is nothing to tell. */
  readonly text: string;
  readonly isWrong: boolean;
  /** Some controller took over what another one had. */
  readonly isTakenOver: boolean;
}

function drawOf({ own, ways, people }: Wanted): (seed: number) => Script {
  if (!own) return drawWithoutOwn;
  if (!ways) return drawWithoutWays;
  return people ? drawScript : drawWithoutPeople;
}

async function playSeed(wanted: Wanted): Promise<Played> {
  const { trace } = wanted;
  const script = scriptOf(wanted);
  const run = await runOf(script, wanted);
  const isWrong = run.wrongs.length > 0;
  const isTakenOver = run.takeOvers > 0;
  if (!trace && !isWrong) return { text: '', isWrong, isTakenOver };
  const shrunk = trace && wanted.shrink ? await tellShrunk(script, wanted, run) : [];
  const text = [...run.lines, tellRun(wanted, run), ...shrunk].join('\n');
  return { text, isWrong, isTakenOver };
}

function scriptOf(wanted: Wanted): Script {
  const { seed, strike } = wanted;
  if (strike !== undefined) return sweptScript(seed);
  return drawOf(wanted)(seed);
}

function runOf(script: Script, { trace, strike }: Wanted): Promise<Run> {
  if (strike === undefined) return simulate(script, { trace });
  return struck(script, strike.call, { trace, blow: strike.blow });
}

function tellRun(wanted: Wanted, run: Run): string {
  const wrongs = run.wrongs.map(({ invariant, at, text }) => {
    return `  ${timeText(at)} ${invariant} (${INVARIANTS[invariant]}): ${text}`;
  });
  const about = `${run.lives} lives, ${run.moves} moves, ${Math.round(run.virtualSeconds)} s`;
  const again = `  again: ${tellAgain(wanted)}`;
  const verdict = wrongs.length === 0 ? 'good' : 'WRONG';
  const head = `${tellWanted(wanted)}: ${verdict} (${about}) ${run.hash}`;
  return [head, ...wrongs, ...(wrongs.length === 0 ? [] : [again])].join('\n');
}

async function tellShrunk(
  script: Script,
  { strike: at }: Wanted,
  { wrongs }: Run,
): Promise<readonly string[]> {
  const [first] = wrongs;
  if (first === undefined) return [];
  const strike = at && strikeAt(at.call, at.blow);
  const { steps } = await shrink(script, first.invariant, { strike });
  const told = steps.map((step) => `    ${tellStep(step)}`);
  return [`  it takes, for ${first.invariant}:`, ...told];
}

process.on('message', (wanted) => {
  void playSeed(wanted as Wanted).then((played) => process.send?.(played)); // as Player sends it
});
