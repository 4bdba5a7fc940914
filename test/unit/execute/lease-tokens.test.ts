// Role: what keepers of leases make of the tokens that they have seen: a token that cannot be
// written down gives no lease, and a ledger with an older one is stopped at, by all of them.
import { describe, expect, it } from 'vitest';

import { type ClusterId, clusterId } from '../../../src/domain/ids.ts';
import type { TokenMemory } from '../../../src/execute/lease-keeper-parts.ts';
import { beats, CLUSTERS, held, leaseRoom } from '../../support/lease-room.ts';

const [C1] = CLUSTERS as [ClusterId];

/** What a state folder keeps, which may be full. */
class Folder implements TokenMemory {
  readonly #kept = new Map<ClusterId, number>();
  isFull = false;

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
