// Role: what a daemon asks hosts by, as its configuration says.
import { describe, expect, it } from 'vitest';

import { powerOf } from '../../../src/app/build-sources.ts';
import { seconds } from '../../../src/domain/units.ts';
import { aHost } from '../../support/fleet.ts';

const NONE = { fencing: [], probes: [], peerProbe: undefined };
const [H1, H2] = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];

describe('powerOf', () => {
  it('asks nobody where nothing is configured', () => {
    expect(powerOf(NONE)).toEqual({ fencing: undefined, probe: undefined, peerProbe: undefined });
  });

  it('asks peers by the command that is configured, so many of them', async () => {
    const command = ['sh', '-c', 'test "$0 $1" = "h2 h1"', '{peer}', '{host}'];
    const { peerProbe } = powerOf({
      ...NONE,
      peerProbe: { command, peers: 5, timeoutSeconds: seconds(20) },
    });
    expect(peerProbe?.peers).toBe(5);
    const { signal } = new AbortController();
    expect(await peerProbe?.ask(H2, H1, signal)).toEqual({ kind: 'reaches' });
    expect(await peerProbe?.ask(H1, H2, signal)).toEqual({ kind: 'does-not-reach' });
  });
});
