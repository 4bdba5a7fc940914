// Role: the table of src/execute/assess-host.ts, line by line, and its times.
import { describe, expect, it } from 'vitest';

import type { HostFailureRecord, HostSign, SignKind } from '../../../src/domain/host-failure.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { assessHost } from '../../../src/execute/assess-host.ts';

const HELD = 60;

function signs(of: Partial<Record<SignKind, HostSign['verdict']>>): readonly HostSign[] {
  return Object.entries(of).map(([kind, verdict]) => ({
    kind: kind as SignKind, // the keys of that very type
    verdict,
    detail: '',
  }));
}

/** The same signs at every look, a minute apart; the record after each. */
function looks(
  of: Partial<Record<SignKind, HostSign['verdict']>>,
  times: number,
  first?: HostFailureRecord,
  from = 0,
): readonly (HostFailureRecord | undefined)[] {
  const out: (HostFailureRecord | undefined)[] = [];
  let before = first;
  for (let look = 0; look < times; look += 1) {
    before = assessHost({
      host: hostId('h1'),
      signs: signs(of),
      before,
      isFollowed: true,
      suspectAfterSeconds: seconds(HELD),
      now: epochSeconds(from + look * 60),
    });
    out.push(before);
  }
  return out;
}

function states(...[of, times, first, from]: Parameters<typeof looks>): readonly string[] {
  return looks(of, times, first, from).map((record) => record?.state ?? 'well');
}

function dead(): HostFailureRecord {
  const last = looks({ adapter: 'silent', probe: 'silent', power: 'silent' }, 3).at(-1);
  if (last === undefined) throw new Error('a host without power is not well');
  return last;
}

