// Role: a script that is made, not drawn: ten minutes in which two controllers have one of
// everything to do, so that a sweep meets each kind of call within a short run.
import { hostId, vmId } from '../../src/domain/ids.ts';
import { bytesPerSecond } from '../../src/domain/units.ts';
import { CPU_GENERATIONS } from '../../src/simulate/cpu-catalogue.ts';
import { simHost, simVm } from '../support/datacenter.ts';
import type { Script } from './script.ts';

const [CPU] = CPU_GENERATIONS.intel;
const HOSTS = ['h1', 'h2', 'h3', 'h4'];
/** 1 Gbit/s: a move takes half a minute. */
const LINK = { migrationBandwidth: bytesPerSecond(1.25e8) };

export function busyScript(): Script {
  const hosts = HOSTS.map((name) => simHost(name, CPU, LINK));
  const vms = HOSTS.flatMap((host) =>
    ['mission-critical', 'best-effort'].map((criticality, index) =>
      simVm(`${host}-vm${index + 1}`, host, CPU, { facts: { labels: { criticality } } }),
    ),
  );
  const [h1, h2, h3, h4] = [hostId('h1'), hostId('h2'), hostId('h3'), hostId('h4')];
  return {
    seed: 0,
    fleet: { seed: 1, hosts, vms, groups: [], storageLocks: true },
    controllers: 2,
    rules: {
      total: 3,
      perHostIn: 2,
      perHostOut: 2,
      cooldownSeconds: 30,
      apart: [vmId('h3-vm2'), vmId('h4-vm2')],
      pinned: [],
      pinnedTo: [],
      restart: true,
      own: [],
      ownWithoutStandby: 'leave',
    },
    steps: [
      { at: 71, kind: 'maintenance', host: h1 },
      { at: 130, kind: 'return', host: h1 },
      { at: 190, kind: 'evacuate', host: h2 },
      { at: 215, kind: 'cancel', name: h2 },
      { at: 228, kind: 'return', host: h2 },
      {
        at: 240,
        kind: 'fault',
        fault: { kind: 'host-crash', host: h3, hangs: true, forSeconds: 420 },
      },
    ],
    calmAt: 600,
    last: h4,
  };
}
