// Role: makes sense of heartbeats and when and where they arrived. Pure: it is given beats and
// keeps what they prove about each guest. The program in the guest (guest/guestd.c) writes them.
// - `boot` differs for each start of a guest: the same boot on another host has moved, another boot
//   is a guest that was started once more.
// - Time in which a guest did not run is a gap between arrivals; the guest's own clock stops with
//   it, so `guestMs` stays small while `gapMs` is what the outside world saw.
import type { HostNumber } from './paths.ts';

export interface Beat {
  readonly name: string;
  readonly boot: string;
  readonly seq: number;
  readonly upMs: number;
  readonly dirtiedMiB: number;
  readonly badPages: number;
  readonly diskKiB: number;
  readonly diskBad: number;
  readonly diskErrors: number;
}

export interface Arrival {
  readonly beat: Beat;
  readonly host: HostNumber;
  /** Unix time of the arrival. */
  readonly atMs: number;
}

interface Between {
  readonly from: HostNumber;
  readonly to: HostNumber;
  /** When the later beat arrived. */
  readonly atMs: number;
  /** Wall time since the beat before. */
  readonly gapMs: number;
  /** The same on the guest's own clock. */
  readonly guestMs: number;
  readonly seq: number;
}

/** The same boot beats on another host. Its downtime is `gapMs` less about one heartbeat period. */
export type Move = Between;
/** No beat for longer than the threshold. */
export type Gap = Between;
/** Another boot: the guest was started once more, here or elsewhere. */
export type Restart = Omit<Between, 'guestMs' | 'seq'>;

export interface Hole {
  readonly host: HostNumber;
  readonly atMs: number;
  readonly after: number;
  readonly seq: number;
}

/** A number that was there already: the guest's state went back in time. */
export type Repeat = Hole;

/** The guest beats on two hosts at once, by the same boot or by two. */
export interface Overlap {
  readonly hosts: readonly [HostNumber, HostNumber];
  readonly atMs: number;
}

export interface GuestReport {
  readonly name: string;
  readonly host: HostNumber;
  readonly boot: string;
  readonly beats: number;
  readonly lastSeq: number;
  readonly lastAtMs: number;
  readonly maxGapMs: number;
  readonly moves: readonly Move[];
  readonly gaps: readonly Gap[];
  readonly holes: readonly Hole[];
  readonly repeats: readonly Repeat[];
  readonly restarts: readonly Restart[];
  readonly overlaps: readonly Overlap[];
  readonly dirtiedMiB: number;
  readonly diskKiB: number;
  /** Pages found lost, zeroed, torn or stale: migration broke the guest's memory. */
  readonly corruptPages: number;
  readonly corruptBlocks: number;
  readonly diskErrors: number;
}

const BEAT = /^HB name=(\S+) boot=(\S+) seq=(\d+) up=(\d+) dirtied=(\d+) bad=(\d+) (.*)$/;
const DISK = /^disk=(\d+) diskbad=(\d+) diskerr=(\d+)$/;
/** A guest gone wild must not fill the memory of the watcher. */
const KEPT_MAX = 1000;

export function parseBeat(line: string): Beat | undefined {
  // A line that migration tore off may stand before it, from when the guest was last here.
  const found = BEAT.exec(line.trimEnd().slice(Math.max(0, line.lastIndexOf('HB name='))));
  const disk = DISK.exec(found?.[7] ?? '');
  if (found === null || disk === null) return undefined;
  const [, name = '', boot = '', ...numbers] = found;
  const [seq = 0, upMs = 0, dirtiedMiB = 0, badPages = 0] = numbers.map(Number);
  const [, diskKiB = 0, diskBad = 0, diskErrors = 0] = disk.map(Number);
  return { name, boot, seq, upMs, dirtiedMiB, badPages, diskKiB, diskBad, diskErrors };
}

function keep<T>(list: T[], entry: T): void {
  if (list.length < KEPT_MAX) list.push(entry);
}

