// Role: plays what is wanted in several processes, which take it from one queue, prints what there
// is to tell of it, and says now and then how far it is.
import type { Wanted } from './play-seed.ts';
import { Player } from './player.ts';

/** Between two lines that say how far it is. */
const PROGRESS_SECONDS = 5;

export interface Count {
  readonly done: number;
  readonly wrong: number;
  /** In so many one controller took over what another one had. */
  readonly takenOver: number;
}

/** @param things what they are, for people. */
export async function playAll(
  wanted: readonly Wanted[],
  jobs: number,
  things: string,
): Promise<Count> {
  const count = { done: 0, wrong: 0, takenOver: 0 };
  const queue = wanted.values();
  const beganAt = performance.now();
  const progress = setInterval(() => {
    const spent = Math.round((performance.now() - beganAt) / 1000);
    const far = `${count.done} of ${wanted.length} ${things} done`;
    console.error(`${far}, ${count.wrong} wrong so far, ${spent} s`);
  }, 1000 * PROGRESS_SECONDS);
  const work = async (): Promise<void> => {
    const player = new Player();
    for (const one of queue) {
      const { text, isWrong, isTakenOver } = await player.play(one);
      if (text !== '') console.log(text);
      count.done += 1;
      if (isWrong) count.wrong += 1;
      if (isTakenOver) count.takenOver += 1;
    }
    player.dismiss();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, wanted.length) }, work));
  clearInterval(progress);
  return count;
}
