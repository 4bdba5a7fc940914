// Role: what is not believed at once: a fault that is only not told of any more, and VMs that are
// gone all together.
import { describe, expect, it } from 'vitest';

import type { HealthComponent, HealthLevel } from '../../../src/domain/host.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { factsOf, hostWorlds } from '../../../src/rules/host-facts.ts';
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
      return found.kind === 'known' ? found.value : found.reason;
    };
    return [fact('worst'), fact('disk')];
  };
  return { clock, look };
}

describe('a sensor that fell silent', () => {
  it('leaves unknown what it complained of, until it speaks again', async () => {
    const { look } = sensors();
    expect(await look({ 'disk/smart': 'critical', fan: 'ok' })).toEqual(['critical', 'critical']);
    expect(await look({ 'disk/raid': 'ok', fan: 'ok' })).toEqual(['stale', 'stale']);
    expect(await look({ fan: 'critical' })).toEqual(['critical', 'stale']);
    expect(await look({ 'disk/smart': 'ok', fan: 'ok' })).toEqual(['ok', 'ok']);
    expect(await look({ fan: 'ok' })).toEqual(['ok', 'never-seen']);
  });

  it('is silent also where its whole source is, and is forgotten after a day', async () => {
    const { clock, look } = sensors();
    await look({ 'disk/smart': 'warning' });
    await look('down');
    await clock.pass(SETTINGS.maxAgeSeconds);
    expect(await look('down')).toEqual(['stale', 'stale']);
    await clock.pass(86_400);
    expect(await look({ fan: 'ok' })).toEqual(['ok', 'never-seen']);
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
    const few = fleet(3);
    await few.first();
    expect(await few.look([])).toBe(0);
  });
});
