// Role: what keeps the power of a suspected host on, each reason by itself.
import { describe, expect, it } from 'vitest';

import type { Host } from '../../../src/domain/host.ts';
import { clusterId } from '../../../src/domain/ids.ts';
import { epochSeconds, ratio } from '../../../src/domain/units.ts';
import { type FencingQuestion, fencingObjection } from '../../../src/execute/fencing-guard.ts';
import { aHost, aPolicy, someHostFailure, someLimits } from '../../support/fleet.ts';
import { aHostFailureRecord } from '../../support/ledger-records.ts';

const RECORD = aHostFailureRecord('h1', { state: 'suspected-dead' });
const POLICY = aPolicy({
  hostFailure: someHostFailure({ fence: 'automatic', restart: 'fenced' }),
  limits: someLimits({ massFailureShare: ratio(0.3) }),
});

/** As many hosts as are asked for in each cluster: h1, h2, … */
function fleet(...sizes: readonly number[]): readonly Host[] {
  const clusters = sizes.flatMap((size, at) => Array<string>(size).fill(`c${at + 1}`));
  return clusters.map((cluster, at) => aHost({ id: `h${at + 1}`, cluster: clusterId(cluster) }));
}
const HOSTS = fleet(10);

function question(options: Partial<FencingQuestion> = {}): FencingQuestion {
  return {
    host: aHost(),
    record: RECORD,
    others: [],
    hosts: HOSTS,
    hasDevice: true,
    canRestart: true,
    isPaused: false,
    atWork: undefined,
    policies: POLICY,
    now: epochSeconds(300),
    ...options,
  };
}

/** Of hosts from h2 on. */
function others(count: number, silentSince: number) {
  const at = { state: 'unreachable', silentSince: epochSeconds(silentSince) } as const;
  return Array.from({ length: count }, (_none, i) => aHostFailureRecord(`h${i + 2}`, at));
}

describe('fencingObjection', () => {
  it('has none where everything says so', () => {
    expect(fencingObjection(question())).toBeUndefined();
  });

  it('leaves a host whose power has come back the time to boot', () => {
    const record = { ...RECORD, poweredOnAt: epochSeconds(300) };
    const at = (now: number) => fencingObjection(question({ record, now: epochSeconds(now) }));
    expect(at(899)).toMatch(/may be booting/);
    expect(at(900)).toBeUndefined();
  });

  it.each<[string, Partial<FencingQuestion>, RegExp]>([
    ['there is no device', { hasDevice: false }, /fencing in drover.yaml/],
    ['nothing could be restarted', { canRestart: false }, /cannot restart VMs/],
    ['the policy does not say so', { policies: aPolicy() }, /hostFailure.fence is never/],
    [
      'the mode asks first',
      { policies: { ...POLICY, mode: { default: 'approve', clusters: {}, approve: [] } } },
      /in mode approve/,
    ],
    [
      'a real host is observed',
      {
        policies: { ...POLICY, mode: { default: 'by-source', clusters: {}, approve: [] } },
        host: aHost({ hypervisor: { kind: 'kvm', version: '1', machineTypes: [] } }),
      },
      /in mode observe/,
    ],
    [
      'nothing of it would be started elsewhere',
      { policies: { ...POLICY, hostFailure: someHostFailure({ fence: 'automatic' }) } },
      /hostFailure.restart is never/,
    ],
    ['somebody is at work on it', { atWork: 'the hook bios' }, /the hook bios may be at work/],
    ['Drover is paused', { isPaused: true }, /paused/],
    ['too many are silent at once', { others: others(3, 400) }, /4 of 10 hosts/],
  ])('keeps it on when %s', (_what, options, reason) => {
    expect(fencingObjection(question(options))).toMatch(reason);
  });

  it('counts only those that fell silent together, and still are', () => {
    expect(fencingObjection(question({ others: others(2, 400) }))).toBeUndefined();
    expect(fencingObjection(question({ others: others(5, 100_000) }))).toBeUndefined();
    const back = others(5, 400).map((one) => ({ ...one, answersSince: epochSeconds(500) }));
    expect(fencingObjection(question({ others: back }))).toBeUndefined();
  });

  it('cuts no cluster’s power because its network is gone, however large the fleet is', () => {
    const hosts = fleet(10, 10, 10, 10);
    expect(fencingObjection(question({ hosts, others: others(9, 400) }))).toMatch(
      /10 of 10 hosts of c1 fell silent at once/,
    );
    // Two of ten may die of one cause, and elsewhere others may have died of another.
    const elsewhere = aHostFailureRecord('h11', { silentSince: epochSeconds(400) });
    const few = [...others(1, 400), elsewhere];
    expect(fencingObjection(question({ hosts, others: few }))).toBeUndefined();
  });
});
