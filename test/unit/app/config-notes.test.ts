// Role: names in drover.yaml that nothing in the fleet has, and hosts that no device can turn off.
import { describe, expect, it, onTestFinished } from 'vitest';

import { strangeNames, unfencedNotes } from '../../../src/app/config-notes.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../../../src/config/daemon.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import { daemonOnVirtualTime } from '../../support/daemon-on-virtual-time.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const device = (host: string): DaemonConfig['fencing'][number] => {
  return { host, agent: 'fence_x', options: {}, password: undefined, timeoutSeconds: 60 };
};
const AT = { address: '127.0.0.1', port: 1 };

/** Of each list one name that there is, and one that is mistyped. */
const CONFIG: DaemonConfig = {
  ...defaultDaemonConfig({}),
  fencing: [device('kvm-01'), device('kvm-O2')],
  probes: ['h2', 'far-away.example'].map((host) => ({ host, ...AT })),
  guestProbes: ['web-01', 'web-O1'].map((vm) => ({ vm, ...AT })),
};

const HOSTS = [aHost({ id: 'h1', name: 'kvm-01' }), aHost({ id: 'h2', name: 'kvm-02' })];
const FLEET = aSnapshot({ hosts: HOSTS, vms: [aVm({ id: 'v1', name: 'web-01', host: 'h1' })] });
const texts = (fleet = FLEET, config = CONFIG): readonly string[] =>
  strangeNames(config, fleet).map(({ text }) => text);

describe('the notes about drover.yaml', () => {
  it('tell names that no host or VM has, by id or name, and which one was meant', () => {
    expect(texts()).toEqual([
      'fencing: no host is called kvm-O2 (is kvm-02 meant?): its device is never used',
      'probes: no host is called far-away.example: its address is never asked',
      'guestProbes: no VM is called web-O1 (is web-01 meant?): its address is never asked',
    ]);
  });

  it('call no name unknown while a source does not answer, or a host of it never has', () => {
    const source = { source: sourceId('lab'), lastAnswerAt: undefined, detail: '' };
    const sources = [{ ...source, state: 'down', consecutiveFailures: 2 } as const];
    expect(texts({ ...FLEET, sources })).toEqual([]);
    const lab = { id: HOSTS[0]?.source ?? '', kind: 'libvirt' };
    const having = (hosts: number): readonly string[] =>
      texts(FLEET, { ...CONFIG, sources: [{ ...lab, options: { hosts: Array(hosts).fill({}) } }] });
    expect([having(2).length, having(3).length]).toEqual([3, 0]);
  });

  it('call no VM unknown that may be on a silent host, or a guest that cannot be read', () => {
    for (const more of [{ connection: 'disconnected' as const }, { unlistedGuests: ['web-O1'] }]) {
      const hosts = HOSTS.map((host) => ({ ...host, ...more }));
      expect(texts({ ...FLEET, hosts }).join()).not.toMatch(/guestProbes/);
      expect(texts({ ...FLEET, hosts })).toHaveLength(2);
    }
  });

  it('tell hosts without a device where the policy cuts the power of dead ones', () => {
    const covers = ({ name }: { readonly name: string }): boolean => name === 'kvm-01';
    expect(unfencedNotes({ fence: 'never' }, HOSTS, undefined)).toEqual([]);
    expect(unfencedNotes({ fence: 'automatic' }, HOSTS, { covers: () => true })).toEqual([]);
    const none = /^hostFailure.fence is automatic, but .* no device for kvm-01, kvm-02: /;
    const [all = ''] = unfencedNotes({ fence: 'automatic' }, HOSTS, undefined);
    expect(all).toMatch(none);
    const [other = ''] = unfencedNotes({ fence: 'automatic' }, HOSTS, { covers });
    expect(other).toMatch(/ no device for kvm-02: /);
  });

  it('are warnings of the daemon, told once, and in its status', async () => {
    const { fencing, probes } = CONFIG;
    const told: string[] = [];
    const bench = await daemonOnVirtualTime('66-host-dead-and-fenced', {
      config: { fencing, probes },
      hear: (events) => events.on('warning', ({ text }) => told.push(text)),
    });
    onTestFinished(() => bench.stop());
    await bench.pass(120);
    const about = (notes: readonly string[]) =>
      notes.filter((text) => /^(?:fencing|probes|hostFailure)/.test(text));
    const expected = [
      /^fencing: no host is called kvm-01/,
      /^fencing: no host is called kvm-O2/,
      /^probes: no host is called far-away/,
      /^hostFailure.fence is automatic/,
    ].map((text) => expect.stringMatching(text));
    expect(about(told)).toEqual(expected);
    expect(about(bench.daemon.api.status().notes)).toEqual(expected);
  });
});
