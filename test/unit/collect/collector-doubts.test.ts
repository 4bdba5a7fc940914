// Role: what is not believed at once: a fault that is only not told of any more, and VMs that are
// gone all together.
import { describe, expect, it } from 'vitest';

import type { HealthComponent, HealthLevel } from '../../../src/domain/host.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { factsOf, hostWorlds, missingText } from '../../../src/rules/host-facts.ts';
import { aPolicy } from '../../support/fleet.ts';
import {
  anInventory,
  aReading,
  hostFacts,
  NO_CONTEXT,
  ScriptedSource,
  SETTINGS,
  setUp,
  vmFacts,
} from './support.ts';

type Said = Readonly<Record<string, HealthLevel>>;

/** Sensors are named `component/which`. */
function sensors() {
  const [lab, store] = [new ScriptedSource('lab'), new ScriptedSource('store')];
  const { clock, collector } = setUp({ hypervisors: [lab], metricSources: [store] });
  const look = async (said: Said | 'down') => {
    store.onRead = async () => {
      if (said === 'down') throw new Error('down');
      const signals = Object.entries(said).map(([sensor, level]) => ({
        component: sensor.split('/')[0] as HealthComponent, // as the test writes it
        sensor,
        level,
        detail: '',
        at: clock.now(),
        source: store.source,
      }));
      return aReading([], { health: [{ host: hostId('h1'), signals }] });
    };
    await clock.pass(60);
    await collector.poll();
    const [world] = hostWorlds(collector.snapshot(NO_CONTEXT), [], aPolicy().limits);
    if (world === undefined) throw new Error('no host');
    const fact = (name: string) => {
      const found = factsOf(world)(`host.health.${name}`);
      return found.kind === 'known' ? found.value : missingText(found);
    };
    return [fact('worst'), fact('disk')];
  };
  return { clock, look };
}

const SILENT = 'stale, no word of disk/smart';

describe('a sensor that fell silent', () => {
  it('leaves unknown what it complained of, until it speaks again', async () => {
    const { look } = sensors();
    expect(await look({ 'disk/smart': 'critical', fan: 'ok' })).toEqual(['critical', 'critical']);
    expect(await look({ 'disk/raid': 'ok', fan: 'ok' })).toEqual([SILENT, SILENT]);
    expect(await look({ fan: 'critical' })).toEqual(['critical', SILENT]);
    expect(await look({ 'disk/smart': 'ok', fan: 'ok' })).toEqual(['ok', 'ok']);
    expect(await look({ fan: 'ok' })).toEqual(['ok', 'never-seen']);
  });

  it('is silent also where its whole source is, and is forgotten after a day', async () => {
    const { clock, look } = sensors();
    await look({ 'disk/smart': 'warning' });
    await look('down');
    await clock.pass(SETTINGS.maxAgeSeconds);
    expect(await look('down')).toEqual([SILENT, SILENT]);
    await clock.pass(86_400);
    expect(await look({ fan: 'ok' })).toEqual(['ok', 'never-seen']);
  });
});

describe('many sensors of one host', () => {
  const many = Array.from({ length: 80 }, (_, index) => [`fan/${index}`, 'ok'] as const);

  it('those that tell of faults count, and are heard when they are well again', async () => {
    const { look } = sensors();
    const said = (level: HealthLevel): Said => ({ ...Object.fromEntries(many), 'disk/x': level });
    expect(await look(said('critical'))).toEqual(['critical', 'critical']);
    expect(await look(Object.fromEntries(many))).toEqual(Array(2).fill('stale, no word of disk/x'));
    expect(await look(said('ok'))).toEqual(['ok', 'ok']);
  });
});

