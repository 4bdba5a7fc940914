// Role: what a move that copies disks says of the old ones.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, storageId, vmId } from '../../../src/domain/ids.ts';
import { bytes, epochSeconds, GIB } from '../../../src/domain/units.ts';
import { aHost, aPolicy, aVm, someMigration } from '../../support/fleet.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { oldDisks, oldDisksIn } from '../../../src/execute/old-disks.ts';

const LOCAL = { storage: storageId('local-h1'), bytes: bytes(200 * GIB), shared: false };
const SAN = { storage: storageId('san'), bytes: bytes(10 * GIB), shared: true };
const vm = aVm({ id: 'v1', permission: 'cold', disks: [LOCAL, SAN] });

describe('old disks', () => {
  it('are those that the target does not reach, where the method copies them', () => {
    const to = aHost({ id: 'h2' });
    const text = oldDisks(move('1', 'h1', 'h2', { method: 'storage' }), vm, to);
    expect(text).toBe('what it had on local-h1 of h1 (200 GiB) stays there, and is used no more');
    expect(oldDisks(move('1', 'h1', 'h2', { method: 'cold' }), vm, to)).toBe(text);
    expect(oldDisks(move('1', 'h1', 'h2'), vm, to)).toBe('');
    const far = aHost({ id: 'h2', storages: [storageId('west')] });
    expect(oldDisks(move('1', 'h1', 'h2', { method: 'cold' }), vm, far)).toContain('210 GiB');
  });

  it('are named in the history, also by a process that took the move over', async () => {
    for (const isTakenOver of [false, true]) {
      const bench = await makeBench(['h1']);
      bench.world = { ...bench.world, vms: [vm] };
      const methods = ['pre-copy', 'storage', 'cold'] as const;
      bench.policies = aPolicy({ migration: someMigration({ methods }) });
      const moves = [move('1', 'h1', 'h2', { method: 'cold' })];
      const first = bench.executor();
      void first.submit(planOf(moves), yes(moves));
      await bench.clock.pass(5);
      if (isTakenOver) {
        await bench.clock.until(first.stop());
        // By then the hypervisor shows it on its target, with its new disks.
        bench.world = { ...bench.world, vms: [{ ...vm, host: hostId('h2'), disks: [SAN] }] };
        await bench.clock.until(bench.executor().recover());
      }
      for (let round = 0; round < 20; round += 1) await bench.clock.pass(10);
      const [line] = await bench.ledger.history({ vm: vmId('v1'), limit: 1 });
      expect(line?.text).toContain('what it had on local-h1 of h1');
    }
  });

  it('are not found in a journal without a note', () => {
    const entry = { move: moveId('m1'), stage: 'reservation', phase: 'after' } as const;
    expect(oldDisksIn([{ ...entry, at: epochSeconds(1), detail: '' }])).toBe('');
    expect(oldDisksIn(undefined)).toBe('');
  });
});