class GuestLedger {
  readonly #gapMs: number;
  readonly #bootsLeft = new Map<string, { badPages: number; diskBad: number }>();
  #last: Arrival;
  #beats = 1;
  #maxGapMs = 0;
  readonly #moves: Move[] = [];
  readonly #gaps: Gap[] = [];
  readonly #holes: Hole[] = [];
  readonly #repeats: Repeat[] = [];
  readonly #restarts: Restart[] = [];
  readonly #overlaps: Overlap[] = [];

  constructor(first: Arrival, gapMs: number) {
    this.#last = first;
    this.#gapMs = gapMs;
  }

  add(arrival: Arrival): void {
    const { beat, host, atMs } = arrival;
    const last = this.#last;
    this.#beats += 1;
    const left = this.#bootsLeft.has(beat.boot);
    const wentBack = beat.boot === last.beat.boot && beat.seq <= last.beat.seq;
    if (host !== last.host && (left || wentBack)) {
      // an old life goes on where the guest was thought to have gone from
      keep(this.#overlaps, { hosts: [last.host, host], atMs });
      return;
    }
    if (beat.boot === last.beat.boot) this.#follow(arrival);
    else this.#restart(arrival);
    this.#maxGapMs = Math.max(this.#maxGapMs, atMs - last.atMs);
    this.#last = arrival;
  }

  report(): GuestReport {
    const { beat, host, atMs } = this.#last;
    const earlier = [...this.#bootsLeft.values()];
    return {
      name: beat.name,
      host,
      boot: beat.boot,
      beats: this.#beats,
      lastSeq: beat.seq,
      lastAtMs: atMs,
      maxGapMs: this.#maxGapMs,
      moves: this.#moves,
      gaps: this.#gaps,
      holes: this.#holes,
      repeats: this.#repeats,
      restarts: this.#restarts,
      overlaps: this.#overlaps,
      dirtiedMiB: beat.dirtiedMiB,
      diskKiB: beat.diskKiB,
      corruptPages: earlier.reduce((sum, { badPages }) => sum + badPages, beat.badPages),
      corruptBlocks: earlier.reduce((sum, { diskBad }) => sum + diskBad, beat.diskBad),
      diskErrors: beat.diskErrors,
    };
  }

  /** The next beat of the same boot, on the same host or another. */
  #follow({ beat, host, atMs }: Arrival): void {
    const last = this.#last;
    const gapMs = atMs - last.atMs;
    const guestMs = beat.upMs - last.beat.upMs;
    const between = { from: last.host, to: host, atMs, gapMs, guestMs, seq: beat.seq };
    const jump = { host, atMs, after: last.beat.seq, seq: beat.seq };
    if (host !== last.host) keep(this.#moves, between);
    if (gapMs > this.#gapMs) keep(this.#gaps, between);
    if (beat.seq > last.beat.seq + 1) keep(this.#holes, jump);
    if (beat.seq <= last.beat.seq) keep(this.#repeats, jump);
  }

  #restart({ host, atMs }: Arrival): void {
    const { beat, host: from, atMs: before } = this.#last;
    this.#bootsLeft.set(beat.boot, { badPages: beat.badPages, diskBad: beat.diskBad });
    keep(this.#restarts, { from, to: host, atMs, gapMs: atMs - before });
  }
}

export class HeartbeatLedger {
  readonly #gapMs: number;
  readonly #guests = new Map<string, GuestLedger>();

  /** `gapMs`: a longer silence between two beats is kept as a gap. */
  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** What arrived at one moment, from all hosts. */
  add(arrivals: readonly Arrival[]): void {
    // Read at one moment from several files, the beats of one boot may come in the wrong order.
    const ordered = arrivals.toSorted((a, b) =>
      a.beat.boot === b.beat.boot ? a.beat.seq - b.beat.seq : 0,
    );
    for (const arrival of ordered) {
      const known = this.#guests.get(arrival.beat.name);
      if (known !== undefined) known.add(arrival);
      else this.#guests.set(arrival.beat.name, new GuestLedger(arrival, this.#gapMs));
    }
  }

  report(): GuestReport[] {
    return [...this.#guests.values()].map((guest) => guest.report());
  }
}
