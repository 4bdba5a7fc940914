// Role: gives some of the drawn scripts people who do more than give orders: they approve plans,
// hand them in, take hosts through rolling maintenance and hooks, and empty a site. It draws from a
// stream of its own: all else of the script stays what its seed has drawn.
import { siteId } from '../../src/domain/ids.ts';
import { type Rng, seededRng } from '../../src/domain/rng.ts';
import type { FleetSpec } from '../../src/simulate/fleet-spec.ts';
import { pick, times } from './draw-parts.ts';
import { HOOK_NAMES } from './hooks.ts';
import type { Script, Step } from './script.ts';

/** How often there are such people. */
const WITH_PEOPLE = 0.5;
/** Keeps this stream apart from those that draw the rest from the same seed. */
const STREAM = 0x70_65_6f;
const APPROVING = 0.6;
const ROLLING = 0.5;
const HOOKED = 0.5;
const SITES = 0.3;

export function withPeople(script: Script): Script {
  const rng = seededRng(script.seed ^ STREAM);
  if (rng.next() >= WITH_PEOPLE) return script;
  const more = [
    ...(rng.next() < APPROVING ? approving(rng, script) : []),
    ...(rng.next() < ROLLING ? rolling(rng, script) : []),
    ...(rng.next() < HOOKED ? hooked(rng, script) : []),
  ];
  const isSited = rng.next() < SITES;
  const sites = isSited ? emptiedSite(rng, script) : [];
  return {
    ...script,
    fleet: isSited ? onSites(script.fleet) : script.fleet,
    steps: [...script.steps, ...more, ...sites].toSorted((a, b) => a.at - b.at),
  };
}

/** Who looks at plans does so now and then, and not always at the newest. */
const LOOK_SECONDS = 60;
const ANY_SEAT = 6;

function seat(rng: Rng): number {
  return Math.floor(ANY_SEAT * rng.next());
}

/**
 * For a while nothing is done unasked: people approve what is shown, or hand it in; alerts see to
 * it that something is to be done.
 */
function approving(rng: Rng, script: Script): readonly Step[] {
  const { calmAt } = script;
  const begin = Math.floor(calmAt * 0.6 * rng.next());
  const end = Math.min(calmAt, begin + 300 + 1200 * rng.next());
  const mode = rng.next() < 0.85 ? 'approve' : 'observe';
  const most = Math.ceil((end - begin) / LOOK_SECONDS);
  const looks = times(rng, most, end - begin, (after) => looked(rng, begin + after, calmAt));
  const alerts = times(rng, 3, end - begin, (after): readonly Step[] => {
    // One with guests, most probably.
    const { host } = pick(rng, script.fleet.vms).facts;
    return [
      { at: begin + after / 2, kind: 'alert', host, status: 'firing' },
      { at: end, kind: 'alert', host, status: 'resolved' },
    ];
  });
  return [
    { at: begin, kind: 'mode', mode },
    ...alerts,
    ...looks,
    { at: end, kind: 'mode', mode: 'automatic' },
  ];
}

function looked(rng: Rng, at: number, calmAt: number): readonly Step[] {
  const soon = (most: number): number => Math.min(calmAt, at + most * rng.next());
  const approve = (when: number): Step => {
    return { at: when, seat: seat(rng), kind: 'approve', ago: pick(rng, [0, 0, 0, 1, 4]) };
  };
  if (rng.next() < 0.6) return [approve(at), ...(rng.next() < 0.3 ? [approve(soon(20))] : [])];
  const apply = (when: number, isSaved: boolean): Step => {
    return { at: when, seat: seat(rng), kind: 'apply', isSaved };
  };
  return [
    apply(at, rng.next() < 0.2),
    ...(rng.next() < 0.4 ? [apply(soon(60), rng.next() < 0.5)] : []),
    ...(rng.next() < 0.5
      ? [{ at: soon(120), seat: seat(rng), kind: 'cancel-applied' } as const]
      : []),
  ];
}

/**
 * At the beginning mostly, when all hosts are in service; later whoever is out is returned before.
 * Steered at whichever controller: it is paused and goes on, or ends.
 */
function rolling(rng: Rng, { fleet, calmAt }: Script): readonly Step[] {
  return times(rng, 2, calmAt * 0.6, (drawn) => {
    const at = rng.next() < 0.6 ? 35 + 60 * rng.next() : 240 + drawn;
    const hosts = fleet.hosts.map(({ id }) => id).filter(() => rng.next() < 0.7);
    if (hosts.length === 0) return [];
    const batch = pick(rng, [1, 1, 2]);
    const hook = rng.next() < 0.4 ? pick(rng, HOOK_NAMES) : undefined;
    const back = fleet.hosts.map(({ id: host }): Step => ({ at: at - 240, kind: 'return', host }));
    return [
      ...(at < 240 ? [] : back),
      { at, seat: seat(rng), kind: 'rolling', hosts, batch, ...(hook !== undefined && { hook }) },
      ...steered(rng, at, calmAt),
    ];
  });
}

// oxlint-disable-next-line max-params -- from when, and until when
function steered(rng: Rng, at: number, calmAt: number): readonly Step[] {
  const moment = (): number => Math.min(calmAt, at + 1200 * rng.next() ** 2);
  const [one, two, three] = [moment(), moment(), moment()];
  const steer = (what: 'pause' | 'resume' | 'cancel', when: number): Step => {
    return { at: when, seat: seat(rng), kind: 'steer-rolling', what };
  };
  return [
    ...(rng.next() < 0.5
      ? [steer('pause', Math.min(one, two)), steer('resume', Math.max(one, two))]
      : []),
    ...(rng.next() < 0.4 ? [steer('cancel', three)] : []),
  ];
}

function hooked(rng: Rng, { fleet, calmAt }: Script): readonly Step[] {
  return times(rng, 3, calmAt * 0.8, (at) => {
    const host = pick(rng, fleet.hosts).id;
    const order: Step = { at, seat: seat(rng), kind: 'hooked', host, hook: pick(rng, HOOK_NAMES) };
    const back: Step = { at: Math.min(calmAt, at + 900 * rng.next()), kind: 'return', host };
    return rng.next() < 0.4 ? [order, back] : [order];
  });
}

const SITE = 'east';

/** The smaller part is what can be emptied to what is elsewhere. */
function onSites(fleet: FleetSpec): FleetSpec {
  const east = Math.floor(fleet.hosts.length / 2);
  const hosts = fleet.hosts.map((host, index) => {
    return { ...host, site: siteId(index < east ? SITE : 'west') };
  });
  return { ...fleet, hosts };
}

function emptiedSite(rng: Rng, { calmAt }: Script): readonly Step[] {
  return times(rng, 2, calmAt * 0.8, (at) => {
    const until = Math.min(calmAt, at + 900 * rng.next());
    return [
      { at, seat: seat(rng), kind: 'evacuate-site', site: SITE },
      { at: until, seat: seat(rng), kind: 'return-site', site: SITE },
    ];
  });
}
