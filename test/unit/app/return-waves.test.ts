// Role: in which order VMs come home to a repaired host, and what holds them back.
import { describe, expect, it } from 'vitest';

import {
  againstReturn,
  NOBODY_YET,
  nextWave,
  withHold,
  type WaveView,
} from '../../../src/app/return-waves.ts';
import { hostId, orderId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { Order, ReturnProgress } from '../../../src/domain/order.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { CRITICALITIES, type Vm } from '../../../src/domain/vm.ts';
import { seededRng } from '../../../src/domain/rng.ts';
import {
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  someMaintenance,
  TEST_NOW,
} from '../../support/fleet.ts';

const H1 = hostId('h1');

interface Sketch {
  readonly criticality: Vm['criticality'];
  readonly gib?: number;
  readonly at?: string;
}

function world(vms: Readonly<Record<string, Sketch>>, gib = 64): Snapshot {
  return aSnapshot({
    hosts: [aHost({ id: 'h1', memoryGib: gib }), aHost({ id: 'h2', memoryGib: 512 })],
    vms: Object.entries(vms).map(([id, { criticality, gib: size = 4, at = 'h2' }]) =>
      aVm({ id, host: at, memoryGib: size, criticality }),
    ),
  });
}

function returning(home: readonly string[], progress: ReturnProgress = NOBODY_YET): Order {
  return {
    id: orderId('o1'),
    kind: 'maintenance',
    host: H1,
    by: { kind: 'operator', name: 'ada' },
    reason: '',
    createdAt: TEST_NOW,
    deadline: undefined,
    state: 'returning',
    dedupeKey: '',
    home,
    progress,
  };
}

function view(snapshot: Snapshot, options: Partial<WaveView> = {}): WaveView {
  const settings = aPolicy();
  return { snapshot, settings, now: TEST_NOW, blocked: new Set(), ...options };
}

const FIVE = {
  db: { criticality: 'mission-critical' },
  shop: { criticality: 'business' },
  wiki: { criticality: 'standard', gib: 8 },
  mail: { criticality: 'standard' },
  ci: { criticality: 'best-effort' },
} as const;
const NAMES = Object.keys(FIVE);

/** FIVE, of which some are home by now. */
function withHome(...home: string[]): Snapshot {
  const moved = Object.entries(FIVE).map(([id, sketch]) => {
    return [id, home.includes(id) ? { ...sketch, at: 'h1' } : sketch] as const;
  });
  return world(Object.fromEntries(moved));
}

describe('the return to a repaired host', () => {
  it('begins with the least important, of the same the smallest', () => {
    const { released } = nextWave(returning(NAMES), NOBODY_YET, view(withHome()));
    expect(released).toEqual(['ci']);
    const others = returning(['db', 'shop', 'wiki', 'mail']);
    expect(nextWave(others, NOBODY_YET, view(withHome())).released).toEqual(['mail', 'wiki']);
  });

  it('tries the host out with nothing that Drover stands on', () => {
    const { hosts, vms, ...others } = withHome();
    const own = { roles: ['manager'] } as const;
    const marked = vms.map((vm) => (vm.id === 'ci' ? { ...vm, own } : vm));
    const at = view({ ...others, hosts, vms: marked });
    const first = nextWave(returning(['ci', 'db']), NOBODY_YET, at);
    expect(first.released).toEqual(['db']);
    expect(nextWave(returning(['ci']), NOBODY_YET, at).released).toEqual(['ci']);
  });

  it('begins the trial anew where the clock was set back since', () => {
    const ahead = epochSeconds(TEST_NOW + 5 * 365 * 86_400);
    const tried = { released: [vmId('ci')], isTried: false, triedSince: ahead };
    const next = nextWave(returning(['db'], tried), tried, view(withHome('ci')));
    expect(next).toEqual({ ...tried, triedSince: TEST_NOW });
  });

  it('goes on when they have run there for long enough, the most important last', () => {
    const later = (by: number) => ({ now: epochSeconds(TEST_NOW + by) });
    const tried = { released: [vmId('ci'), vmId('mail')], isTried: false };
    const three = returning(['db', 'shop', 'wiki'], tried);
    const there = withHome('ci', 'mail');
    const began = nextWave(three, tried, view(there));
    expect(began).toEqual({ ...tried, triedSince: TEST_NOW });
    expect(nextWave(three, began, view(there, later(299)))).toBe(began);
    const next = nextWave(three, began, view(there, later(300)));
    expect(next).toMatchObject({ isTried: true, released: ['ci', 'mail', 'wiki'] });
    // Under way: nobody more.
    expect(nextWave(three, next, view(there, later(900)))).toBe(next);
    const two = returning(['db', 'shop'], next);
    const wikiIsHome = view(withHome('ci', 'mail', 'wiki'), later(900));
    const third = nextWave(two, next, wikiIsHome);
    expect(third.released.slice(3)).toEqual(['shop']);
    const lost = { ...wikiIsHome, blocked: new Set([vmId('shop')]) };
    expect(nextWave(two, third, lost).released.slice(4)).toEqual(['db']);
  });

  it('takes a guest for home whose host has fallen silent, as libvirt lists it', () => {
    const tried = { released: [vmId('ci')], isTried: false };
    const there = withHome('ci');
    const vms = there.vms.map((vm) => ({ ...vm, powerState: 'unknown' as const }));
    const next = nextWave(returning(['db'], tried), tried, view({ ...there, vms }));
    expect(next.released).toEqual(['ci']);
  });

  it('tries others where none of the first could come', () => {
    const tried = { released: [vmId('ci'), vmId('mail')], isTried: false };
    const blocked = new Set(tried.released);
    const next = nextWave(returning(NAMES, tried), tried, view(withHome(), { blocked }));
    expect(next).toEqual({ isTried: false, released: ['ci', 'mail', 'wiki'] });
  });

  it('does not let the least important take the room of the others', () => {
    const tight = world(
      {
        db: { criticality: 'mission-critical', gib: 40 },
        wiki: { criticality: 'standard', gib: 4 },
        ci: { criticality: 'best-effort', gib: 30 },
      },
      48,
    );
    const order = returning(['ci', 'db', 'wiki']);
    const first = nextWave(order, NOBODY_YET, view(tight));
    expect(first.released).toEqual(['wiki']);
    const home = returning(['ci', 'db'], first);
    const blocked = new Set(first.released);
    const second = nextWave(home, first, view(tight, { blocked }));
    expect(second.released).toEqual(['wiki', 'db']);
  });

  it('without canaries lets one criticality after the other go at once', () => {
    const maintenance = someMaintenance({ canaries: 0 });
    const at = view(withHome(), { settings: aPolicy({ maintenance }) });
    expect(nextWave(returning(NAMES), NOBODY_YET, at)).toMatchObject({ released: ['ci'] });
  });

  it('stands still while something speaks against the host, and then tries it anew', () => {
    const progress = { released: [vmId('ci')], isTried: true, triedSince: TEST_NOW };
    const there = withHome('ci');
    const held = withHold(returning(['db'], progress), 'smoke', there);
    expect(held.progress).toEqual({ ...progress, heldBy: 'smoke' });
    expect(withHold(held, 'more smoke', there)).toBe(held);
    const at = view(there, { now: epochSeconds(TEST_NOW + 9_000) });
    expect(held.progress && nextWave(held, held.progress, at)).toBe(held.progress);
    const free = withHold(held, undefined, there);
    expect(free).toMatchObject({ home: ['db'], progress: { released: ['ci'], isTried: false } });
    expect(free.progress && nextWave(free, free.progress, at).triedSince).toBe(at.now);
  });

  it('fetches those again whom a rule has taken away meanwhile, unless somebody did', () => {
    const progress = { released: [vmId('ci'), vmId('mail')], isTried: false, heldBy: 'smoke' };
    const stays = [{ vm: vmId('mail'), host: hostId('h2'), reason: 'somebody has moved it there' }];
    const order = { ...returning(['db'], progress), stays };
    const free = withHold(order, undefined, withHome());
    expect(free).toMatchObject({ home: ['db', 'ci'], progress: { released: ['mail'] } });
  });

  it('is the same in any order of what is given, and lets everybody go in the end', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const rng = seededRng(seed);
      const below = (bound: number): number => Math.floor(rng.next() * bound);
      const vms = Object.fromEntries(
        Array.from({ length: 2 + below(12) }, (_none, i) => {
          return [
            `v${i}`,
            { criticality: CRITICALITIES[below(4)] ?? 'standard', gib: 1 + below(8) },
          ];
        }),
      );
      const forth = releases(vms, Object.keys(vms));
      const turned = Object.fromEntries(Object.entries(vms).toReversed());
      const back = releases(turned, Object.keys(vms).toReversed());
      expect(back, `seed ${seed}`).toEqual(forth);
      expect([...forth].sort(), `seed ${seed}`).toEqual(Object.keys(vms).sort());
      const ranks = forth.map((vm) => CRITICALITIES.indexOf(vms[vm]?.criticality ?? 'standard'));
      expect(ranks, `seed ${seed}`).toEqual(ranks.toSorted((a, b) => b - a));
    }
  });
});

