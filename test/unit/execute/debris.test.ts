// Role: what a failed move leaves on its target: removed, looked for, told, and kept away from.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { breakerText } from '../../../src/domain/breaker.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { breakersOf } from '../../../src/execute/breakers.ts';
import { type Bench, carryOut, makeBench, move } from '../../support/execution-bench.ts';

const moves = [move('1', 'h1', 'h2')];

async function resultOf({ ledger }: Bench) {
  return (await ledger.move(moveId('m1')))?.result;
}

/** A bench with a half of v1 on h2, where an earlier move left it. */
async function withRemains(fault?: (call: number, name: string) => 'declined' | undefined) {
  const bench = await makeBench(['h1'], fault === undefined ? {} : { fault });
  bench.hypervisor.truth('v1').incomingOn.add(hostId('h2'));
  return bench;
}

describe('remains on the target', () => {
  it('are removed before a move begins', async () => {
    const bench = await withRemains();
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    const { calls } = bench.hypervisor;
    expect(calls.indexOf('cleanUp')).toBeLessThan(calls.indexOf('startMove'));
  });

  it('are removed when the journal has on disk that it has begun', async () => {
    const bench = await withRemains();
    const { hypervisor, ledger } = bench;
    const cleanUp = hypervisor.cleanUp.bind(hypervisor);
    const written: string[] = [];
    hypervisor.cleanUp = async (...order) => {
      const stages = (await ledger.move(moveId('m1')))?.stages ?? [];
      written.push(...stages.map(({ stage, phase }) => `${stage} ${phase}`));
      return cleanUp(...order);
    };
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    expect(written).toEqual(['pre-migration before']);
  });

  it('do not speak against it any more once they are gone', async () => {
    const bench = await withRemains();
    const { hypervisor } = bench;
    const [vm, host] = [vmId('v1'), hostId('h2')];
    const inTheWay = { code: 'world-moved-on', vm, host, detail: 'a half of it is there' } as const;
    hypervisor.precheck = async () =>
      hypervisor.truth('v1').incomingOn.size === 0 ? [] : [inTheWay];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
  });

  it('keep it from beginning where they cannot be', async () => {
    const bench = await withRemains((_call, name) => (name === 'cleanUp' ? 'declined' : undefined));
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect(bench.hypervisor.started).toEqual([]);
    expect(await resultOf(bench)).toMatchObject({ remains: true });
    expect((await resultOf(bench))?.detail).toContain('h2 may hold remains');
    expect(await bench.ledger.reservations()).toEqual([]);
  });

  it('are looked for after they were removed, not taken to be gone', async () => {
    const bench = await makeBench(['h1'], { breaks: true });
    // It says that it did, and does nothing.
    bench.hypervisor.cleanUp = () => Promise.resolve({ ok: true, value: undefined });
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect((await resultOf(bench))?.detail).toContain('a copy is still there');
    const texts = bench.events.of('warning').map(({ text }) => text);
    expect(texts).toContain('v1 keeps away from h2 until its remains there are gone');
  });

  it('are not suspected where the target was seen clean', async () => {
    const bench = await makeBench(['h1'], { breaks: true });
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect(await resultOf(bench)).not.toHaveProperty('remains');
  });

  it('are kept away from for longer than a failure that left none', () => {
    const at = epochSeconds(1000);
    const failure = {
      vm: vmId('v1'),
      from: hostId('h1'),
      to: hostId('h2'),
      source: sourceId('lab'),
      at,
    };
    const open = (remains?: true) =>
      breakersOf(
        {
          failures: [{ ...failure, remains }],
          successes: { vm: new Map(), out: new Map(), into: new Map(), source: new Map() },
          resets: new Map(),
        },
        at,
      );
    const [usual] = open();
    const [long] = open(true);
    if (usual === undefined || long === undefined) throw new Error('no breaker');
    expect(long.until - at).toBeGreaterThan(4 * (usual.until - at));
    expect(breakerText(long)).toContain('may have left remains there');
    expect(breakerText(usual)).not.toContain('remains');
  });
});