describe('VMs that are gone all together', () => {
  const hosts = ['h1', 'h2'].map((id) => hostFacts({ id }));
  const vmsOn = (host: string, count: number) =>
    Array.from({ length: count }, (_, index) => vmFacts({ id: `v${index}`, host }));

  function fleet(before: number) {
    const lab = new ScriptedSource('lab');
    const { collector, events } = setUp({ hypervisors: [lab] });
    const look = async (vms: ReturnType<typeof vmsOn>) => {
      lab.onInventory = async () => anInventory({ hosts, vms });
      await collector.poll();
      return collector.snapshot(NO_CONTEXT).vms.length;
    };
    return { look, first: () => look(vmsOn('h1', before)), events };
  }

  it('are believed to be at the second look only, with a warning meanwhile', async () => {
    const { look, first, events } = fleet(40);
    expect(await first()).toBe(40);
    expect(await look([])).toBe(40);
    expect(events.of('warning').map(({ text }) => text)).toEqual([
      'lab: 40 of 40 VMs are gone at once: that is believed when the next look says it, too',
    ]);
    expect(await look([])).toBe(0);
    expect(await look(vmsOn('h1', 40))).toBe(40);
  });

  it('are doubted again after each look that shows them', async () => {
    const { look, first } = fleet(8);
    await first();
    for (let round = 0; round < 3; round += 1) {
      expect(await look(vmsOn('h1', 3))).toBe(8);
      expect(await look(vmsOn('h1', 8))).toBe(8);
    }
  });

  it('are believed where half of them are left, they were few, or are elsewhere', async () => {
    const { look, first } = fleet(8);
    await first();
    expect(await look(vmsOn('h2', 8))).toBe(8);
    expect(await look(vmsOn('h2', 4))).toBe(4);
    const few = fleet(1);
    await few.first();
    expect(await few.look([])).toBe(0);
  });

  it('are doubted of one host among many, and what else the look says counts', async () => {
    const { look, events } = fleet(0);
    const many = vmsOn('h1', 40);
    const [a, b] = [vmFacts({ id: 'a', host: 'h2' }), vmFacts({ id: 'b', host: 'h2' })];
    await look([...many, a, b]);
    expect(await look([...many.slice(1), vmFacts({ id: 'new', host: 'h1' })])).toBe(42);
    expect(events.of('warning').map(({ text }) => text)).toEqual([
      'lab: h2: 2 of 2 VMs are gone at once: that is believed when the next look says it, too',
    ]);
    expect(await look(many)).toBe(40);
  });

  it('are counted among those that have not moved away', async () => {
    const { look } = fleet(0);
    const many = vmsOn('h1', 40);
    const on = (host: string, ...ids: string[]) => ids.map((id) => vmFacts({ id, host }));
    await look([...many, ...on('h2', 'a', 'b', 'c')]);
    expect(await look([...many, ...on('h1', 'a', 'b')])).toBe(42);
    await look([...many, ...on('h2', 'a', 'b', 'c', 'd')]);
    expect(await look([...many, ...on('h1', 'a', 'b')])).toBe(44);
  });

  it('are as old as the look that showed them', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    const askedAt = async (count: number) => {
      lab.onInventory = async () => anInventory({ hosts, vms: vmsOn('h1', count) });
      await clock.pass(60);
      await collector.poll();
      return collector.snapshot(NO_CONTEXT).askedAt?.get(lab.source);
    };
    const shown = await askedAt(2);
    expect(await askedAt(0)).toBe(shown);
    expect(await askedAt(0)).toBe((shown ?? 0) + 120);
  });

  it('are believed to be as far as both looks say the same', async () => {
    const { look, first } = fleet(6);
    await first();
    expect(await look(vmsOn('h1', 2))).toBe(6);
    expect(await look([])).toBe(2);
    expect(await look([])).toBe(0);
  });

  it('are not gone where they cannot be read any more', async () => {
    const lab = new ScriptedSource('lab');
    const { collector, events } = setUp({ hypervisors: [lab] });
    lab.onInventory = async () => anInventory({ hosts, vms: vmsOn('h1', 2) });
    await collector.poll();
    const unread = hosts.map((host) => ({ ...host, unlistedGuests: ['v0', 'v1'] }));
    lab.onInventory = async () => anInventory({ hosts: unread, vms: [] });
    await collector.poll();
    expect(collector.snapshot(NO_CONTEXT).vms).toEqual([]);
    expect(events.of('warning')).toEqual([]);
  });

  it('keep their host, where it is gone from the list, too', async () => {
    const lab = new ScriptedSource('lab');
    const { collector } = setUp({ hypervisors: [lab] });
    const seen = async (inventory: Parameters<typeof anInventory>[0]) => {
      lab.onInventory = async () => anInventory(inventory);
      await collector.poll();
      return collector.snapshot(NO_CONTEXT).hosts.length;
    };
    expect(await seen({ hosts, vms: vmsOn('h2', 2) })).toBe(2);
    expect(await seen({ hosts: hosts.slice(0, 1), vms: [] })).toBe(2);
    expect(await seen({ hosts: hosts.slice(0, 1), vms: [] })).toBe(1);
  });
});
