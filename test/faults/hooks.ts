// Role: the maintenance hooks of a run: one that works, one that works the second time, one that
// fails, and one whose far side hangs until it is given up. The judge hears of each that begins.
import { seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Hook } from '../../src/ports/hooks.ts';
import type { JudgeHooks } from './judge-hooks.ts';
import type { Trace } from './trace.ts';

export const HOOK_NAMES = ['patch', 'flaky', 'broken', 'hangs'] as const;
export type HookName = (typeof HOOK_NAMES)[number];

interface HookScript {
  readonly takes: number;
  readonly attempts: number;
  /** By attempt; the last one counts for all that follow. */
  readonly answers: readonly boolean[];
}

const SCRIPTS: Readonly<Record<HookName, HookScript>> = {
  patch: { takes: 70, attempts: 1, answers: [true] },
  flaky: { takes: 20, attempts: 3, answers: [false, true] },
  broken: { takes: 5, attempts: 2, answers: [false] },
  hangs: { takes: 600, attempts: 2, answers: [false] },
};

/** How often it may be run for one order; undefined: there is no such hook. */
export function mostAttempts(name: string): number | undefined {
  return HOOK_NAMES.filter((one) => one === name).map((one) => SCRIPTS[one].attempts)[0];
}

export interface HookWatching {
  /** The datacenter's: what a hook has begun goes on, whatever becomes of the daemon. */
  readonly clock: Clock;
  readonly hooks: JudgeHooks;
  readonly trace: Pick<Trace, 'say'>;
  /** Id of the controller whose hooks these are. */
  readonly by: string;
}

export function playedHooks(watching: HookWatching): readonly Hook[] {
  return HOOK_NAMES.map((name) => playedHook(name, watching));
}

function playedHook(name: HookName, { clock, hooks, trace, by }: HookWatching): Hook {
  const { takes, attempts, answers } = SCRIPTS[name];
  return {
    name,
    attempts,
    wellSeconds: seconds(120),
    patienceSeconds: seconds(600),
    timeoutSeconds: seconds(takes),
    run: async (call, signal) => {
      const what = `${name} on ${call.host.id} for ${call.order}, attempt ${call.attempt}`;
      trace.say('hook', `${what} begins`);
      hooks.onBegin(name, call, by);
      await clock.sleep(seconds(takes), signal);
      hooks.onEnd(call, by);
      const isDone = answers[call.attempt - 1] ?? answers.at(-1) ?? true;
      trace.say('hook', `${what} ${isDone ? 'is done' : 'has failed'}`);
      return { isDone, detail: isDone ? '' : 'it said no' };
    },
  };
}
