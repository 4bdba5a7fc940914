// Role: under which leases a move begins; and that a call to a hypervisor takes the permission
// along under which it was made, so that what it has begun can ask whether it may go on.
import { describe, expect, it } from 'vitest';

import { clusterId, hostId } from '../../../src/domain/ids.ts';
import type { MoveRecord } from '../../../src/domain/journal.ts';
import { ok } from '../../../src/domain/result.ts';
import { GuardedHypervisor } from '../../../src/execute/guarded-hypervisor.ts';
import { MoveLeases } from '../../../src/execute/move-leases.ts';
import type { Hypervisor, MoveOrder } from '../../../src/ports/hypervisor.ts';
import { isAllowed } from '../../../src/ports/permission.ts';
import { aRecord } from '../../support/ledger-records.ts';
import { aMoveOrder } from '../../support/plans.ts';

const ORDER = aMoveOrder({});
const CALLS = ['startMove', 'steer', 'abort', 'commit', 'cleanUp', 'setMaintenance'] as const;

/** Under token 1, until it is changed. */
function scene() {
  const held: { token: number | undefined } = { token: 1 };
  const leases = new MoveLeases({ id: 'ada', mayAct: () => held.token }, () => clusterId('c1'));
  const done = () => Promise.resolve(ok(undefined));
  const inner = Object.fromEntries(CALLS.map((name) => [name, done]));
  // The calls that are made here are all that it has.
  return {
    held,
    leases,
    hypervisor: new GuardedHypervisor(inner as unknown as Hypervisor, leases, {
      openMoves: async () => [],
    }),
  };
}

function make(hypervisor: Hypervisor, call: (typeof CALLS)[number], signal: AbortSignal) {
  if (call === 'steer') return hypervisor.steer(ORDER, { kind: 'post-copy' }, signal);
  if (call === 'setMaintenance') return hypervisor.setMaintenance(hostId('h1'), true, signal);
  return hypervisor[call](ORDER, signal);
}

describe('a move', () => {
  it.each(['h1', 'h2'])('is not begun where %s was not looked at since', (unseen) => {
    const authority = { id: 'ada', mayAct: () => 1 };
    const leases = new MoveLeases(
      authority,
      () => clusterId('c1'),
      (host) => host !== unseen,
    );
    const open = (from: string, to: string) => () =>
      leases.open({ id: ORDER.move, from: hostId(from), to: hostId(to) });
    expect(open('h1', 'h2')).toThrow(`${unseen} was not looked at since its lease is held`);
    expect(open('h3', 'h4')).not.toThrow();
  });
});

describe('a call that is under way', () => {
  it.each(CALLS)('may go on only under the lease that it was made under: %s', async (call) => {
    const { held, leases, hypervisor } = scene();
    const { signal } = new AbortController();
    leases.open({ id: ORDER.move, from: ORDER.from, to: ORDER.to });
    await make(hypervisor, call, signal);
    expect(isAllowed(signal)).toBe(true);
    held.token = undefined;
    expect(isAllowed(signal)).toBe(false);
    await expect(make(hypervisor, call, signal)).rejects.toMatchObject({ code: 'lost-lease' });
  });

  it('is not what a lease of a later time is for', async () => {
    const { held, leases, hypervisor } = scene();
    const { signal } = new AbortController();
    leases.open({ id: ORDER.move, from: ORDER.from, to: ORDER.to });
    await hypervisor.startMove(ORDER, signal);
    held.token = 3;
    expect(isAllowed(signal)).toBe(false);
  });

  it('may go on where it needs no lease', () => {
    expect(isAllowed(new AbortController().signal)).toBe(true);
    expect(isAllowed(undefined)).toBe(true);
  });
});

