// Role: what is asked of a hypervisor before a move begins: a precheck whose answer is not needed
// any more, since the VM is elsewhere, is not asked for again.
import { describe, expect, it } from 'vitest';

import { hostId, sourceId } from '../../../src/domain/ids.ts';
import { bytes, GIB } from '../../../src/domain/units.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { carryOut, makeBench, move } from '../../support/execution-bench.ts';

/** How often a precheck that nobody answers was asked for, and what became of the move. */
async function askedFor(where: 'source' | 'elsewhere') {
  const bench = await makeBench(['h1']);
  const { hypervisor } = bench;
  let asked = 0;
  hypervisor.precheck = async () => {
    asked += 1;
    throw new AdapterError('timeout', sourceId('lab'), 'h1 does not answer');
  };
  if (where === 'elsewhere') {
    hypervisor.locate = async () => ({
      sightings: [{ host: hostId('h3'), state: 'running', persistent: true }],
      blind: [],
    });
  }
  const outcomes = await carryOut(bench, [move('1', 'h1', 'h2')]);
  return { asked, outcomes };
}

describe('a precheck that is not answered', () => {
  it('is asked for again where the move waits for it', async () => {
    expect(await askedFor('source')).toEqual({ asked: 4, outcomes: { m1: 'skipped' } });
  });

  it('is not, where the VM is elsewhere', async () => {
    expect(await askedFor('elsewhere')).toEqual({ asked: 1, outcomes: { m1: 'skipped' } });
  });
});

describe('a precheck that hangs before it is answered', () => {
  it('takes nothing of the time that the copy has', async () => {
    let asked = 0;
    const bench = await makeBench(['h1'], {
      seconds: 20,
      fault: (_call, name) => {
        if (name !== 'precheck') return undefined;
        asked += 1;
        return asked <= 3 ? 'hangs' : undefined;
      },
    });
    const vms = bench.world.vms.map((vm) => ({ ...vm, memoryBytes: bytes(2 * GIB) }));
    bench.world = { ...bench.world, vms };
    const before = bench.clock.monotonic();
    expect(await carryOut(bench, [move('1', 'h1', 'h2')])).toEqual({ m1: 'succeeded' });
    expect(bench.clock.monotonic() - before).toBeGreaterThan(120);
  });
});
