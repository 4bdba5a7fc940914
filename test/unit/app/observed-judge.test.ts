// Role: what becomes of a move that mode observe would have made, one way after the other.
import { describe, expect, it } from 'vitest';

import { ABANDONED_SECONDS, judgeObserved, MOST_OPEN } from '../../../src/app/observed-judge.ts';
import { openedLine, settledLine } from '../../../src/app/observed-lines.ts';
import { hostId, vmId } from '../../../src/domain/ids.ts';
import { flight } from '../../support/plans.ts';
import { momentAt, ObservedLife, sightOf, type WishedMove } from '../../support/observed.ts';

const V1: WishedMove = { vm: 'v1', to: 'h2' };

/** v1 is wanted away from h1, to h2, at 0 s and at 60 s. */
function wanted(): ObservedLife {
  return new ObservedLife().tick({ at: 0, wishes: [V1] }).tick({ at: 60, wishes: [V1] });
}

function lineOf(life: ObservedLife): string | undefined {
  return life.settled.map(settledLine).at(-1)?.text;
}

describe('a move that is wanted and not made', () => {
  it('is opened once, with why, and follows its target', () => {
    const life = wanted().tick({ at: 120, wishes: [{ ...V1, to: 'h3' }] });
    expect(life.opened.map(openedLine)).toMatchObject([
      { vm: 'v1', from: 'h1', host: 'h2', text: 'v1 would be moved from h1 to h2: f1 says so' },
    ]);
    expect(life.open).toMatchObject([{ to: 'h3', retargets: 1, lastAt: momentAt(120) }]);
    expect(life.settled).toEqual([]);
  });

  it('is none where the gate lets it through, asks first, or refuses it', () => {
    const life = new ObservedLife();
    for (const verdict of ['execute', 'needs-approval', 'refused'] as const)
      life.tick({ at: 0, wishes: [{ ...V1, verdict }] });
    expect(life.opened).toEqual([]);
  });

  it('stays open while a window or a budget holds it back, with its target', () => {
    const life = wanted();
    for (let at = 120; at < 7200; at += 60)
      life.tick({ at, wishes: [{ vm: 'v1', to: 'h3', verdict: 'refused' }] });
    expect(life.open).toMatchObject([{ to: 'h2', retargets: 0, lastAt: momentAt(7140) }]);
  });

  it('goes as far as all moves of its VM together', () => {
    const life = new ObservedLife();
    life.tick({ at: 0, wishes: [V1, { vm: 'v1', from: 'h2', to: 'h3' }] });
    expect(life.open).toMatchObject([{ from: 'h1', to: 'h3' }]);
  });

  it('is not opened where too many are', () => {
    const [move] = wanted().open;
    if (move === undefined) throw new Error('nothing is open');
    const before = Array.from({ length: MOST_OPEN }, (_none, index) => {
      return { ...move, id: `o${index}`, vm: vmId(`o${index}`), from: hostId('elsewhere') };
    });
    const judged = judgeObserved(sightOf({ at: 60, wishes: [V1], source: 'down' }, before));
    expect(judged).toMatchObject({ opened: [], settled: [], leftOut: 1 });
  });
});

describe('a VM that somebody moves', () => {
  it('went where it was to go', () => {
    const life = wanted().tick({ at: 120, vms: { v1: 'h2' } });
    expect(life.ends).toEqual([['moved-there', 120]]);
    expect(lineOf(life)).toBe(
      'v1 would have been moved from h1 to h2 (wanted for 1 min): f1 says so; ' +
        'really: somebody moved it to h2, the same host, 2 min after it was first wanted',
    );
  });

  it('went elsewhere, and is wanted anew from there', () => {
    const life = wanted().tick({
      at: 120,
      vms: { v1: 'h3' },
      wishes: [{ vm: 'v1', from: 'h3', to: 'h2' }],
    });
    expect(life.settled).toMatchObject([{ end: { outcome: 'moved-elsewhere', host: 'h3' } }]);
    expect(life.open).toMatchObject([{ from: 'h3', firstAt: momentAt(120) }]);
  });

  it('was moved by Drover itself, as an order or another mode had it do', () => {
    const life = wanted();
    life.tick({ at: 120, vms: { v1: 'h2' }, inFlight: [flight('v1', 'h1', 'h2')] });
    expect(life.settled).toEqual([]);
    const recent = { vm: vmId('v1'), from: hostId('h1'), to: hostId('h2'), arrivedAt: undefined };
    const recentMoves = [{ ...recent, openedAt: momentAt(100) }];
    life.tick({ at: 180, vms: { v1: 'h2' }, recentMoves });
    expect(life.ends).toEqual([['carried-out', 180]]);
    // One of before it was wanted is another one.
    const before = [{ ...recent, openedAt: momentAt(-100) }];
    const other = wanted().tick({ at: 180, vms: { v1: 'h2' }, recentMoves: before });
    expect(other.ends).toEqual([['moved-there', 180]]);
  });
});

