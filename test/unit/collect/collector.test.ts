import { describe, expect, it } from 'vitest';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import {
  anInventory,
  aReading,
  clockAtStart,
  hostFacts,
  hostSample,
  never,
  NO_CONTEXT,
  ScriptedSource,
  SETTINGS,
  settle,
  setUp,
  START,
  steady,
  vmFacts,
  vmSample,
} from './support.ts';

describe('a poll', () => {
  it('gives hosts and VMs with their windows, sorted by id', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    lab.onInventory = async () =>
      anInventory({
        hosts: [hostFacts({ id: 'h2' }), hostFacts({ id: 'h1' })],
        vms: [vmFacts({ id: 'v2', host: 'h2' }), vmFacts({ id: 'v1', host: 'h1', vcpus: 4 })],
      });
    let used = 2;
    lab.onRead = async () =>
      aReading([
        hostSample('h1', 'cpu.used', used, clock.now()),
        vmSample('v1', 'cpu.used', used / 2, clock.now()),
      ]);
    for (used of [2, 4, 6]) {
      await collector.poll();
      await clock.pass(60);
    }
    const snapshot = collector.snapshot(NO_CONTEXT);
    expect(snapshot.hosts.map((host) => host.id)).toEqual(['h1', 'h2']);
    expect(snapshot.vms.map((vm) => vm.id)).toEqual(['v1', 'v2']);
    expect(snapshot.hosts[0]?.metrics).toEqual({
      'cpu.used': {
        last: { kind: 'known', value: 6, ageSeconds: 60 },
        mean: { kind: 'known', value: 4, ageSeconds: 60 },
        p95: { kind: 'known', value: 6, ageSeconds: 60 },
        slope: { kind: 'known', value: 120, ageSeconds: 60 },
      },
    });
    expect(snapshot.vms[0]?.metrics['cpu.used']?.mean).toMatchObject({ value: 2 });
    expect(snapshot.hosts[1]?.metrics).toEqual({});
    expect(snapshot.vms[0]).toMatchObject({ criticality: 'standard', permission: 'live' });
  });

  it('tells when what it knows was asked for; a failed poll makes that no newer', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    const asked = (): number | undefined =>
      collector.snapshot(NO_CONTEXT).askedAt?.get(sourceId('lab'));
    expect(asked()).toBeUndefined();
    lab.onInventory = async () => {
      await clock.sleep(seconds(3));
      return anInventory();
    };
    const first = clock.monotonic();
    const poll = collector.poll();
    await clock.pass(3);
    await poll;
    expect(asked()).toBe(first);
    lab.onInventory = () => Promise.reject(new AdapterError('unreachable', sourceId('lab'), 'no'));
    await clock.pass(60);
    await collector.poll();
    expect(asked()).toBe(first);
  });

  it('fills in states, alerts and what the ledger knows', async () => {
    const lab = new ScriptedSource('lab');
    const { collector } = setUp({ hypervisors: [lab] });
    await collector.poll();
    const alert = { name: 'Hot', labels: {}, since: epochSeconds(START) };
    const snapshot = collector.snapshot({
      ...NO_CONTEXT,
      hostStates: new Map([[hostId('h1'), 'draining']]),
      alerts: new Map([[hostId('h1'), [alert]]]),
      lastMovedAt: new Map([[vmId('v1'), epochSeconds(START - 5)]]),
    });
    expect(snapshot.hosts[0]).toMatchObject({ state: 'draining', alerts: [alert] });
    expect(snapshot.lastMovedAt).toEqual({ v1: START - 5 });
    expect(snapshot.takenAt).toBe(START);
  });

  it('says too-few-samples until the window holds enough', async () => {
    const clock = clockAtStart();
    const { collector } = setUp({ clock, hypervisors: [steady(clock)] });
    await collector.poll();
    const first = collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used'];
    expect(first?.last).toMatchObject({ kind: 'known', value: 4 });
    expect(first?.p95).toEqual({ kind: 'missing', reason: 'too-few-samples' });
    expect(first?.slope).toEqual({ kind: 'missing', reason: 'too-few-samples' });
  });

  it('does not wait for a hung source, and does not ask it twice', async () => {
    const hung = new ScriptedSource('a-hung');
    hung.onInventory = () => never();
    hung.onRead = () => never();
    const clock = clockAtStart();
    const good = steady(clock, 'good');
    const { collector } = setUp({ clock, hypervisors: [hung, good] });
    const poll = collector.poll();
    await settle();
    // The good source counts although the poll as a whole still waits.
    expect(collector.snapshot(NO_CONTEXT).hosts.map((host) => host.id)).toEqual(['h1']);
    await clock.pass(SETTINGS.timeoutSeconds);
    await poll;
    expect(clock.sleeping).toBe(0);
    await clock.pass(3600);
    await collector.poll();
    expect(hung.inventoryCalls).toBe(1);
    expect(hung.readCalls).toBe(1);
    expect(good.readCalls).toBe(2);
    expect(collector.statuses()[0]).toMatchObject({ source: 'a-hung', state: 'down' });
    expect(collector.statuses()[0]?.detail).toContain('still hangs');
    expect(collector.snapshot(NO_CONTEXT).hosts.map((host) => host.id)).toEqual(['h1']);
  });

  it('survives a source that throws before it awaits', async () => {
    const lab = new ScriptedSource('lab');
    lab.onRead = () => {
      throw new TypeError('boom');
    };
    const { collector } = setUp({ hypervisors: [lab] });
    await collector.poll();
    expect(collector.statuses()[0]).toMatchObject({ state: 'down', detail: 'boom' });
    expect(collector.snapshot(NO_CONTEXT).hosts).toHaveLength(1);
  });

  it('stops at once when told to, which is no failure of the sources', async () => {
    const lab = new ScriptedSource('lab');
    lab.onInventory = () => never();
    const { collector } = setUp({ hypervisors: [lab] });
    const stop = new AbortController();
    const poll = collector.poll(stop.signal);
    await settle();
    stop.abort();
    await poll;
    expect(collector.statuses()[0]?.consecutiveFailures).toBe(0);
  });
});

