// Role: what keeps the power of a suspected host on, each reason by itself.
import { describe, expect, it } from 'vitest';

import { epochSeconds, ratio } from '../../../src/domain/units.ts';
import { type FencingQuestion, fencingObjection } from '../../../src/execute/fencing-guard.ts';
import { aHost, aPolicy, someHostFailure, someLimits } from '../../support/fleet.ts';
import { aHostFailureRecord } from '../../support/ledger-records.ts';

const RECORD = aHostFailureRecord('h1', { state: 'suspected-dead' });
const POLICY = aPolicy({
  hostFailure: someHostFailure({ fence: 'automatic', restart: 'fenced' }),
  limits: someLimits({ massFailureShare: ratio(0.3) }),
});

function question(options: Partial<FencingQuestion> = {}): FencingQuestion {
  return {
    host: aHost(),
    record: RECORD,
    records: [RECORD],
    hosts: 10,
    hasDevice: true,
    canRestart: true,
    isPaused: false,
    atWork: undefined,
    policies: POLICY,
    ...options,
  };
}

function others(count: number, silentSince: number) {
  const at = { state: 'unreachable', silentSince: epochSeconds(silentSince) } as const;
  const more = Array.from({ length: count }, (_none, i) => aHostFailureRecord(`o${i}`, at));
  return [RECORD, ...more];
}

describe('fencingObjection', () => {
  it('has none where everything says so', () => {
    expect(fencingObjection(question())).toBeUndefined();
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
    ['too many are silent at once', { records: others(3, 400) }, /4 of 10 hosts/],
  ])('keeps it on when %s', (_what, options, reason) => {
    expect(fencingObjection(question(options))).toMatch(reason);
  });

  it('counts only those that fell silent together, and still are', () => {
    expect(fencingObjection(question({ records: others(2, 400) }))).toBeUndefined();
    expect(fencingObjection(question({ records: others(5, 100_000) }))).toBeUndefined();
    const back = others(5, 400).map((one) => ({ ...one, answersSince: epochSeconds(500) }));
    expect(fencingObjection(question({ records: back }))).toBeUndefined();
  });
});
