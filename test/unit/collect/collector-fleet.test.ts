import { describe, expect, it } from 'vitest';
import { hostId, sourceId } from '../../../src/domain/ids.ts';
import {
  anInventory,
  aReading,
  clockAtStart,
  hostFacts,
  hostSample,
  NO_CONTEXT,
  ScriptedSource,
  SETTINGS,
  setUp,
  steady,
  vmFacts,
  vmSample,
} from './support.ts';

describe('several sources', () => {
  it('a metric store knows hosts by name; an ambiguous name is nobody', async () => {
    const lab = new ScriptedSource('lab');
    lab.onInventory = async () =>
      anInventory({
        hosts: [
          hostFacts({ id: 'uuid-1', name: 'alpha' }),
          hostFacts({ id: 'uuid-2', name: 'twin' }),
          hostFacts({ id: 'uuid-3', name: 'twin' }),
        ],
      });
    const store = new ScriptedSource('prometheus');
    const { clock, collector } = setUp({ hypervisors: [lab], metricSources: [store] });
    store.onRead = async () =>
      aReading(
        [
          hostSample('alpha', 'cpu.used', 3, clock.now()),
          hostSample('twin', 'cpu.used', 3, clock.now()),
        ],
        {
          health: [
            {
              host: hostId('alpha'),
              signals: [
                {
                  component: 'memory',
                  level: 'critical',
                  detail: '4 uncorrectable errors',
                  at: clock.now(),
                  source: sourceId('prometheus'),
                },
              ],
            },
          ],
        },
      );
    await collector.poll();
    const [alpha, twin] = collector.snapshot(NO_CONTEXT).hosts;
    expect(alpha?.metrics['cpu.used']?.last).toMatchObject({ value: 3 });
    expect(alpha?.health).toMatchObject([{ component: 'memory', level: 'critical' }]);
    expect(twin?.metrics).toEqual({});
    await clock.pass(SETTINGS.maxAgeSeconds + 1);
    expect(collector.snapshot(NO_CONTEXT).hosts[0]?.health).toEqual([]);
  });

  it('reports a VM that two sources claim, once, and lets nothing move it', async () => {
    const one = new ScriptedSource('one');
    const two = new ScriptedSource('two');
    one.onInventory = async () =>
      anInventory({ vms: [vmFacts({ id: 'v1', source: sourceId('one') })] });
    two.onInventory = async () =>
      anInventory({
        hosts: [hostFacts({ id: 'h2' })],
        vms: [vmFacts({ id: 'v1', host: 'h2', source: sourceId('two') })],
      });
    const { collector, events } = setUp({ hypervisors: [one, two] });
    await collector.poll();
    await collector.poll();
    const { vms } = collector.snapshot(NO_CONTEXT);
    expect(vms).toHaveLength(1);
    expect(vms[0]).toMatchObject({ source: 'one', host: 'h1' });
    expect(vms[0]?.managedBy).toContain('two');
    const warnings = events.of('warning');
    expect(warnings.map((warning) => warning.key)).toEqual(['duplicate-vm:v1']);
  });

  it('believes the source that answers before one that is down, of hosts and of VMs', async () => {
    const [one, two] = [new ScriptedSource('one'), new ScriptedSource('two')];
    const of = (source: string, hosts: readonly string[], vms: readonly string[]) =>
      anInventory({
        hosts: hosts.map((id) => hostFacts({ id, source: sourceId(source) })),
        vms: vms.map((host) => vmFacts({ id: 'v1', host, source: sourceId(source) })),
      });
    const { clock, collector } = setUp({ hypervisors: [one, two] });
    one.onInventory = async () => of('one', ['h1', 'both'], ['h1']);
    two.onInventory = async () => of('two', ['h2', 'both'], []);
    await collector.poll();
    one.onInventory = () => Promise.reject(new Error('down'));
    two.onInventory = async () => of('two', ['h2', 'both'], ['h2']);
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.pass(60);
      await collector.poll();
    }
    const { hosts, vms } = collector.snapshot(NO_CONTEXT);
    expect(hosts).toMatchObject([
      { id: 'both', source: 'two', connection: 'connected' },
      { id: 'h1', source: 'one', connection: 'disconnected' },
      { id: 'h2', source: 'two', connection: 'connected' },
    ]);
    expect(vms).toMatchObject([{ id: 'v1', host: 'h2', source: 'two' }]);
    expect(vms[0]?.managedBy).toContain('one');
    expect(hosts[1]).not.toHaveProperty('unlistedGuests');
  });

  it('locks a VM that one source shows twice, and leaves out one on an unknown host', async () => {
    const lab = new ScriptedSource('lab');
    lab.onInventory = async () =>
      anInventory({
        hosts: [hostFacts({ id: 'h1' }), hostFacts({ id: 'h2' })],
        vms: [
          vmFacts({ id: 'v1', host: 'h1' }),
          vmFacts({ id: 'v1', host: 'h2' }),
          vmFacts({ id: 'v2', host: 'nowhere' }),
        ],
      });
    const { collector, events } = setUp({ hypervisors: [lab] });
    await collector.poll();
    const { hosts, vms } = collector.snapshot(NO_CONTEXT);
    expect(vms).toMatchObject([{ id: 'v1', host: 'h1', locked: true }]);
    expect(hosts.map(({ unlistedGuests }) => unlistedGuests)).toEqual([undefined, ['v1']]);
    expect(events.of('warning').map((warning) => warning.key)).toEqual([
      'duplicate-vm:v1',
      'host-unknown:v2',
    ]);
  });

  it('says a problem of a source once', async () => {
    const lab = new ScriptedSource('lab');
    lab.onRead = async () => aReading([], { problems: ['h3: connection refused'] });
    const { collector, events } = setUp({ hypervisors: [lab] });
    await collector.poll();
    await collector.poll();
    expect(events.of('warning').map((warning) => warning.text)).toEqual([
      'lab: h3: connection refused',
    ]);
  });
});

describe('memory', () => {
  it('keeps the history of what is gone for one window, then forgets it', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    const full = anInventory({ vms: [vmFacts({ id: 'v1' })] });
    lab.onInventory = async () => full;
    lab.onRead = async () => aReading([vmSample('v1', 'cpu.used', 1, clock.now())]);
    await collector.poll();
    expect(collector.size.series).toBe(1);

    lab.onInventory = async () => anInventory();
    lab.onRead = async () => aReading();
    await clock.pass(60);
    await collector.poll();
    expect(collector.snapshot(NO_CONTEXT).vms).toEqual([]);
    expect(collector.size.series).toBe(1);
    await clock.pass(SETTINGS.windowSeconds);
    await collector.poll();
    expect(collector.size.series).toBe(0);
  });

  it('does not grow with time', async () => {
    const clock = clockAtStart();
    const lab = steady(clock);
    const { collector } = setUp({ clock, hypervisors: [lab] });
    await collector.poll();
    const before = collector.size;
    for (let round = 0; round < 100; round += 1) {
      await clock.pass(60);
      await collector.poll();
    }
    expect(collector.size).toEqual(before);
    const window = collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used'];
    expect(window?.slope).toMatchObject({ value: 0 });
  });
});
