// What a host used is judged for the guests that it has now: after a change of guests, with guests
// that come and go at every poll, and where little is known of them.
import { beforeEach, describe, expect, it } from 'vitest';

import type { Collector } from '../../../src/collect/collector.ts';
import type { MetricWindow } from '../../../src/domain/measured.ts';
import type { HostMetric } from '../../../src/domain/metrics.ts';
import type { Sample } from '../../../src/domain/measured.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import {
  anInventory,
  aReading,
  hostFacts,
  hostSample,
  NO_CONTEXT,
  ScriptedSource,
  setUp,
  vmFacts,
  vmSample,
} from './support.ts';

/** What the host's own system takes, in threads. */
const SYSTEM = 1;

let lab: ScriptedSource;
let clock: ManualClock;
let collector: Collector;
/** Busy threads per guest: what each measures, and its host with it. */
let guests: Record<string, { host: string; used: number; silent?: true }>;
/** What the newest reading of a host still holds of guests that have left in the meantime. */
let leftover: Record<string, number>;
let extra: (at: number) => Sample[];

beforeEach(() => {
  lab = new ScriptedSource('lab');
  ({ clock, collector } = setUp({ hypervisors: [lab] }));
  guests = {};
  leftover = {};
  extra = () => [];
  lab.onInventory = async () =>
    anInventory({
      hosts: ['h1', 'h2'].map((id) => hostFacts({ id })),
      vms: Object.entries(guests).map(([id, { host }]) => vmFacts({ id, host, vcpus: 8 })),
    });
  lab.onRead = async () => {
    const at = clock.now();
    const all = Object.entries(guests);
    const busy = (host: string): number =>
      all.reduce(
        (sum, [, one]) => sum + (one.host === host ? one.used : 0),
        SYSTEM + (leftover[host] ?? 0),
      );
    return aReading([
      ...['h1', 'h2'].map((host) => hostSample(host, 'cpu.used', busy(host), at)),
      ...all
        .filter(([, one]) => one.silent === undefined)
        .map(([id, { used }]) => vmSample(id, 'cpu.used', used, at)),
      ...extra(at),
    ]);
  };
});

async function polls(count: number): Promise<void> {
  for (let poll = 0; poll < count; poll += 1) {
    await clock.pass(60);
    await collector.poll();
  }
}

function windowOf(host: string, metric: HostMetric = 'cpu.used'): MetricWindow | undefined {
  const { hosts } = collector.snapshot(NO_CONTEXT);
  return hosts.find(({ id }) => id === host)?.metrics[metric];
}

function meanOf(host: string): number | undefined {
  const mean = windowOf(host)?.mean;
  return mean?.kind === 'known' ? mean.value : undefined;
}

describe('a guest that moves', () => {
  beforeEach(async () => {
    guests = { v1: { host: 'h1', used: 8 }, v2: { host: 'h1', used: 4 } };
    await polls(6);
  });

  it('takes its use along at once', async () => {
    guests['v1'] = { host: 'h2', used: 8 };
    await polls(1);
    expect(meanOf('h1')).toBeCloseTo(5, 9);
    expect(meanOf('h2')).toBeCloseTo(9, 9);
    await polls(20);
    expect(meanOf('h1')).toBeCloseTo(5, 9);
    expect(meanOf('h2')).toBeCloseTo(9, 9);
  });

  it('counts with the mean of its window, not with its newest reading', async () => {
    guests['v1'] = { host: 'h2', used: 2 };
    await polls(1);
    // Six samples of 8 and one of 2: 5.5 minutes of 6 at 8, the rest on the way down.
    expect(meanOf('h2')).toBeCloseTo(1 + (5 * 8 + 5) / 6, 9);
  });

  it('is not held against its host by a reading that covers its departure', async () => {
    guests['v1'] = { host: 'h2', used: 8 };
    leftover = { h1: 5, h2: -5 };
    await polls(1);
    expect(meanOf('h1')).toBeCloseTo(5, 9);
    expect(windowOf('h1')?.last).toMatchObject({ value: 5 });
    // The arrival hides what the host itself uses, for this one reading.
    expect(meanOf('h2')).toBeCloseTo(8, 9);
    // A reading of after it is believed again.
    leftover = { h1: 2 };
    await polls(1);
    expect(meanOf('h1')).toBeCloseTo(7, 9);
  });

  it('is gone also where it was switched off or vanished', async () => {
    delete guests['v1'];
    await polls(1);
    expect(meanOf('h1')).toBeCloseTo(5, 9);
  });
});

it('changes of guests at every poll do not make a host blind', async () => {
  guests = { v1: { host: 'h1', used: 8 } };
  await polls(6);
  for (let round = 0; round < 20; round += 1) {
    guests = { v1: { host: 'h1', used: 8 }, [`job${round}`]: { host: 'h1', used: 2 } };
    await polls(1);
    expect(meanOf('h1')).toBeCloseTo(11, 9);
    expect(windowOf('h1')?.p95.kind).toBe('known');
  }
});

it('what runs beside the guests, or is measured by nobody, counts with the newest', async () => {
  guests = { v1: { host: 'h1', used: 4 }, dark: { host: 'h1', used: 3, silent: true } };
  await polls(6);
  guests['v2'] = { host: 'h1', used: 2 };
  await polls(1);
  expect(meanOf('h1')).toBeCloseTo(SYSTEM + 4 + 3 + 2, 9);
});

it('no host is put together to more than its threads', async () => {
  for (const id of ['v1', 'v2']) guests[id] = { host: 'h1', used: 7 };
  guests['v3'] = { host: 'h2', used: 7 };
  await polls(6);
  guests['v3'] = { host: 'h1', used: 0 };
  await polls(1);
  expect(meanOf('h1')).toBe(16);
});

it('other statistics begin anew, and look at the newest few at least', async () => {
  guests = { v1: { host: 'h1', used: 8 } };
  let value = 0.9;
  extra = (at) => [
    hostSample('h1', 'psi.cpu.some', value, at),
    hostSample('h1', 'temperature', 100 * value, at),
  ];
  await polls(6);
  value = 0.1;
  guests['v1'] = { host: 'h2', used: 8 };
  await polls(1);
  const kinds = (metric: HostMetric) =>
    Object.values(windowOf('h1', metric) ?? {}).map(({ kind }) => kind);
  // The step between the two is no slope.
  expect(kinds('psi.cpu.some')).toEqual(['known', 'known', 'known', 'missing']);
  expect(kinds('temperature')).toEqual(['known', 'known', 'known', 'known']);
  await polls(3);
  expect(windowOf('h1', 'psi.cpu.some')).toMatchObject({
    mean: { value: 0.1 },
    p95: { value: 0.1 },
    slope: { value: 0 },
  });
  expect(windowOf('h1', 'temperature')?.p95).toMatchObject({ value: 90 });
});

it('without a change the host is judged by what it measured itself', async () => {
  guests = { dark: { host: 'h1', used: 8, silent: true } };
  await polls(3);
  guests['dark'] = { host: 'h1', used: 2, silent: true };
  await polls(1);
  expect(meanOf('h1')).toBeCloseTo((9 + 9 + (9 + 3) / 2) / 3, 9);
});
