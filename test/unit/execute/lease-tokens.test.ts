// Role: what keepers of leases make of the tokens that they have seen: a token that cannot be
// written down gives no lease, and a ledger with an older one is stopped at, by all of them.
import { describe, expect, it, vi } from 'vitest';

import { type ClusterId, clusterId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { TokenMemory } from '../../../src/execute/lease-keeper-parts.ts';
import { beats, CLUSTERS, held, IDLE, leaseRoom } from '../../support/lease-room.ts';

const [C1] = CLUSTERS as [ClusterId];

/** What a state folder keeps, which may be full. */
class Folder implements TokenMemory {
  readonly #kept = new Map<ClusterId, number>();
  isFull = false;
  ledger: string | undefined;

  adopt(ledger: string): void {
    if (this.ledger === ledger) return;
    if (this.isFull) throw new Error('ENOSPC: no space left on device');
    if (this.ledger !== undefined) this.#kept.clear();
    this.ledger = ledger;
  }

  highest(cluster: ClusterId): number {
    return this.#kept.get(cluster) ?? 0;
  }

  remember(cluster: ClusterId, token: number): void {
    if (this.isFull) throw new Error('ENOSPC: no space left on device');
    this.#kept.set(cluster, Math.max(token, this.highest(cluster)));
  }
}

describe('a keeper that cannot write down which tokens it has seen', () => {
  it('leaves to others what it has claimed, and takes its share when it can', async () => {
    const here = await leaseRoom();
    const tokens = new Folder();
    tokens.isFull = true;
    const [ada, ben] = [here.keeper('ada', { tokens }), here.keeper('ben')];
    await beats([ada, ben], here, 3);
    expect([held(ada), held(ben)]).toEqual([[], CLUSTERS]);
    const warnings = () => here.events.of('warning').map(({ text }) => text);
    expect(warnings()).toEqual([expect.stringMatching(/ada.*ENOSPC/)]);
    expect(ada.memoryFault).toMatch(/ENOSPC/);
    tokens.isFull = false;
    await beats([ada, ben], here, 3);
    expect([held(ada).length, held(ben).length]).toEqual([2, 2]);
    expect(ada.memoryFault).toBeUndefined();
    expect(tokens.highest(C1)).toBeGreaterThan(0);
  });

  it('keeps what it has, and claims nothing over and over', async () => {
    const here = await leaseRoom();
    const tokens = new Folder();
    const ada = here.keeper('ada', { tokens });
    ada.see([C1]);
    await beats([ada], here, 1);
    tokens.isFull = true;
    ada.see(CLUSTERS);
    await beats([ada], here, 30);
    expect(held(ada)).toEqual([C1]);
    const claims = (await here.ledger.audit(0, 100)).filter(({ kind }) => kind === 'lease-taken');
    expect(claims).toHaveLength(2);
  });

  it('is not waited for where it learns of what others have taken', async () => {
    const here = await leaseRoom();
    const tokens = new Folder();
    tokens.isFull = true;
    const ben = here.keeper('ben');
    await beats([ben], here, 2);
    const ada = here.keeper('ada', { tokens });
    await beats([ada, ben], here, 5);
    expect(held(ben)).toEqual(CLUSTERS);
    ben.see([...CLUSTERS, clusterId('c5')]);
    ada.see([...CLUSTERS, clusterId('c5')]);
    await beats([ada, ben], here, 2);
    expect(ben.mayAct(clusterId('c5'))).toBe(1);
  });
});

describe('keepers of which one has seen a newer token than the ledger has', () => {
  /** The ledger as a failover has left it: without the lease that ada had under token 2. */
  async function failedOver() {
    const here = await leaseRoom();
    const tokens = new Folder();
    tokens.remember(C1, 2);
    const only = { wants: (one: ClusterId) => one === C1 };
    return { here, ada: here.keeper('ada', { ...only, tokens }), ben: here.keeper('ben', only) };
  }

  it('take nothing there, whatever each of them has seen, until one is told to', async () => {
    const { here, ada, ben } = await failedOver();
    const by = { id: 'cleo', name: 'cleo' };
    const term = { by, seconds: seconds(30), above: 0 };
    await here.ledger.claimLease({ cluster: C1, seen: undefined, ...term });
    await beats([ada], here, 1);
    await beats([ben, ada], here, 30);
    expect([held(ada), held(ben)]).toEqual([[], []]);
    for (const one of [ada, ben]) expect(one.states()[0]).toMatchObject({ steppedBack: true });
    const what = () => here.events.of('lease').map((event) => event.what);
    expect(what()).toEqual(['stepped-back', 'stepped-back']);
    expect(await ben.confirm(C1, 'eve')).toBe(true);
    await beats([ben, ada], here, 12);
    expect([ada.mayAct(C1), ben.mayAct(C1)]).toEqual([3, undefined]);
    for (const one of [ada, ben]) expect(one.states()[0]).toMatchObject({ steppedBack: false });
    expect(what().slice(2)).toEqual(['confirmed', 'confirmed', 'taken']);
    expect(await ada.confirm(C1, 'eve')).toBe(false);
    const trail = await here.ledger.audit(0, 100);
    expect(trail.map(({ kind }) => kind).slice(1)).toEqual([
      'lease-stopped',
      'lease-confirmed',
      'lease-taken',
    ]);
    expect(trail[2]?.body).toContain('"by":"eve"');
  });

  it('stop in the middle of what they do', async () => {
    const { here, ada, ben } = await failedOver();
    await beats([ben], here, 2);
    expect(held(ben)).toEqual(['c1']);
    await beats([ada, ben], here, 1);
    expect(held(ben)).toEqual([]);
    expect(await ada.confirm(C1, 'eve')).toBe(true);
    await beats([ada, ben], here, 1);
    // What ben was at may be under way still.
    expect([held(ada), held(ben)]).toEqual([[], []]);
    await beats([ada, ben], here, 12);
    expect([ada.mayAct(C1), ben.mayAct(C1)].filter((one) => one !== undefined)).toEqual([3]);
  });

  it('stop also where the ledger could not be told at first', async () => {
    const { here, ada, ben } = await failedOver();
    const { ledger } = here;
    await ben.beat(IDLE);
    const stopLease = vi.spyOn(ledger, 'stopLease').mockRejectedValueOnce(new Error('unreachable'));
    await expect(ada.beat(IDLE)).rejects.toThrow('unreachable');
    expect(held(ada)).toEqual([]);
    await ada.beat(IDLE);
    expect(stopLease).toHaveBeenCalledTimes(2);
    await ben.beat(IDLE);
    expect(held(ben)).toEqual([]);
  });
});

describe('a keeper that brings the tokens of another ledger', () => {
  async function stranger() {
    const here = await leaseRoom();
    const tokens = new Folder();
    tokens.ledger = 'another';
    for (const cluster of CLUSTERS) tokens.remember(cluster, 500);
    const others = [here.keeper('ada'), here.keeper('ben')] as const;
    await beats(others, here, 4);
    return { here, tokens, others, eve: here.keeper('eve', { tokens }) };
  }

  it('takes nothing and says so, and stops nobody else', async () => {
    const { here, others, eve } = await stranger();
    await beats([eve, ...others], here, 30);
    expect([...others, eve].map((one) => held(one).length)).toEqual([2, 2, 0]);
    expect((await here.ledger.leaseBoard()).stops).toEqual([]);
    const stopped = (one: (typeof others)[0]) => one.states().map((state) => state.steppedBack);
    expect(stopped(eve)).toEqual([true, true, true, true]);
    expect(stopped(others[0])).toEqual([false, false, false, false]);
    expect(eve.memoryFault).toMatch(/another one/);
    const warnings = here.events.of('warning').map(({ text }) => text);
    expect(warnings).toEqual([expect.stringMatching(/^eve: the ledger is another one/)]);
  });

  it('takes its share when a person has confirmed it, and forgets the tokens', async () => {
    const { here, tokens, others, eve } = await stranger();
    await beats([eve, ...others], here, 1);
    tokens.isFull = true;
    await expect(eve.confirm(C1, 'joe')).rejects.toThrow(/ENOSPC/);
    expect(eve.states()[0]).toMatchObject({ steppedBack: true });
    tokens.isFull = false;
    expect(await eve.confirm(C1, 'joe')).toBe(true);
    await beats([eve, ...others], here, 4);
    expect([...others, eve].flatMap(held)).toHaveLength(4);
    expect(held(eve)).toHaveLength(1);
    expect((await here.ledger.leaseBoard()).stops).toEqual([]);
    expect(tokens.highest(C1)).toBeLessThan(10);
    expect(eve.memoryFault).toBeUndefined();
  });

  it('adopts the ledger where they name none, and stops as ever', async () => {
    const { here, tokens, others, eve } = await stranger();
    tokens.ledger = undefined;
    await beats([eve, ...others], here, 1);
    expect(tokens.ledger).toBe((await here.ledger.leaseBoard()).ledger);
    expect((await here.ledger.leaseBoard()).stops).toHaveLength(4);
  });
});
