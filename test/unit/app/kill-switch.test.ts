// Role: what is shown of the kill switch while answers of the ledger are late, or do not come.
import { describe, expect, it } from 'vitest';

import { KillSwitch, type SwitchPosition } from '../../../src/app/kill-switch.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';

const NOBODY = { paused: false, by: '' };
const ANNA = { paused: true, by: 'anna' };
const NOW = epochSeconds(0);

/** One that reads what `answers` has to give, one after the other. */
function bench(answers: readonly Promise<SwitchPosition>[]) {
  const told: SwitchPosition[] = [];
  const events = new EventBus();
  events.on('paused', (position) => told.push(position));
  const left = [...answers];
  const ledger = {
    setPaused: async () => undefined,
    paused: () => left.shift() ?? Promise.reject(new Error('asked once too often')),
  };
  return { killSwitch: new KillSwitch({ ledger, events }), told };
}

describe('the kill switch that is shown', () => {
  it('does not go back to what a look saw that was begun before it was turned', async () => {
    const late = Promise.withResolvers<SwitchPosition>();
    const { killSwitch, told } = bench([late.promise]);
    const look = killSwitch.look();
    await killSwitch.turn(ANNA, NOW);
    late.resolve(NOBODY);
    await look;
    expect(killSwitch.position).toEqual(ANNA);
    expect(told).toEqual([ANNA]);
  });

  it('goes by the newest look, also where an older one is answered last', async () => {
    const late = Promise.withResolvers<SwitchPosition>();
    const { killSwitch } = bench([late.promise, Promise.resolve(ANNA)]);
    const older = killSwitch.look();
    await killSwitch.look();
    late.resolve(NOBODY);
    await older;
    expect(killSwitch.position).toEqual(ANNA);
  });

  it('stays as it was seen last while the ledger does not answer', async () => {
    const down = Promise.reject(new LedgerError('unreachable', 'no answer'));
    const { killSwitch, told } = bench([Promise.resolve(ANNA), down]);
    await killSwitch.look();
    await killSwitch.look();
    expect(killSwitch.position).toEqual(ANNA);
    expect(told).toEqual([ANNA]);
  });

  it('tells who has paused it anew, and nothing of a resume by another', async () => {
    const turns = [
      { paused: false, by: 'ben' },
      ANNA,
      { paused: true, by: 'ben' },
      { paused: false, by: 'cleo' },
      { paused: false, by: 'dora' },
    ];
    const { killSwitch, told } = bench(turns.map((turn) => Promise.resolve(turn)));
    for (const _ of turns) await killSwitch.look();
    expect(told.map(({ by }) => by)).toEqual(['anna', 'ben', 'cleo']);
    expect(killSwitch.position.by).toBe('dora');
  });
});