describe('a readmission', () => {
  /** h1 was cleaned under c1; its VM runs in c2. Both are held at first. */
  function readmission() {
    const held = new Map([
      ['c1', 1],
      ['c2', 1],
    ]);
    const leases = new MoveLeases({ id: 'ada', mayAct: (cluster) => held.get(cluster) }, (host) =>
      clusterId(host === ORDER.from ? 'c1' : 'c2'),
    );
    const committed: MoveOrder[] = [];
    const commit: Hypervisor['commit'] = async (order) => {
      committed.push(order);
      return ok(undefined);
    };
    const open: MoveRecord[] = [];
    const asked: number[] = [];
    const openMoves = async (): Promise<readonly MoveRecord[]> => {
      asked.push(committed.length);
      return open;
    };
    // The call that is made here is all that it has.
    const inner = { commit } as unknown as Hypervisor;
    const hypervisor = new GuardedHypervisor(inner, leases, { openMoves });
    const { signal } = new AbortController();
    return { held, open, asked, committed, signal, call: () => hypervisor.commit(ORDER, signal) };
  }
  const moving = (vm: string): MoveRecord => ({
    ...aRecord('m9', vm),
    stages: [],
    result: undefined,
  });

  it('needs the lease of the host that is cleaned', async () => {
    const { held, committed, signal, call } = readmission();
    await call();
    expect(isAllowed(signal)).toBe(true);
    held.delete('c1');
    expect(isAllowed(signal)).toBe(false);
    await expect(call()).rejects.toMatchObject({ code: 'lost-lease' });
    expect(committed).toHaveLength(1);
  });

  it('goes on under both, while it has them, and asks nobody', async () => {
    const { held, asked, signal, call } = readmission();
    await call();
    held.delete('c2');
    expect([isAllowed(signal), asked]).toEqual([false, []]);
  });

  it('needs no lease where the VM runs while nobody moves it', async () => {
    const { held, open, asked, committed, signal, call } = readmission();
    held.delete('c2');
    open.push(moving('another'));
    await call();
    expect([committed.length, asked, isAllowed(signal)]).toEqual([1, [0], true]);
    held.delete('c1');
    expect(isAllowed(signal)).toBe(false);
  });

  it('leaves a VM alone that whoever has the other lease moves', async () => {
    const { held, open, committed, call } = readmission();
    held.delete('c2');
    open.push(moving(ORDER.vm));
    const message = expect.stringContaining(`${ORDER.vm} is being moved (another controller`);
    await expect(call()).rejects.toMatchObject({ code: 'lost-lease', message });
    expect(committed).toEqual([]);
  });

  it('does nothing where its own lease is over while the ledger answers', async () => {
    const { held, open, committed, call } = readmission();
    held.delete('c2');
    open.push(moving('another'));
    const answer = call();
    held.delete('c1');
    await expect(answer).rejects.toMatchObject({ code: 'lost-lease' });
    expect(committed).toEqual([]);
  });
});

describe('a move whose VM was moved on to a third host', () => {
  function movedOn() {
    const held = new Map([[clusterId('c1'), 1]]);
    const seen = new Set<string>(['h1', 'h2', 'h3']);
    const leases = new MoveLeases({ id: 'ada', mayAct: (cluster) => held.get(cluster) }, (host) =>
      seen.has(host) ? clusterId(host === 'h3' ? 'c2' : 'c1') : undefined,
    );
    const commit: Hypervisor['commit'] = () => Promise.resolve(ok(undefined));
    // The call that is made here is all that it has.
    const inner = { commit } as unknown as Hypervisor;
    const hypervisor = new GuardedHypervisor(inner, leases, { openMoves: async () => [] });
    leases.open({ id: ORDER.move, from: ORDER.from, to: ORDER.to });
    const to = async (host: string) => {
      const { signal } = new AbortController();
      const { ok: isDone } = await hypervisor.commit({ ...ORDER, to: hostId(host) }, signal);
      return { isDone, signal };
    };
    return { held, seen, to };
  }

  it('is committed there under the lease of that host, looked at all along', async () => {
    const { held, to } = movedOn();
    expect((await to('h3')).isDone).toBe(false);
    held.set(clusterId('c2'), 1);
    const { isDone, signal } = await to('h3');
    expect([isDone, isAllowed(signal)]).toEqual([true, true]);
    held.delete(clusterId('c2'));
    expect(isAllowed(signal)).toBe(false);
  });

  it('needs no more than its own leases on its own target, whoever has seen that', async () => {
    const { seen, to } = movedOn();
    seen.clear();
    expect((await to(ORDER.to)).isDone).toBe(true);
  });
});
