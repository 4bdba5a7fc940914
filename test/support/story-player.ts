// Role: plays a story on virtual time (src/app/scenario/play.ts), with the judge beside it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { play } from '../../src/app/scenario/play.ts';
import { Transcript } from '../../src/app/scenario/transcript.ts';
import { summaryLines } from '../../src/cli/estimate-text.ts';
import { loadPolicies } from '../../src/config/policies.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { PolicySet } from '../../src/domain/policy.ts';
import type { Story } from './story-file.ts';
import { StoryWorld } from './story-fleet.ts';
import { Judge } from './story-judge.ts';
import { replayFaults } from './story-replay.ts';
import { virtualClock } from './virtual-time.ts';

export interface Played {
  /** The transcript, ending with a line feed. */
  readonly log: string;
  /** What the judge has to say; empty: nothing. */
  readonly faults: readonly string[];
}

export async function playStory(story: Story): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-story-'));
  const clock = virtualClock();
  const world = new StoryWorld(story.fleet, clock, story.storageLocks);
  const transcript = new Transcript(clock);
  const verdict: string[] = [];
  let judge: Judge | undefined;
  const judgedBy = (policies: PolicySet): Judge => {
    if (judge === undefined) return new Judge(world, clock, policies);
    judge.policies = policies;
    return judge;
  };
  try {
    const { failures, ledgerFile } = await play({
      scenario: story,
      world,
      clock,
      folder,
      seed: 1,
      transcript,
      summary: summaryLines,
      policies: async (files) => {
        const policies = await loadPolicies([...files]);
        // An edit may be refused; what the story begins with may not.
        if (policies.ok) judge = judgedBy(policies.value);
        else if (judge === undefined) throw new Error(policies.error.map(formatProblem).join('\n'));
      },
      follow: (bus) => judge?.follow(bus) ?? (() => undefined),
      over: () => verdict.push(...(judge?.verdict(story.down) ?? [])),
    });
    const faults = [...verdict, ...failures];
    faults.push(...(await replayFaults(ledgerFile)));
    return { log: `${transcript.lines.join('\n')}\n`, faults };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
