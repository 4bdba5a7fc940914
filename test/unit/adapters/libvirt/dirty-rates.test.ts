// Role: who is asked to measure dirty rates and when, and what is said where that does not work.
import { describe, expect, it } from 'vitest';

import { DirtyRates, type DirtyRateHost } from '../../../../adapters/libvirt/dirty-rates.ts';
import { CallTimeout, LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { ERROR } from '../../../../adapters/libvirt/native/constants.ts';
import { hostId, vmId } from '../../../../src/domain/ids.ts';
import { seconds } from '../../../../src/domain/units.ts';
import { manualClock } from '../../../support/manual-clock.ts';

const VMS = new Set(['v1', 'v2'].map(vmId));
const EVERY_MINUTE = { everySeconds: seconds(60), measureSeconds: 1 };

function aHost(id: string, failure?: Error): { host: DirtyRateHost; asked: string[] } {
  const asked: string[] = [];
  const onDomain = async (vm: string): Promise<void> => {
    asked.push(vm);
    if (failure !== undefined) throw failure;
  };
  return { host: { id: hostId(id), onDomain }, asked };
}

describe('dirty rates', () => {
  it('are asked for when due, of every host about every guest', async () => {
    const clock = manualClock();
    const { host, asked } = aHost('h1');
    const rates = new DirtyRates(EVERY_MINUTE, clock);
    expect(await rates.ask(VMS, [host])).toEqual([]);
    expect(asked).toEqual(['v1', 'v2']);
    await clock.pass(59);
    await rates.ask(VMS, [host]);
    expect(asked).toHaveLength(2);
    await clock.pass(1);
    await rates.ask(VMS, [host]);
    expect(asked).toHaveLength(4);
    const unasked = aHost('h1');
    await new DirtyRates(undefined, clock).ask(VMS, [unasked.host]);
    expect(unasked.asked).toEqual([]);
  });

  it.each([
    ['lacks it', new LibvirtError(ERROR.noSupport, 'not supported', false), 'not supported'],
    ['forbids it', new LibvirtError(ERROR.accessDenied, 'access denied', false), 'access denied'],
    ['hangs', new CallTimeout('no answer within 5 s'), 'no answer within 5 s'],
  ])('are reported as missing where a host %s', async (_, failure, text) => {
    const clock = manualClock();
    const bad = aHost('bad', failure);
    const good = aHost('good');
    const rates = new DirtyRates(EVERY_MINUTE, clock);
    const hosts = [bad.host, good.host];
    const expected = [`bad: no dirty rates: ${text}`];
    expect(await rates.ask(VMS, hosts)).toEqual(expected);
    expect([bad.asked.length, good.asked.length]).toEqual([1, 2]);
    // It stands until the host is asked again.
    expect(await rates.ask(VMS, hosts)).toEqual(expected);
    expect(bad.asked).toHaveLength(1);
  });

  it("are nobody's problem while a guest migrates", async () => {
    const failure = new LibvirtError(ERROR.operationInvalid, 'domain is being migrated', false);
    const { host, asked } = aHost('h1', failure);
    expect(await new DirtyRates(EVERY_MINUTE, manualClock()).ask(VMS, [host])).toEqual([]);
    expect(asked).toEqual(['v1', 'v2']);
  });
});