describe('a VM that stays', () => {
  const pass = (life: ObservedLife, tick: Omit<Parameters<ObservedLife['tick']>[0], 'at'>) => {
    for (let at = 120; at <= 720; at += 60) life.tick({ ...tick, at });
    return life;
  };

  it('is left to itself when the finding is over', () => {
    const life = pass(wanted(), { findings: [] });
    expect(life.ends).toEqual([['ended', 120]]);
    expect(lineOf(life)).toMatch(/really: the finding ended, and it stayed on h1, 2 min/);
  });

  it('gives way to another VM, or to nobody, while the finding holds', () => {
    const vms = { v1: 'h1', v2: 'h1' };
    const other = pass(wanted(), { vms, wishes: [{ vm: 'v2', to: 'h3' }] });
    expect(other.ends).toEqual([['other-vm', 120]]);
    expect(pass(wanted(), {}).ends).toEqual([['not-planned', 120]]);
  });

  it('is off or gone; while its source or its host does not answer nobody knows', () => {
    expect(pass(wanted(), { power: { v1: 'off' } }).ends).toEqual([['powered-off', 120]]);
    expect(pass(wanted(), { vms: {} }).ends).toEqual([['deleted', 120]]);
    expect(pass(wanted(), { vms: {}, source: 'down' }).ends).toEqual([]);
    expect(pass(wanted(), { vms: {}, connection: 'disconnected' }).ends).toEqual([]);
  });

  it('is wanted all the same where the wish flickers: that is one wish', () => {
    const life = wanted();
    for (let at = 120; at < 36_000; at += 60)
      life.tick({ at, wishes: at % 120 === 0 ? [V1] : [], findings: at % 120 === 0 ? ['f1'] : [] });
    expect(life.opened).toHaveLength(1);
    expect(life.settled).toEqual([]);
  });

  it('is not judged by a plan of a part, or by none', () => {
    expect(pass(wanted(), { isWhole: false, findings: [] }).ends).toEqual([]);
  });

  it('is judged when the clock was set back meanwhile', () => {
    const life = wanted().tick({ at: 120, findings: [] });
    for (let at = -5000; at <= -3000; at += 60) life.tick({ at, findings: [] });
    expect(life.settled).toHaveLength(1);
    expect(lineOf(life)).not.toContain('?');
  });
});

describe('a time in which nobody looked', () => {
  it('is told with a move that was found to have happened in it', () => {
    const life = wanted().tick({ at: 7260, vms: { v1: 'h2' } });
    expect(life.settled).toMatchObject([{ end: { notBefore: momentAt(60), at: momentAt(7260) } }]);
    expect(lineOf(life)).toMatch(/to h2, the same host, while Drover did not look \(2 h\)$/);
  });

  it('ends with the wish found again, and the gap on record', () => {
    const life = wanted().tick({ at: 7260, wishes: [V1] });
    for (let at = 7320; at <= 8000; at += 60) life.tick({ at, findings: [] });
    expect(life.ends).toEqual([['ended', 7320]]);
    expect(life.settled).toMatchObject([{ firstAt: momentAt(0), unseenSeconds: 7200 }]);
    expect(lineOf(life)).toContain('unseen for 2 h of that');
  });

  it('leaves it unknown where the wish is not found again', () => {
    const life = wanted();
    for (let at = 7260; at <= 8000; at += 60) life.tick({ at, findings: [] });
    expect(life.ends).toEqual([['unknown', 7260]]);
    expect(lineOf(life)).toMatch(
      /Drover did not look for 2 h; what happened between is not known, and it is on h1 as before$/,
    );
  });

  it('is none between two ticks that are far apart', () => {
    const life = new ObservedLife().tick({ at: 0, wishes: [V1] });
    for (const at of [2000, 4000]) life.tick({ at, findings: [], every: 2000 });
    expect(life.ends).toEqual([['ended', 2000]]);
  });

  it('is none where the clock was ahead for a while', () => {
    const life = wanted();
    life.tick({ at: 8 * 86_400, wishes: [V1] });
    life.tick({ at: 8 * 86_400 + 60, findings: [] });
    for (let at = 180; at <= 900; at += 60) life.tick({ at, findings: [] });
    expect(life.settled).toHaveLength(1);
    expect(life.settled[0]?.unseenSeconds).toBeUndefined();
    expect(life.settled[0]?.end.notBefore).toBeUndefined();
  });

  it('is found in a clock that was set back a little as before', () => {
    const life = wanted().tick({ at: 7260, findings: [] });
    for (let at = 7200; at <= 8000; at += 60) life.tick({ at, findings: [] });
    expect(life.settled).toMatchObject([{ end: { outcome: 'unknown' }, unseenSeconds: 7200 }]);
  });

  it('is no gap where it is short', () => {
    const life = wanted();
    for (let at = 660; at <= 1300; at += 60) life.tick({ at, findings: [] });
    expect(life.ends).toEqual([['ended', 660]]);
  });
});

describe('several controllers', () => {
  it('leave each other what they observe, until the VM is where another one acts', () => {
    const life = wanted();
    for (let at = 120; at <= 1200; at += 60) life.tick({ at, findings: [], hosts: ['h2', 'h3'] });
    expect(life.open).toMatchObject([{ lookedAt: momentAt(60) }]);
    life.tick({ at: 1260, vms: { v1: 'h3' }, hosts: ['h2', 'h3'] });
    expect(life.settled).toMatchObject([{ end: { outcome: 'moved-elsewhere', host: 'h3' } }]);
  });

  it('settle what nobody looks at any more, by no clock of another one', () => {
    const life = wanted();
    const elsewhere = { vms: {}, hosts: ['h2'] };
    // The clock of this one is far ahead of that of the other, which looks every minute.
    life.tick({ ...elsewhere, at: 9 * ABANDONED_SECONDS });
    life.still = ABANDONED_SECONDS - 1;
    life.tick({ ...elsewhere, at: 9 * ABANDONED_SECONDS });
    expect(life.settled).toEqual([]);
    life.still = ABANDONED_SECONDS;
    // Or it is behind it.
    life.tick({ ...elsewhere, at: 0 });
    const end = { outcome: 'unknown', at: momentAt(0), notBefore: momentAt(0) };
    expect(life.settled).toMatchObject([{ end }]);
  });
});
