/**
 * Whether a host is empty at this moment. What a hook does to a host ends every guest on it, and
 * the newest inventory may be minutes old: a guest that a person, or other automation, has started
 * there since is not in it. So its source is asked anew right before the hook begins, and only an
 * answer that has the host, connected and without any guest, is good enough.
 */

import type { Host } from '../domain/host.ts';
import type { HostId, SourceId } from '../domain/ids.ts';
import { listed } from '../domain/listed.ts';
import type { InFlightMove } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import { callWithin } from '../execute/call.ts';
import type { Clock } from '../ports/clock.ts';
import type { Hypervisor, Inventory } from '../ports/hypervisor.ts';

/** As a poll: a source that takes longer is asked again at the next tick. */
const ASK_SECONDS = seconds(30);

export interface HookGroundParts {
  readonly clock: Clock;
  readonly hypervisors: ReadonlyMap<SourceId, Pick<Hypervisor, 'source' | 'inventory'>>;
  /** The moves under way at this moment. */
  readonly inFlight: () => readonly Pick<InFlightMove, 'from' | 'to'>[];
}

interface Question {
  /** Hosts with moves under way when it was asked: what it says of those may be from before. */
  readonly busy: ReadonlySet<HostId>;
  readonly answer: Promise<Inventory>;
}

/** Of one tick: hosts of the same source share one question. */
export class HookGround {
  readonly #parts: HookGroundParts;
  readonly #questions = new Map<SourceId, Question>();

  constructor(parts: HookGroundParts) {
    this.#parts = parts;
  }

  /** What keeps a hook from beginning on the host; undefined: it answers, and is empty. */
  async against(host: Host): Promise<string | undefined> {
    const question = this.#question(host);
    if (question === undefined) return 'its source is not connected any more';
    try {
      const told = await question.answer;
      const isBusy = question.busy.has(host.id) || this.#busy().has(host.id);
      return isBusy ? 'a move from or to it is under way' : whatIsOn(host, told);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `its source cannot be asked whether it is empty: ${why}`;
    }
  }

  #question({ source }: Host): Question | undefined {
    const known = this.#questions.get(source);
    const { clock, hypervisors } = this.#parts;
    const hypervisor = hypervisors.get(source);
    if (known !== undefined || hypervisor === undefined) return known;
    const busy = this.#busy();
    const answer = callWithin(clock, ASK_SECONDS, source, (signal) => hypervisor.inventory(signal));
    const question = { busy, answer };
    this.#questions.set(source, question);
    return question;
  }

  #busy(): ReadonlySet<HostId> {
    return new Set(this.#parts.inFlight().flatMap(({ from, to }) => [from, to]));
  }
}

function whatIsOn({ id }: Host, { hosts, vms }: Inventory): string | undefined {
  const host = hosts.find((one) => one.id === id);
  if (host === undefined) return 'its source does not report it any more';
  if (host.connection !== 'connected') return 'it does not answer';
  const there = vms.filter((vm) => vm.host === id && vm.powerState !== 'off');
  const guests = [...there.map(({ name }) => name), ...(host.unlistedGuests ?? [])];
  return guests.length === 0 ? undefined : `${listed(guests.toSorted())} on it`;
}
