// Role: power is cut only of what gives no sign of life, and a host is dead only when its device
// says so afterwards.
import { describe, expect, it } from 'vitest';

import type { HostSign } from '../../../src/domain/host-failure.ts';
import { Fencer } from '../../../src/execute/fencer.ts';
import { aHost } from '../../support/fleet.ts';
import { realClock } from '../../support/real-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

interface Device {
  readonly isAlive?: boolean;
  /** What it says after the cut. */
  readonly after?: HostSign['verdict'];
  readonly fails?: boolean;
  readonly holds?: boolean;
  readonly isSuspected?: boolean;
}

async function fence(device: Device) {
  const { isAlive = false, after = 'silent', fails = false } = device;
  const { holds = true, isSuspected = true } = device;
  const events = recordingEvents();
  const told: string[] = [];
  const cut: string[] = [];
  const confirmed: string[] = [];
  const fencer = new Fencer({
    clock: realClock,
    events,
    holds: () => holds,
    isSuspected: () => isSuspected,
    ledger: {
      noteFencing: async ({ text }, cluster) => {
        told.push(cluster === undefined ? text : `${text}, under the lease of ${cluster}`);
      },
    },
    fencing: {
      covers: () => true,
      status: async () => 'unknown',
      off: async ({ name }) => {
        if (fails) throw new Error('the device hangs');
        cut.push(name);
      },
      on: async () => undefined,
    },
    signs: {
      isAlive: async () => isAlive,
      power: async () => ({ kind: 'power', verdict: after, detail: 'on' }),
    },
    confirm: async ({ name }) => {
      confirmed.push(name);
    },
  });
  const host = aHost();
  fencer.fence(host);
  // A second order while the first is under way, and one right after it, are none.
  fencer.fence(host);
  await fencer.idle();
  fencer.fence(host);
  await fencer.idle();
  return { told, cut, confirmed, warnings: events.of('warning').map(({ text }) => text) };
}

describe('Fencer', () => {
  it('cuts, looks, and then knows', async () => {
    expect(await fence({})).toEqual({
      told: [
        'h1: its power is being cut (suspected dead), under the lease of c1',
        'h1: its power was cut, and is confirmed off',
      ],
      cut: ['h1'],
      confirmed: ['h1'],
      warnings: [],
    });
  });

  it('believes no device that says nothing, or that the power is on', async () => {
    expect(await fence({ after: 'unknown' })).toMatchObject({
      cut: ['h1'],
      confirmed: [],
      warnings: ['h1: its power could not be cut: its power is on afterwards'],
    });
  });

  it('cuts nothing that answers at the last moment', async () => {
    expect(await fence({ isAlive: true })).toMatchObject({ told: [], cut: [], confirmed: [] });
  });

  it('cuts nothing of a host whose lease another controller has', async () => {
    expect(await fence({ holds: false })).toMatchObject({ cut: [], confirmed: [] });
  });

  it('cuts nothing that is not suspected any more at the very last', async () => {
    expect(await fence({ isSuspected: false })).toMatchObject({
      cut: [],
      confirmed: [],
      warnings: ['h1: its power could not be cut: what spoke for it does not hold any more'],
    });
  });

  it('says that the device fails', async () => {
    expect(await fence({ fails: true })).toMatchObject({
      confirmed: [],
      warnings: ['h1: its power could not be cut: the device hangs'],
    });
  });
});