describe('a source that fails', () => {
  it('is waited for longer after each failure', async () => {
    const lab = new ScriptedSource('lab');
    const down = async () => {
      throw new AdapterError('unreachable', sourceId('lab'), 'refused');
    };
    lab.onInventory = down;
    lab.onRead = down;
    const settings = { backoffSeconds: seconds(10), maxBackoffSeconds: seconds(40) };
    const { clock, collector } = setUp({ hypervisors: [lab], settings });
    const asked: number[] = [];
    for (let second = 0; second < 200; second += 5) {
      const before = lab.readCalls;
      await collector.poll();
      if (lab.readCalls > before) asked.push(second);
      await clock.pass(5);
    }
    expect(asked).toEqual([0, 10, 30, 70, 110, 150, 190]);
  });

  it('is not asked again soon when asking cannot help', async () => {
    const lab = new ScriptedSource('lab');
    lab.onInventory = async () => {
      throw new AdapterError('auth', sourceId('lab'), 'wrong password');
    };
    const { clock, collector } = setUp({ hypervisors: [lab] });
    await collector.poll();
    await clock.pass(SETTINGS.maxBackoffSeconds - 1);
    await collector.poll();
    expect(lab.inventoryCalls).toBe(1);
    await clock.pass(1);
    await collector.poll();
    expect(lab.inventoryCalls).toBe(2);
  });

  it('is late, then down; its hosts stay, disconnected, their metrics missing', async () => {
    const clock = clockAtStart();
    const lab = steady(clock);
    const { collector, events } = setUp({ clock, hypervisors: [lab] });
    await collector.poll();
    const fail = async () => {
      throw new AdapterError('unreachable', sourceId('lab'), 'refused');
    };
    lab.onInventory = fail;
    lab.onRead = fail;
    await clock.pass(60);
    await collector.poll();
    const late = collector.snapshot(NO_CONTEXT);
    expect(late.sources[0]).toMatchObject({ state: 'late', lastAnswerAt: START });
    expect(late.hosts[0]).toMatchObject({ connection: 'connected' });
    expect(late.hosts[0]?.metrics['cpu.used']?.last).toMatchObject({ value: 4, ageSeconds: 60 });

    await clock.pass(SETTINGS.maxAgeSeconds);
    await collector.poll();
    const down = collector.snapshot(NO_CONTEXT);
    expect(down.sources[0]).toMatchObject({ state: 'down', detail: 'refused' });
    expect(down.hosts[0]).toMatchObject({ id: 'h1', connection: 'disconnected' });
    expect(down.hosts[0]?.metrics['cpu.used']?.last).toEqual({
      kind: 'missing',
      reason: 'source-down',
    });
    // A metric that it never reported is missing for the same reason.
    expect(down.hosts[0]?.metrics['memory.used']?.last).toEqual({
      kind: 'missing',
      reason: 'source-down',
    });
    expect(events.of('source').map((status) => status.state)).toEqual(['up', 'late', 'down']);
  });

  it('is down without another poll, just by silence', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    await collector.poll();
    await clock.pass(SETTINGS.maxAgeSeconds + 1);
    const snapshot = collector.snapshot(NO_CONTEXT);
    expect(snapshot.sources[0]?.state).toBe('down');
    expect(snapshot.hosts[0]?.connection).toBe('disconnected');
  });

  it('falls back to another source that reports the same metric', async () => {
    const clock = clockAtStart();
    const lab = steady(clock);
    const store = new ScriptedSource('prometheus');
    store.onRead = async () => aReading([hostSample('h1', 'cpu.used', 5, clock.now())]);
    const { collector } = setUp({ clock, hypervisors: [lab], metricSources: [store] });
    await collector.poll();
    const used = () => collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last;
    expect(used()).toMatchObject({ value: 4 });
    lab.onRead = () => never();
    for (let round = 0; round < 4; round += 1) {
      await clock.pass(60);
      const poll = collector.poll();
      await settle();
      await clock.pass(SETTINGS.timeoutSeconds);
      await poll;
    }
    expect(used()).toMatchObject({ value: 5 });
  });
});