describe('assessHost', () => {
  it('finds nothing wrong with a host that answers', () => {
    expect(states({ adapter: 'alive' }, 3)).toEqual(['well', 'well', 'well']);
  });

  it('never suspects a host by its hypervisor alone', () => {
    expect(states({ adapter: 'silent' }, 20).at(-1)).toBe('unreachable');
    expect(states({ adapter: 'silent', probe: 'unknown' }, 20).at(-1)).toBe('unreachable');
  });

  it.each(['metrics', 'probe', 'alert'] as const)('believes a sign of life (%s)', (kind) => {
    const all = { adapter: 'silent', probe: 'silent', alert: 'silent', power: 'silent' } as const;
    expect(states({ ...all, [kind]: 'alive' }, 20).at(-1)).toBe('unreachable');
  });

  it.each(['probe', 'alert'] as const)('suspects it once %s has agreed long enough', (kind) => {
    expect(states({ adapter: 'silent', [kind]: 'silent' }, 3)).toEqual([
      'unreachable',
      'suspected-dead',
      'suspected-dead',
    ]);
  });

  it('knows it dead when its power is off at two looks in a row', () => {
    const off = { adapter: 'silent', power: 'silent' } as const;
    expect(states(off, 2)).toEqual(['unreachable', 'dead']);
    expect(dead()).toMatchObject({ state: 'dead', powerOff: { at: 60, how: 'found' } });
    const cycling = looks({ adapter: 'silent', probe: 'silent' }, 3).at(-1);
    const seenOnce = { adapter: 'silent', probe: 'silent', power: 'silent' } as const;
    expect(states(seenOnce, 2, cycling, 180)).toEqual(['suspected-dead', 'dead']);
  });

  it('takes one answer of its device that is shown at two looks for one', () => {
    const off = { kind: 'power', verdict: 'silent', detail: 'off' } as const;
    const found: (string | undefined)[] = [];
    let before = looks({ adapter: 'silent', probe: 'silent' }, 3).at(-1);
    for (const [now, answered] of [
      [130, 125],
      [140, 125],
      [150, 145],
    ] as const) {
      const power = { ...off, at: epochSeconds(answered) };
      before = assessHost({
        host: hostId('h1'),
        signs: [...signs({ adapter: 'silent', probe: 'silent' }), power],
        before,
        isFollowed: true,
        suspectAfterSeconds: seconds(HELD),
        now: epochSeconds(now),
      });
      found.push(before?.state);
    }
    expect(found).toEqual(['suspected-dead', 'suspected-dead', 'dead']);
  });

  it('begins to count anew after a sign of life, or an answer', () => {
    const suspected = looks({ adapter: 'silent', probe: 'silent' }, 3).at(-1);
    expect(states({ adapter: 'silent', probe: 'alive' }, 1, suspected, 180)).toEqual([
      'unreachable',
    ]);
    const [answered] = looks({ adapter: 'alive' }, 1, suspected, 180);
    expect(answered).toMatchObject({ state: 'suspected-dead', answersSince: 180 });
    const again = looks({ adapter: 'silent', probe: 'silent' }, 1, answered, 240).at(-1);
    expect(again).toMatchObject({ state: 'unreachable', silentSince: 240, confirmedSince: 240 });
  });

  it('begins to count anew after a gap in which nobody has looked', () => {
    const suspected = looks({ adapter: 'silent', probe: 'silent', power: 'silent' }, 1).at(-1);
    const again = assessHost({
      host: hostId('h1'),
      signs: signs({ adapter: 'silent', probe: 'silent', power: 'silent' }),
      before: suspected,
      isFollowed: false,
      suspectAfterSeconds: seconds(HELD),
      now: epochSeconds(3600),
    });
    const anew = { state: 'unreachable', silentSince: 3600, confirmedSince: 3600 };
    expect(again).toMatchObject(anew);
  });

  it('is well again only after answering for a while', () => {
    const [silent] = looks({ adapter: 'silent' }, 1);
    expect(states({ adapter: 'alive' }, 3, silent, 60)).toEqual([
      'unreachable',
      'unreachable',
      'well',
    ]);
  });

  it('stays dead until there is a sign of life: then its VMs may run', () => {
    const said = { adapter: 'silent', probe: 'unknown', power: 'unknown' } as const;
    expect(states(said, 5, dead(), 180).at(-1)).toBe('dead');
    const [lives] = looks({ ...said, probe: 'alive' }, 1, dead(), 180);
    expect(lives).toMatchObject({ state: 'unreachable', powerOff: undefined });
  });

  it('is suspected again once its power is on at two looks in a row', () => {
    const on = { kind: 'power', verdict: 'unknown', detail: 'on' } as const;
    const restarted = [{ vm: vmId('db'), name: 'db' }];
    let before: HostFailureRecord | undefined = { ...dead(), restarted };
    const found: (string | undefined)[] = [];
    for (const now of [180, 240, 300]) {
      before = assessHost({
        host: hostId('h1'),
        signs: [...signs({ adapter: 'silent', probe: 'silent' }), on],
        before,
        isFollowed: true,
        suspectAfterSeconds: seconds(HELD),
        now: epochSeconds(now),
      });
      found.push(before?.state);
    }
    expect(found).toEqual(['dead', 'suspected-dead', 'suspected-dead']);
    const record = { powerOff: undefined, poweredOnAt: 240, wasDead: true, restarted };
    expect(before).toMatchObject(record);
  });

  it('is held out after its death, once it answers', () => {
    expect(states({ adapter: 'alive' }, 9, dead(), 180)).toEqual(Array(9).fill('returned'));
  });

  it('does not forget what is left on a host that falls silent once more', () => {
    const restarted = [{ vm: vmId('db'), name: 'db' }];
    const [returned] = looks({ adapter: 'alive' }, 1, { ...dead(), restarted }, 180);
    const [silent] = looks({ adapter: 'silent' }, 1, returned, 240);
    expect(silent).toMatchObject({ state: 'unreachable', restarted });
    expect(states({ adapter: 'alive' }, 9, silent, 300).at(-1)).toBe('returned');
  });

  it('is readmitted by no silence: one missed answer ends nothing', () => {
    const [returned] = looks({ adapter: 'alive' }, 1, dead(), 180);
    const [silent] = looks({ adapter: 'silent' }, 1, returned, 240);
    expect(silent).toMatchObject({ state: 'unreachable', wasDead: true });
    expect(states({ adapter: 'alive' }, 9, silent, 300)).toEqual(Array(9).fill('returned'));
  });

  it('is readmitted by no boot that answers the probe before its hypervisor does', () => {
    const booting = looks({ adapter: 'silent', probe: 'alive' }, 9, dead(), 180).at(-1);
    expect(booting).toMatchObject({ state: 'unreachable', wasDead: true });
    expect(states({ adapter: 'alive' }, 9, booting, 720)).toEqual(Array(9).fill('returned'));
  });
});
