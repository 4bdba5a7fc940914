// Role: reads a story folder (test/stories/README.md): the fleet, the policies, what happens when.
// A mistake in a story is an error with file:line:column, as in every file that people write.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Scenario, scenarioFields, stepsOf } from '../../src/app/scenario/forms.ts';
import { readYaml } from '../../src/config/document.ts';
import { group, list, name } from '../../src/config/fields.ts';
import { parseFleet } from '../../src/config/fleet-file.ts';
import { formatProblem, type ConfigProblem } from '../../src/config/problem.ts';
import { validate } from '../../src/config/validate.ts';
import { vmId } from '../../src/domain/ids.ts';
import type { Result } from '../../src/domain/result.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';

const storySchema = group({
  ...scenarioFields,
  /** VMs that are expected to be down in the end (their host died). */
  down: list(name('the id of a VM', vmId)).optional(),
});

export interface Story extends Scenario {
  readonly fleet: Snapshot;
  readonly storageLocks: boolean;
  readonly down: readonly string[];
}

/** Throws an error that lists every mistake with its place. */
export function readStory(folder: string): Story {
  const fleetFile = join(folder, 'fleet.json');
  const { snapshot } = taken(parseFleet(readFileSync(fleetFile, 'utf8'), fleetFile));
  const file = join(folder, 'events.yaml');
  const document = taken(readYaml(readFileSync(file, 'utf8'), file));
  const story = taken(validate(storySchema, document));
  const own = join(folder, 'policy.yaml');
  const policies = story.policies ?? (existsSync(own) ? ['policy.yaml'] : ['default']);
  return {
    folder,
    fleet: snapshot,
    policies: policies.map((path) => (path === 'default' ? path : join(folder, path))),
    seconds: story.duration,
    fencing: story.fencing ?? false,
    peers: story.peers ?? false,
    guests: story.guests ?? false,
    storageLocks: story.storageLocks ?? false,
    down: story.down ?? [],
    hooks: story.hooks ?? {},
    steps: taken(stepsOf(story.events ?? [], document)),
  };
}

function taken<Value>(result: Result<Value, readonly ConfigProblem[]>): Value {
  if (result.ok) return result.value;
  throw new Error(result.error.map(formatProblem).join('\n'));
}
