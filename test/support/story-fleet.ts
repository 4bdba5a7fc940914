// Role: the world of a story, with the fleet file that it was made from, for the judge.
import { datacentersOf, FleetWorld } from '../../src/app/scenario/world.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { Clock } from '../../src/ports/clock.ts';

export class StoryWorld extends FleetWorld {
  readonly fleet: Snapshot;

  constructor(fleet: Snapshot, clock: Clock, storageLocks: boolean) {
    super(datacentersOf(fleet, { clock, seed: 1, storageLocks }));
    this.fleet = fleet;
  }
}