/** Everybody comes as soon as he may; there is room for all. */
function releases(vms: Readonly<Record<string, Sketch>>, home: readonly string[]): string[] {
  let progress = NOBODY_YET;
  for (let tick = 0; tick < 40; tick += 1) {
    const there = new Set<string>(progress.released);
    const now = epochSeconds(TEST_NOW + tick * 400);
    const places = Object.entries(vms).map(([id, sketch]) => {
      return [id, there.has(id) ? { ...sketch, at: 'h1' } : sketch] as const;
    });
    const left = returning(home.filter((vm) => !there.has(vm)));
    progress = nextWave(left, progress, view(world(Object.fromEntries(places), 256), { now }));
  }
  return [...progress.released];
}

describe('what speaks against a return', () => {
  const order = returning(NAMES, { released: [vmId('ci')], isTried: false });
  const but = (host: Parameters<typeof aHost>[0], state: Vm['powerState'] = 'running'): Snapshot =>
    aSnapshot({
      hosts: [aHost({ id: 'h1', ...host })],
      vms: [aVm({ id: 'ci', host: 'h1', powerState: state })],
    });

  it('is nothing, of a host that is well', () => {
    expect(againstReturn(order, but({}), [aFinding('relieve', { host: 'h1' })])).toBeUndefined();
  });

  it.each([
    ['h1 does not answer', but({ connection: 'disconnected' }), []],
    ['ci has crashed on h1', but({}, 'crashed'), []],
    ['bad disk', but({}), [{ ...aFinding('evacuate', { host: 'h1' }), text: 'bad disk' }]],
    ['closed', but({}), [{ ...aFinding('quarantine', { host: 'h1' }), text: 'closed' }]],
    [
      'h1: fan is critical: it stands',
      but({
        health: [
          {
            component: 'fan',
            level: 'critical',
            detail: 'it stands',
            at: TEST_NOW,
            source: sourceId('s'),
          },
        ],
      }),
      [],
    ],
  ] as const)('%s', (reason, snapshot, findings) => {
    expect(againstReturn(order, snapshot, findings)).toBe(reason);
  });
});
