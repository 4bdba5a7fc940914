// Role: what is tried instead of a live move that got nowhere, and where nothing may be.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import type { LadderStep, PolicySet } from '../../../src/domain/policy.ts';
import type { Permission } from '../../../src/domain/vm.ts';
import { aPolicy, aVm, someMigration } from '../../support/fleet.ts';
import { seconds } from '../../../src/domain/units.ts';
import { type Bench, carryOut, makeBench, move, wrongs } from '../../support/execution-bench.ts';

function policies(options: Partial<PolicySet> = {}): PolicySet {
  const steps: readonly LadderStep[] = ['pre-copy', 'cold'];
  const ladder = { 'mission-critical': steps, business: steps, standard: steps };
  const migration = someMigration({ ladder: { ...ladder, 'best-effort': steps } });
  return aPolicy({ migration, ...options });
}

/** How a move ends that never converges, and what came after it. */
async function ends(permission: Permission, settings: PolicySet, prepare?: (bench: Bench) => void) {
  const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
  bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission })] };
  bench.policies = settings;
  prepare?.(bench);
  const outcomes = await carryOut(bench, [move('1', 'h1', 'h2')]);
  await bench.clock.pass(10);
  if (bench.hypervisor.started.includes('m1-cold')) bench.hypervisor.finish('v1');
  for (let round = 0; round < 10; round += 1) await bench.clock.pass(10);
  const second = await bench.ledger.move(moveId('m1-cold'));
  return { bench, outcomes, second };
}

describe('a live move that cannot converge', () => {
  it('is followed by a cold one, with its reason and its record', async () => {
    const { bench, outcomes, second } = await ends('cold', policies());
    expect(outcomes).toEqual({ m1: 'failed' });
    expect(second?.move).toMatchObject({ method: 'cold', from: 'h1', to: 'h2' });
    expect(second?.move.reason.text).toContain('it does not converge');
    expect(bench.hypervisor.started).toEqual(['m1', 'm1-cold']);
    const detail = (await bench.ledger.move(moveId('m1')))?.result?.detail;
    expect(detail).toContain('it is moved cold instead');
    if (second === undefined) throw new Error('no second move');
    expect(await wrongs(bench, [second.move])).toEqual([]);
  });

  it('is not where the VM may only be moved live', async () => {
    const { second } = await ends('live', policies());
    expect(second).toBeUndefined();
  });

  it('is not where the policy does not plan cold moves', async () => {
    const { ladder } = policies().migration;
    const migration = someMigration({ ladder, methods: ['pre-copy'] });
    expect((await ends('cold', policies({ migration }))).second).toBeUndefined();
  });

  it('is not where only the live move was approved', async () => {
    const mode = { default: 'approve', clusters: {}, approve: ['optional'] } as const;
    expect((await ends('cold', policies({ mode }))).second).toBeUndefined();
    const other = { ...mode, approve: ['corrective'] } as const;
    expect((await ends('cold', policies({ mode: other }))).second).toBeDefined();
  });

  it('is held back by the kill switch, and that is on record', async () => {
    const { second, bench } = await ends('cold', policies(), ({ ledger, clock }) => {
      void clock.sleep(seconds(1)).then(() => ledger.setPaused(true, 'ada', clock.now()));
    });
    expect(second?.result).toMatchObject({ outcome: 'skipped' });
    expect(second?.result?.detail).toContain('paused');
    expect(bench.hypervisor.started).toEqual(['m1']);
  });
});
