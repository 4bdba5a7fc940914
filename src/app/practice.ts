/**
 * Practice for a planner that has planned nothing yet. The code of a process that has just started
 * runs at a third of its speed until it has been run, and compiled, for data of the shapes that it
 * will meet; and the first plan may be an evacuation. So the daemon's first fleet is planned a few
 * times with needs that are made up. Nothing of it leaves the thread.
 */

import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import { findingId } from '../domain/ids.ts';
import { epochSeconds, ratio } from '../domain/units.ts';

/** Together over all rounds; code that has planned so many runs at its full speed. */
const PRACTICE_VMS = 100_000;
const LEAST_ROUNDS = 4;
/** Fleets of fewer VMs are planned in some ten milliseconds the first time, too. */
const LEAST_VMS = 1_000;

/** One host in so many is to be emptied. */
const EMPTIED_EVERY = 50;

export function practiceRounds(vms: number): number {
  return vms < LEAST_VMS ? 0 : Math.max(LEAST_ROUNDS, Math.ceil(PRACTICE_VMS / vms));
}

/**
 * Practises once, on the first fleet that is large enough: the very first may be what little is
 * known while the hypervisors have not answered yet.
 */
export class Practice {
  #isOver = false;

  /** The rounds to be made on a fleet of so many VMs now; 0: none. */
  roundsFor(vms: number): number {
    const rounds = this.#isOver ? 0 : practiceRounds(vms);
    this.#isOver ||= rounds > 0;
    return rounds;
  }
}

/** Asks for what is asked most, of the fleet as it is. */
export function practiceFindings(hosts: readonly Host[]): readonly Finding[] {
  const emptied = hosts.filter((_host, index) => index % EMPTIED_EVERY === 1);
  return [...emptied.map(toBeEmptied), ...reliefs(hosts)];
}

/** The busiest, half of the way down to the mean: there is room for that in every fleet. */
function reliefs(hosts: readonly Host[]): readonly Finding[] {
  const shares = hosts.map(cpuShare).filter((share) => share !== undefined);
  const mean = shares.reduce((sum, share) => sum + share / shares.length, 0);
  const below = (mean + Math.max(mean, ...shares)) / 2;
  const busiest = hosts.filter((host) => (cpuShare(host) ?? 0) > below);
  return busiest.map((host) => ({
    ...about(host),
    kind: 'overloaded',
    response: 'relieve',
    tier: 'corrective',
    relieveBelow: ratio(Math.min(1, below)),
  }));
}

function toBeEmptied(host: Host): Finding {
  const what = { kind: 'evacuation-ordered', response: 'evacuate', tier: 'mandatory' } as const;
  return { ...about(host), ...what, relieveBelow: undefined };
}

function about({ id }: Host): Omit<Finding, 'kind' | 'response' | 'tier' | 'relieveBelow'> {
  return {
    id: findingId(`practice ${id}`),
    subject: { kind: 'host', host: id },
    trigger: { kind: 'operator', who: 'practice' },
    since: epochSeconds(0),
    evidence: [],
    text: 'practice',
    deadline: undefined,
  };
}

function cpuShare({ metrics, cpu }: Host): number | undefined {
  const used = metrics['cpu.used']?.mean;
  return used?.kind === 'known' ? used.value / cpu.threads : undefined;
}
