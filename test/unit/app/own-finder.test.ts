// Role: the machine that the daemon runs on, as its firmware tells, and what is said of it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { OwnFinder } from '../../../src/app/own-finder.ts';
import { type Machine, readMachine } from '../../../src/app/own-machine.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-machine-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function machineThatSays(text: string): Promise<Machine> {
  const file = join(folder, 'product_uuid');
  writeFileSync(file, text);
  return readMachine(file);
}

describe('the machine of the daemon', () => {
  it('is known by what its firmware says', async () => {
    const machine = await machineThatSays(`${UUID.toUpperCase()}\n`);
    expect(machine).toEqual({ kind: 'known', uuid: UUID });
  });

  it.each([
    ['nothing', '', 'holds no UUID'],
    ['a serial number', 'VMware-42 1d', 'holds no UUID'],
    ['zeros', '00000000-0000-0000-0000-000000000000', 'has no UUID'],
    ['ones', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'has no UUID'],
  ])('is unknown where that is %s', async (_what, text, why) => {
    const machine = await machineThatSays(text);
    expect(machine).toEqual({ kind: 'unknown', why: expect.stringContaining(why) });
  });

  it('is unknown where there is no such file', async () => {
    const machine = await readMachine(join(folder, 'none'));
    expect(machine).toEqual({ kind: 'unknown', why: expect.stringContaining('does not exist') });
  });
});

describe('what the daemon says of the VM that it runs in', () => {
  const fleet = aSnapshot({ hosts: [aHost({ id: 'h1' })], vms: [aVm({ id: UUID, host: 'h1' })] });
  const [vm] = fleet.vms;

  function saidOf(machine: Machine | undefined, ...snapshots: readonly (typeof fleet)[]) {
    const events = new EventBus();
    const said: string[] = [];
    events.on('warning', ({ text }) => said.push(text));
    const finder = new OwnFinder({ machine, controller: 'ada', events });
    const marked = snapshots.map((snapshot) => finder.mark(snapshot).vms[0]?.own?.controller);
    return { said, marked };
  }

  it('is that it protects it, once', () => {
    const { said, marked } = saidOf({ kind: 'known', uuid: UUID }, fleet, fleet);
    expect(marked).toEqual(['ada', 'ada']);
    expect(said).toEqual([
      `this controller runs in the VM ${vm?.name}: protected; name it under own`,
    ]);
  });

  it('is nothing where a policy names it, or it runs elsewhere, or nobody asks', () => {
    if (vm === undefined) throw new Error('one VM');
    const named = { ...fleet, vms: [{ ...vm, own: { roles: ['controller' as const] } }] };
    expect(saidOf({ kind: 'known', uuid: UUID }, named).said).toEqual([]);
    expect(saidOf({ kind: 'unknown', why: 'no file' }, named).said).toEqual([]);
    const other = UUID.replace('00', '11');
    expect(saidOf({ kind: 'known', uuid: other }, fleet)).toEqual({
      said: [],
      marked: [undefined],
    });
    expect(saidOf(undefined, fleet)).toEqual({ said: [], marked: [undefined] });
  });

  it('is that it cannot tell', () => {
    const { said, marked } = saidOf({ kind: 'unknown', why: 'no file' }, fleet);
    expect(marked).toEqual([undefined]);
    expect(said[0]).toMatch(/not known: no file; name its VM under own/);
  });
});
