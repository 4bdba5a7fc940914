// Role: what every Ledger must do about its audit trail: one entry for each thing decided or done,
// none for what did not happen, chained in one order whoever writes.
import { describe, expect, it } from 'vitest';

import { askedMove } from '../../src/domain/approval.ts';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { clusterId, hostId, moveId } from '../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { AuditJudge } from '../../src/ledger/audit-chain.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aDecision, anOrder, aRecord, aResult, aStage } from '../support/ledger-records.ts';

interface Store {
  readonly ledger: () => Ledger;
  readonly reopen: () => Promise<void>;
}

export function auditCases({ ledger, reopen }: Store): void {
  describe('audit trail', () => {
    tellingCases({ ledger, reopen });
  });
}

function tellingCases({ ledger, reopen }: Store): void {
  const trail = (): Promise<readonly AuditEntry[]> => ledger().audit(0, 10_000);
  async function kinds(): Promise<string[]> {
    return (await trail()).map(({ kind }) => kind);
  }
  async function fault(): Promise<unknown> {
    const judge = new AuditJudge();
    for (const entry of await trail()) judge.see(entry);
    return judge.verdict(await ledger().auditHead()).fault;
  }

  it('tells everything that is decided and done, in one whole chain over a restart', async () => {
    await ledger().recordDecision(aDecision('p1', 1000));
    await ledger().openMove(aRecord('m1', 'vm1'));
    await ledger().addStages([aStage('m1', 'pre-migration', 'before')]);
    await reopen();
    await ledger().closeMove(moveId('m1'), aResult());
    await ledger().putOrder(anOrder('o1'));
    await ledger().setPaused(true, 'ada', epochSeconds(1000));
    const mark = { state: 'draining', since: epochSeconds(1), reason: 'fans' } as const;
    await ledger().markHosts([{ mark: { host: hostId('h1'), ...mark } }]);
    expect(await kinds()).toEqual([
      'decision',
      'move-opened',
      'move-stage',
      'move-closed',
      'order',
      'pause',
      'host-state',
    ]);
    expect(await fault()).toBeUndefined();
    const [, opened] = await trail();
    expect(JSON.parse(opened?.body ?? '')).toMatchObject({
      move: 'm1',
      vm: 'vm1',
      from: 'h1',
      to: 'h2',
      why: 'h1 is overloaded',
      plan: 'p1',
    });
  });

  it('tells who has handed a plan in', async () => {
    await ledger().recordDecision(aDecision('p1', 1));
    await ledger().recordDecision({ ...aDecision('p2', 2), by: 'anna' });
    const told = (await trail()).map(({ body }) => JSON.parse(body) as { readonly by?: string });
    expect(told.map(({ by }) => by)).toEqual([undefined, 'anna']);
  });

  it('tells of approvals and leases', async () => {
    const by = { id: 'c1', name: 'first' };
    const claim = { cluster: clusterId('c'), by, seconds: seconds(30), seen: undefined, above: 0 };
    const held = await ledger().claimLease(claim);
    if (held === undefined) throw new Error('nobody else wants it');
    await ledger().releaseLeases(by, [held]);
    await ledger().releaseLeases(by, [held]);
    const asked = askedMove(aRecord('m1', 'vm1').move);
    const term = { at: epochSeconds(1), expiresAt: epochSeconds(9) };
    await ledger().giveApprovals([{ ...term, move: asked, by: 'ada' }], epochSeconds(1));
    expect(await kinds()).toEqual(['lease-taken', 'lease-released', 'approval']);
  });

  it('tells of clusters that are stopped, and who has had them gone on with', async () => {
    const stop = { cluster: clusterId('c'), seen: 7, by: 'first' };
    await ledger().stopLease(stop);
    await ledger().liftStop({ ...stop, seen: 3, by: 'eve' });
    expect(await kinds()).toEqual(['lease-stopped', 'lease-confirmed']);
    const told = (await trail()).map(({ body }) => JSON.parse(body) as unknown);
    expect(told).toEqual([stop, { ...stop, by: 'eve' }]);
  });

  it('tells nothing of what did not happen', async () => {
    await ledger().openMove(aRecord('m1', 'vm1'));
    await ledger().openMove(aRecord('m2', 'vm1'));
    await expect(
      ledger().addStages([aStage('nobody', 'pre-copy', 'before')]),
    ).rejects.toMatchObject({
      name: 'LedgerError',
    });
    await ledger().closeMove(moveId('m1'), aResult());
    await ledger().closeMove(moveId('m1'), aResult({ outcome: 'failed' }));
    expect(await kinds()).toEqual(['move-opened', 'move-closed']);
    expect(await fault()).toBeUndefined();
  });

  it('tells each of those that open moves at the same moment what became of its own', async () => {
    const at = async (...moves: readonly (readonly [id: string, vm: string])[]) => {
      const opening = moves.map(([id, vm]) => ledger().openMove(aRecord(id, vm)));
      const ends = await Promise.allSettled(opening);
      return ends.map((end) => (end.status === 'fulfilled' ? end.value : 'rejected'));
    };
    const all = [
      ['m1', 'vm1'],
      ['m1', 'vm1'],
      ['m2', 'vm1'],
      ['m3', 'vm3'],
    ] as const;
    expect(await at(...all)).toEqual(['opened', 'in-flight', 'in-flight', 'opened']);
    await ledger().closeMove(moveId('m3'), aResult());
    expect(await at(['m3', 'vm3'], ['m4', 'vm4'])).toEqual(['rejected', 'opened']);
    const opened = (await trail()).filter(({ kind }) => kind === 'move-opened');
    const ids = opened.map(({ body }) => (JSON.parse(body) as { readonly move: string }).move);
    expect(ids).toEqual(['m1', 'm3', 'm4']);
  });

  it('stays one chain where many write at once and some fail', async () => {
    await ledger().openMove(aRecord('m1', 'vm1'));
    const writes = Array.from({ length: 40 }, (_, index) =>
      ledger().addStages([aStage(index % 7 === 3 ? 'nobody' : 'm1', 'pre-copy', 'before')]),
    );
    const failed = (await Promise.allSettled(writes)).filter(
      ({ status }) => status !== 'fulfilled',
    );
    expect(failed).toHaveLength(6);
    expect((await trail()).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 35 }, (_, index) => index + 1),
    );
    expect(await fault()).toBeUndefined();
  });

  it('keeps the newest of everything, however far the clock has been set forward', async () => {
    for (const [index, id] of ['m1', 'm2', 'm3', 'm4'].entries()) {
      await ledger().openMove(aRecord(id, `vm of ${id}`));
      const at = epochSeconds(20 + index);
      const about = { vm: undefined, host: undefined, from: undefined, move: moveId(id) };
      const line = { at, kind: 'move', ...about, text: id } as const;
      await ledger().closeMove(moveId(id), aResult({ at }), line);
    }
    await ledger().prune({ before: epochSeconds(1e9), keep: 3 });
    const left = (await ledger().recentMoves(10)).map(({ move }) => move.id);
    expect(left.toSorted()).toEqual(['m2', 'm3', 'm4']);
    expect((await ledger().history({ limit: 10 })).length).toBe(3);
    // The last three of eight, and the entry about the cut.
    expect((await trail()).map(({ seq }) => seq)).toEqual([6, 7, 8, 9]);
    expect(await fault()).toBeUndefined();
  });

  it('is whole when its old part was taken away, and tells so', async () => {
    for (const id of ['m1', 'm2', 'm3']) await ledger().openMove(aRecord(id, `vm of ${id}`));
    // The contract's clock stands at 5000: all of these are older, and so are those that tell it.
    await ledger().prune({ before: epochSeconds(5001), keep: 0 });
    const [only] = await trail();
    expect(only).toMatchObject({ seq: 4, kind: 'pruned' });
    expect(JSON.parse(only?.body ?? '')).toMatchObject({ through: 3 });
    expect(await fault()).toBeUndefined();
    await ledger().openMove(aRecord('m4', 'vm4'));
    await reopen();
    expect(await kinds()).toEqual(['pruned', 'move-opened']);
    expect(await fault()).toBeUndefined();
    await ledger().prune({ before: epochSeconds(5000), keep: 0 });
    expect(await kinds()).toEqual(['pruned', 'move-opened']);
  });
}
