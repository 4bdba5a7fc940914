// Role: judges the contract suite itself: a power that an adapter declares is tested, one that it
// does not declare skips exactly the cases that need it.
import { describe, expect, it } from 'vitest';

import { seconds } from '../../src/domain/units.ts';
import type { HypervisorCapabilities } from '../../src/ports/hypervisor.ts';
import { allCases } from './hypervisor-contract.ts';
import type { WorldFeatures } from './contract-world.ts';

const FULL: HypervisorCapabilities = {
  methods: ['pre-copy', 'post-copy', 'cold', 'storage', 'restart'],
  abort: true,
  progress: true,
  autoConverge: 'any-time',
  downtimeLimit: true,
  bandwidthLimit: true,
  postCopyRecovery: true,
  precheck: true,
  maintenanceMode: true,
  answersFromCache: false,
};
const ABLE: WorldFeatures = {
  misfit: true,
  busyGuests: true,
  moveByHand: true,
  cutControl: true,
  cutMigrationLink: true,
  killHost: true,
  breakMoves: true,
  ownDisk: true,
};

function skipped(capabilities: HypervisorCapabilities, features: WorldFeatures): string[] {
  const names: string[] = [];
  allCases(
    (name, needs) => {
      if (needs.includes(false)) names.push(name);
    },
    {
      name: 'paper',
      capabilities,
      features,
      timeouts: { pollSeconds: seconds(1), moveSeconds: seconds(1), caseMilliseconds: 1 },
      make: () => Promise.reject(new Error('a subject on paper has no world')),
    },
  );
  return names;
}

describe('the contract suite', () => {
  it('skips nothing for an adapter and a world that can do everything', () => {
    expect(skipped(FULL, ABLE)).toEqual([]);
  });

  const powers = ['abort', 'progress', 'downtimeLimit', 'bandwidthLimit'] as const;
  it.each([...powers, 'precheck', 'maintenanceMode'] as const)('tests the power %s', (power) => {
    expect(skipped({ ...FULL, [power]: false }, ABLE)).not.toEqual([]);
  });

  it('tests auto-converge, from when on it may be', () => {
    expect(skipped({ ...FULL, autoConverge: 'at-start' }, ABLE)).toEqual([]);
    expect(skipped({ ...FULL, autoConverge: 'no' }, ABLE)).not.toEqual([]);
  });

  it.each(FULL.methods)('tests the method %s', (method) => {
    const methods = FULL.methods.filter((one) => one !== method);
    expect(skipped({ ...FULL, methods }, ABLE)).not.toEqual([]);
  });

  it('names each case once', () => {
    const names: string[] = [];
    const declare = (name: string): void => void names.push(name);
    const timeouts = { pollSeconds: seconds(1), moveSeconds: seconds(1), caseMilliseconds: 1 };
    const make = (): Promise<never> => Promise.reject(new Error('no world'));
    allCases(declare, { name: 'paper', capabilities: FULL, features: ABLE, timeouts, make });
    expect(new Set(names).size).toBe(names.length);
  });
});
