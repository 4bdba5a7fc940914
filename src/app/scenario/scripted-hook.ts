/** A maintenance hook that takes its time and then says what the scenario has written down. */

import { type Seconds, seconds } from '../../domain/units.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Hook } from '../../ports/hooks.ts';

export interface HookScript {
  readonly takes: Seconds;
  /** By attempt; the last one counts for all that follow. */
  readonly answers: readonly ('done' | 'failed')[];
  readonly attempts?: number | undefined;
}

export function scriptedHook(name: string, script: HookScript, clock: Clock): Hook {
  return {
    name,
    attempts: script.attempts ?? 1,
    wellSeconds: seconds(120),
    patienceSeconds: seconds(600),
    timeoutSeconds: seconds(600),
    run: async ({ attempt }, signal) => {
      await clock.sleep(script.takes, signal);
      const answer = script.answers[attempt - 1] ?? script.answers.at(-1) ?? 'done';
      return { isDone: answer === 'done', detail: answer === 'done' ? '' : 'it said no' };
    },
  };
}
