// Role: the process behind a Player: plays the seed that it is sent, and answers with what there is
// to tell of it. It ends when nobody has hold of it any more.
import { drawScript, drawWithoutOwn } from './draw.ts';
import { INVARIANTS } from './invariants.ts';
import { type Script, tellStep, timeText } from './script.ts';
import { shrink } from './shrink.ts';
import { type Run, simulate } from './simulate.ts';

export interface Wanted {
  readonly seed: number;
  /** Every call is told. */
  readonly trace: boolean;
  /** With `trace`: one that fails is cut down to the steps that it takes. */
  readonly shrink: boolean;
  /** False: as the seed was before some scripts had VMs that Drover stands on. */
  readonly own: boolean;
}

export interface Played {
  /** For people; empty: there is nothing to tell. */
  readonly text: string;
  readonly isWrong: boolean;
}

async function playSeed(wanted: Wanted): Promise<Played> {
  const { seed, trace } = wanted;
  const script = wanted.own ? drawScript(seed) : drawWithoutOwn(seed);
  const run = await simulate(script, { trace });
  const isWrong = run.wrongs.length > 0;
  if (!trace && !isWrong) return { text: '', isWrong };
  const shrunk = trace && wanted.shrink ? await tellShrunk(script, run) : [];
  return { text: [...run.lines, tellRun(wanted, run), ...shrunk].join('\n'), isWrong };
}

function tellRun({ seed, own }: Wanted, run: Run): string {
  const wrongs = run.wrongs.map(({ invariant, at, text }) => {
    return `  ${timeText(at)} ${invariant} (${INVARIANTS[invariant]}): ${text}`;
  });
  const about = `${run.lives} lives, ${run.moves} moves, ${Math.round(run.virtualSeconds)} s`;
  const options = `--seed ${seed} --runs 1 --trace${own ? '' : ' --no-own'}`;
  const again = `  again: npm run simulate:faults -- ${options}`;
  const head = `seed ${seed}: ${wrongs.length === 0 ? 'good' : 'WRONG'} (${about}) ${run.hash}`;
  return [head, ...wrongs, ...(wrongs.length === 0 ? [] : [again])].join('\n');
}

async function tellShrunk(script: Script, { wrongs }: Run): Promise<readonly string[]> {
  const [first] = wrongs;
  if (first === undefined) return [];
  const { steps } = await shrink(script, first.invariant);
  const told = steps.map((step) => `    ${tellStep(step)}`);
  return [`  it takes, for ${first.invariant}:`, ...told];
}

process.on('message', (wanted) => {
  void playSeed(wanted as Wanted).then((played) => process.send?.(played)); // as Player sends it
});
