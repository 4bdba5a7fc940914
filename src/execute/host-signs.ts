/**
 * Asks about hosts that do not answer: their power, the host itself past its hypervisor, its
 * guests, and other hosts that may reach it. Answers take seconds and may not come at all, so they
 * are gathered beside the tick: what is known at the moment is what counts, and an answer that is
 * too old says nothing.
 */

import type { HostFailureRecord, HostSign } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import { HOST_METRICS } from '../domain/metrics.ts';
import { assertNever } from '../domain/result.ts';
import { type EpochSeconds, type Seconds, seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fencing } from '../ports/fencing.ts';
import type { GuestProbe } from '../ports/guest-probe.ts';
import type { HostProbe } from '../ports/host-probe.ts';
import type { PeerProbe } from '../ports/peer-probe.ts';
import { callWithin } from './call.ts';
import { askGuests, type AskedGuest } from './guest-sign.ts';
import { type Asked, askPeers } from './peer-sign.ts';

/** A BMC answers in a second, or not at all; agents open a session first. */
const ASK_SECONDS = seconds(30);
/** An answer is good for as long as the next one may take, and two ticks. */
const GOOD_FOR_SECONDS = 180;
/**
 * A sample is a sign of life when it was measured at least this long after the hypervisor fell
 * silent: clocks differ, and an exporter's last words may arrive a scrape later.
 */
const AFTER_SILENCE_SECONDS = 30;

export interface SignParts {
  readonly clock: Clock;
  readonly fencing: Fencing | undefined;
  readonly probe: HostProbe | undefined;
  /** Absent: no guest is asked. */
  readonly guests?: GuestProbe | undefined;
  /** Who can only run there; asked only where there are `guests`. */
  readonly guestsOn: (host: Pick<Host, 'id'>) => readonly AskedGuest[];
  /** Absent: no other host is asked. */
  readonly peerProbe?: PeerProbe | undefined;
  /** The fleet, as {@link PeerParts.hosts}; asked only where there is a `peerProbe`. */
  readonly hosts: () => readonly Host[];
}

/** What is asked beside the tick. */
type AskedKind = 'probe' | 'guests' | 'peers' | 'power';
const ASKED_KINDS: readonly AskedKind[] = ['probe', 'guests', 'peers', 'power'];

interface Answer {
  readonly sign: HostSign;
  readonly at: Seconds;
}

