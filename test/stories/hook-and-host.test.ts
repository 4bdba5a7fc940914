// Story: somebody else puts a VM onto a host that is in maintenance, or an alert fires there. A
// hook takes down no host with a guest on it, and brings nobody home to one that is failing.
import { afterEach, describe, expect, it } from 'vitest';

import { clusterId, hostId, vmId } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Fault } from '../../src/simulate/fault.ts';
import { aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { SharedControllers } from '../support/shared-controllers.ts';

const WITHDRAW = `${ORDERED_POLICY}
maintenance: { onDeadline: withdraw, canaryFor: 1m }
`;

let one: SharedControllers | undefined;

afterEach(async () => {
  await one?.close();
  one = undefined;
});

/** `x` is elsewhere; the others are on h1. */
function fleet(): Snapshot {
  const hosts = Array.from({ length: 12 }, (_, index) =>
    aHost({ id: `h${index + 1}`, cluster: clusterId('c1') }),
  );
  const [v1, v2] = ['v1', 'v2'].map((id) => aVm({ id, host: 'h1' }));
  if (v1 === undefined || v2 === undefined) throw new Error('no VMs');
  return aSnapshot({ hosts, vms: [v1, v2, aVm({ id: 'x', host: 'h2' })] });
}

/** ada acts alone, and is to have the hook run on h1, from the first minute on. */
async function begin(policy: string, takes: number, deadlineSeconds: number | null) {
  one = new SharedControllers(fleet(), policy);
  const patch = { takes: seconds(takes), answers: ['done'], attempts: 1 } as const;
  await one.start('ada', undefined, { patch });
  await one.until(60);
  const by = { kind: 'operator', name: 'anna' } as const;
  const wanted = { kind: 'maintenance', host: 'h1', reason: 'firmware', by } as const;
  const { api } = one.daemon('ada');
  const answer = await api.giveOrder({ ...wanted, dedupeKey: '', deadlineSeconds, hook: 'patch' });
  expect(answer.ok).toBe(true);
  return one;
}

function happens(by: SharedControllers, fault: Fault): void {
  for (const datacenter of by.world.datacenters.values()) datacenter.inject(fault);
}

/** Other automation, or a person, puts a VM there. */
function comesToH1(by: SharedControllers): void {
  happens(by, { kind: 'drift', vm: vmId('x'), to: hostId('h1') });
}

function saidWith(by: SharedControllers, text: string): readonly string[] {
  return by.lines.filter((line) => line.includes(text));
}

describe('a hook', () => {
  it('does not begin on a host while its source does not say what runs there', async () => {
    const by = await begin(ORDERED_POLICY, 1200, null);
    await by.until(70);
    const silent = { kind: 'call', call: 'inventory', effect: 'error' } as const;
    happens(by, { ...silent, code: 'unreachable', times: 9 });
    comesToH1(by);
    await by.until(130);
    expect(saidWith(by, 'hook patch runs')).toEqual([]);
    expect(saidWith(by, 'hook patch does not begin on h1: ')).toHaveLength(1);
    // When it answers again x is sent away, and then the hook has its turn.
    await by.until(1500);
    const left = by.lines.findIndex((line) => line.includes('x succeeded h1 -> '));
    const runs = by.lines.findIndex((line) => line.includes('hook patch runs'));
    expect(left).toBeGreaterThanOrEqual(0);
    expect(runs).toBeGreaterThan(left);
  });
});

describe('a deadline that withdraws', () => {
  it('brings nobody onto a host whose hook is at work', async () => {
    const by = await begin(WITHDRAW, 1200, 900);
    await by.until(600);
    comesToH1(by);
    // So that it does not leave at once.
    happens(by, { kind: 'lock', vm: vmId('x'), forSeconds: seconds(3000) });
    await by.until(1400);
    const isDone = by.lines.findIndex((line) => line.includes('hook patch is done'));
    const isHome = by.lines.findIndex((line) => / v\d starts \w+ -> h1$/.test(line));
    expect(isDone).toBeGreaterThanOrEqual(0);
    expect(isHome === -1 || isDone < isHome).toBe(true);
  });
});

describe('an alert that evacuates', () => {
  it('keeps its host out of service also where the hook there is done', async () => {
    const by = await begin(ORDERED_POLICY, 300, null);
    await by.until(400);
    const { api, state } = by.daemon('ada');
    const disk = {
      fingerprint: 'f1',
      name: 'DiskFailing',
      status: 'firing',
      startsAt: new Date(((state?.snapshot.takenAt ?? 0) - 10) * 1000).toISOString(),
      endsAt: '0001-01-01T00:00:00Z',
      labels: { host: 'h1', severity: 'critical' },
      annotations: {},
    } as const;
    await api.alerts([disk]);
    await by.until(2000);
    await api.alerts([disk]);
    await by.until(3000);
    expect(saidWith(by, 'hook patch is done on h1')).toHaveLength(1);
    expect(by.lines.filter((line) => / v\d starts \w+ -> h1$/.test(line))).toEqual([]);
  });
});
