// Role: which hosts are asked about one that does not answer, and what their answers come to.
import { describe, expect, it } from 'vitest';

import type { HostSign } from '../../../src/domain/host-failure.ts';
import { HOST_STATES } from '../../../src/domain/host.ts';
import { clusterId, sourceId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { askPeers, peersOf, peersSign } from '../../../src/execute/peer-sign.ts';
import type { PeerAnswer, PeerProbe } from '../../../src/ports/peer-probe.ts';
import { aFailure, aHost } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';

const SILENT = aHost({ id: 'h1', connection: 'disconnected' });
const YES: PeerAnswer = { kind: 'reaches' };
const NO: PeerAnswer = { kind: 'does-not-reach' };
const LOST: PeerAnswer = { kind: 'unknown', detail: 'ended with 255' };

function signOf(...answers: readonly PeerAnswer[]): Pick<HostSign, 'verdict' | 'detail'> {
  const { kind, ...sign } = peersSign(
    answers.map((answer, at) => ({ peer: `h${at + 2}`, answer })),
  );
  expect(kind).toBe('peers');
  return sign;
}

describe('what peers say', () => {
  it('is a sign of life where one of them reaches it, whatever the others say', () => {
    expect(signOf(YES)).toEqual({ verdict: 'alive', detail: 'h2 reaches it' });
    expect(signOf(NO, NO, YES)).toEqual({ verdict: 'alive', detail: 'h4 reaches it' });
    expect(signOf(LOST, YES, YES)).toEqual({ verdict: 'alive', detail: 'h3 and h4 reach it' });
  });

  it('is silence where two or more do not reach it', () => {
    expect(signOf(NO, NO)).toEqual({ verdict: 'silent', detail: 'h2 and h3 do not reach it' });
    expect(signOf(NO, LOST, NO).verdict).toBe('silent');
    expect(signOf(NO, NO, NO).detail).toBe('h2, h3 and h4 do not reach it');
  });

  it('is nothing where one alone does not reach it', () => {
    const detail = 'only h2 does not reach it; h3: ended with 255';
    expect(signOf(NO, LOST)).toEqual({ verdict: 'unknown', detail });
    expect(signOf(NO)).toEqual({ verdict: 'unknown', detail: 'only h2 does not reach it' });
  });

  it('is nothing where nobody gave an answer, however many were asked', () => {
    expect(signOf(LOST, LOST, LOST).verdict).toBe('unknown');
    expect(signOf()).toEqual({ verdict: 'unknown', detail: 'no other host to ask' });
  });
});

describe('who is asked', () => {
  const ids = (hosts: readonly ReturnType<typeof aHost>[], most = 3) =>
    peersOf(SILENT, hosts, most).map(({ id }) => id);

  it('is the cluster first, then the source, by id, no more than wanted', () => {
    const hosts = [
      aHost({ id: 'h9' }),
      aHost({ id: 'a1', cluster: clusterId('c2') }),
      aHost({ id: 'a2', cluster: undefined }),
      aHost({ id: 'h3' }),
      aHost({ id: 'a0', cluster: clusterId('c2'), source: sourceId('far') }),
      aHost({ id: 'h5', source: sourceId('far') }),
      SILENT,
    ];
    expect(ids(hosts, 9)).toEqual(['h3', 'h5', 'h9', 'a1', 'a2']);
    expect(ids(hosts.toReversed(), 2)).toEqual(['h3', 'h5']);
  });

  it('is nobody for having no cluster either', () => {
    const alone = { ...SILENT, cluster: undefined };
    const other = aHost({ id: 'h2', cluster: undefined, source: sourceId('far') });
    expect(peersOf(alone, [other], 3)).toEqual([]);
  });

  it('is nobody who does not answer, or has failed', () => {
    const hosts = [
      aHost({ id: 'h2', connection: 'disconnected' }),
      aHost({ id: 'h3', failure: aFailure('returned') }),
      aHost({ id: 'h4' }),
    ];
    expect(ids(hosts)).toEqual(['h4']);
  });

  it('is nobody who is quarantined, or out of service', () => {
    const hosts = HOST_STATES.map((state) => aHost({ id: state, state }));
    expect(ids(hosts, 9)).toEqual(['healthy', 'returning', 'warn']);
  });

  it('is no machine twice, and not the silent one by another id', () => {
    const hosts = [
      aHost({ id: 'h2', name: 'one' }),
      aHost({ id: 'h3', name: 'one' }),
      aHost({ id: 'h4', name: 'h1' }),
    ];
    expect(ids(hosts)).toEqual(['h2']);
  });
});

describe('asking peers', () => {
  const hosts = ['h2', 'h3', 'h4', 'h5'].map((id) => aHost({ id }));
  const clock = manualClock();

  /** Of others than the silent one they say that they reach them. */
  function ask(
    answer: (peer: string) => Promise<PeerAnswer>,
    about = SILENT,
    control: (peer: string) => PeerAnswer = () => YES,
  ) {
    const asked: string[] = [];
    const probe: PeerProbe = {
      peers: 3,
      covers: ({ name }) => !name.startsWith('-'),
      ask: ({ name }, host) => {
        asked.push(`${name} about ${host.name}`);
        return host.name === about.name ? answer(name) : Promise.resolve(control(name));
      },
    };
    const sign = askPeers(about, { clock, probe, hosts, limit: seconds(30) });
    return { asked, sign };
  }

  it('asks all of them at once', async () => {
    const { asked, sign } = ask(() => new Promise(() => undefined));
    expect(asked).toEqual(['h2 about h1', 'h3 about h1', 'h4 about h1']);
    await clock.until(sign, 31);
  });

  it('asks who does not reach it about the next of them, and counts who reaches that', async () => {
    const { asked, sign } = ask(async (peer) => (peer === 'h3' ? LOST : NO));
    expect(await sign).toMatchObject({ verdict: 'silent', detail: 'h2 and h4 do not reach it' });
    expect(asked.slice(3).toSorted()).toEqual(['h2 about h3', 'h4 about h2']);
  });

  it('takes a question that has the same answer for every host for none', async () => {
    const { sign } = ask(
      async () => NO,
      SILENT,
      (peer) => (peer === 'h4' ? YES : NO),
    );
    const detail =
      'only h4 does not reach it; h2: it does not reach h3 either; h3: it does not reach h4 either';
    expect(await sign).toEqual({ kind: 'peers', verdict: 'unknown', detail });
    const lost = ask(
      async () => NO,
      SILENT,
      () => LOST,
    );
    const { verdict, detail: why } = await lost.sign;
    expect(verdict).toBe('unknown');
    expect(why).toContain('h4: it does not reach h2 either (ended with 255)');
  });

  it('takes no answer, and a failure, for nothing said', async () => {
    const { sign } = ask((peer) => {
      if (peer === 'h2') return Promise.resolve(NO);
      return peer === 'h3' ? Promise.reject(new Error('broken')) : new Promise(() => undefined);
    });
    const detail = expect.stringMatching(/^only h2 does not reach it; h3: broken; h4: .*30 s/);
    expect(await clock.until(sign, 31)).toEqual({ kind: 'peers', verdict: 'unknown', detail });
  });

  it('asks nobody about a host that cannot be named, nor one that cannot', async () => {
    const odd = ask(async () => NO, aHost({ id: 'h1', name: '-x' }));
    expect((await odd.sign).verdict).toBe('unknown');
    expect(odd.asked).toEqual([]);
    const names = [aHost({ id: 'h0', name: '-y' }), ...hosts];
    const probe: PeerProbe = {
      peers: 2,
      covers: ({ name }) => !name.startsWith('-'),
      ask: async (_peer, host) => (host.id === SILENT.id ? NO : YES),
    };
    const { detail } = await askPeers(SILENT, { clock, probe, hosts: names, limit: seconds(30) });
    expect(detail).toBe('h2 and h3 do not reach it');
  });
});