export class HostSigns {
  readonly #parts: SignParts;
  readonly #answers = new Map<string, Answer>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(parts: SignParts) {
    this.#parts = parts;
  }

  /** Every sign there is at the moment, in the order of SIGN_KINDS; asks anew beside it. */
  of(
    host: Host,
    before: HostFailureRecord | undefined,
    alerts: readonly string[],
    now: EpochSeconds,
  ): readonly HostSign[] {
    const isSilent = host.connection !== 'connected';
    const adapter: HostSign = {
      kind: 'adapter',
      verdict: isSilent ? 'silent' : 'alive',
      detail: '',
    };
    if (!isSilent) return [adapter];
    const signs = [adapter, metricsSign(host, before, now)];
    if (this.#parts.probe?.covers(host) === true) signs.push(this.#answer('probe', host));
    if (this.#parts.guests !== undefined) signs.push(this.#answer('guests', host));
    if (this.#parts.peerProbe !== undefined) signs.push(this.#answer('peers', host));
    signs.push(alertSign(host, alerts));
    if (this.#parts.fencing?.covers(host) === true) signs.push(this.#answer('power', host));
    return signs;
  }

  /** Asks the power now and waits for it. */
  async power(host: Pick<Host, 'id' | 'name' | 'source'>): Promise<HostSign> {
    const sign = await this.#askPower(host);
    this.#note('power', host.id, sign);
    return sign;
  }

  /**
   * Asks the host itself, its guests and its peers now, all at once: who waits for this is about to
   * cut its power. A host that nobody can ask is silent.
   */
  async isAlive(host: Asked): Promise<boolean> {
    const { guests, peerProbe } = this.#parts;
    const asked = [
      this.#answersItself(host),
      ...(guests === undefined ? [] : [saysAlive(this.#askGuests(host))]),
      ...(peerProbe === undefined ? [] : [saysAlive(this.#askPeers(host))]),
    ];
    return (await Promise.all(asked)).includes(true);
  }

  async #answersItself(host: Asked): Promise<boolean> {
    if (this.#parts.probe?.covers(host) !== true) return false;
    return (await this.#askProbe(host)).verdict === 'alive';
  }

  /** Of a host that is well again nothing old counts the next time. */
  forget(host: HostId): void {
    for (const kind of ASKED_KINDS) this.#answers.delete(`${kind} ${host}`);
  }

  #answer(kind: AskedKind, host: Host): HostSign {
    const key = `${kind} ${host.id}`;
    if (!this.#asking.has(key)) {
      const asking = this.#ask(kind, host).then((sign) => {
        this.#asking.delete(key);
        this.#note(kind, host.id, sign);
      });
      this.#asking.set(key, asking);
    }
    const known = this.#answers.get(key);
    const isGood =
      known !== undefined && this.#parts.clock.monotonic() - known.at <= GOOD_FOR_SECONDS;
    return isGood ? known.sign : { kind, verdict: 'unknown', detail: 'not asked yet' };
  }

  #ask(kind: AskedKind, host: Host): Promise<HostSign> {
    switch (kind) {
      case 'probe':
        return this.#askProbe(host);
      case 'guests':
        return this.#askGuests(host);
      case 'peers':
        return this.#askPeers(host);
      case 'power':
        return this.#askPower(host);
      default:
        return assertNever(kind, 'what is asked of a host');
    }
  }

  #note(kind: AskedKind, host: HostId, sign: HostSign): void {
    const { clock } = this.#parts;
    const dated = { ...sign, at: clock.now() };
    this.#answers.set(`${kind} ${host}`, { sign: dated, at: clock.monotonic() });
  }

  /** Never rejects: that a device cannot be asked is an answer, too. */
  async #askPower(host: Pick<Host, 'id' | 'name' | 'source'>): Promise<HostSign> {
    const { clock, fencing } = this.#parts;
    if (fencing?.covers(host) !== true) {
      return { kind: 'power', verdict: 'unknown', detail: 'no fencing device' };
    }
    try {
      const status = await callWithin(clock, ASK_SECONDS, host.source, (signal) =>
        fencing.status(host, signal),
      );
      // Power says nothing about life: a machine that hangs is on, too.
      return { kind: 'power', verdict: status === 'off' ? 'silent' : 'unknown', detail: status };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: 'power', verdict: 'unknown', detail };
    }
  }

  /** Never rejects. */
  async #askGuests(host: Asked): Promise<HostSign> {
    const { clock, guests: probe, guestsOn } = this.#parts;
    if (probe === undefined) return { kind: 'guests', verdict: 'unknown', detail: '' };
    return askGuests(host, guestsOn(host), { clock, probe, limit: ASK_SECONDS });
  }

  /** Never rejects. */
  async #askPeers(host: Asked): Promise<HostSign> {
    const { clock, hosts, peerProbe: probe } = this.#parts;
    if (probe === undefined) return { kind: 'peers', verdict: 'unknown', detail: '' };
    return askPeers(host, { clock, probe, hosts: hosts(), limit: ASK_SECONDS });
  }

  async #askProbe(host: Pick<Host, 'id' | 'name' | 'source'>): Promise<HostSign> {
    const { clock, probe } = this.#parts;
    if (probe === undefined) return { kind: 'probe', verdict: 'unknown', detail: '' };
    try {
      const answer = await callWithin(clock, ASK_SECONDS, host.source, (signal) =>
        probe.ask(host, signal),
      );
      return { kind: 'probe', verdict: answer === 'silent' ? 'silent' : 'alive', detail: '' };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { kind: 'probe', verdict: 'unknown', detail };
    }
  }
}

async function saysAlive(sign: Promise<HostSign>): Promise<boolean> {
  return (await sign).verdict === 'alive';
}

/**
 * A sample that was measured after the hypervisor fell silent came from somewhere else. That there
 * is none says nothing: most hosts are measured by their hypervisor alone.
 */
function metricsSign(
  host: Host,
  before: HostFailureRecord | undefined,
  now: EpochSeconds,
): HostSign {
  const silentFor = before?.answersSince === undefined ? now - (before?.silentSince ?? now) : 0;
  const names = Object.keys(HOST_METRICS) as (keyof typeof HOST_METRICS)[]; // its own keys
  const ages = names.flatMap((metric) => {
    const last = host.metrics[metric]?.last;
    return last?.kind === 'known' ? [last.ageSeconds] : [];
  });
  const newest = Math.min(Infinity, ...ages);
  const isAlive = newest + AFTER_SILENCE_SECONDS < silentFor;
  const detail = isAlive ? `measured ${Math.round(newest)} s ago` : '';
  return { kind: 'metrics', verdict: isAlive ? 'alive' : 'unknown', detail };
}

function alertSign(host: Host, names: readonly string[]): HostSign {
  const firing = host.alerts.find(({ name }) => names.includes(name));
  if (firing === undefined) return { kind: 'alert', verdict: 'unknown', detail: '' };
  return { kind: 'alert', verdict: 'silent', detail: firing.name };
}
