// Role: proves the watch over the heartbeats, without any server: what it must notice, it notices,
// and an honest migration, even one that tears a line in two, rouses no suspicion.
import { describe, expect, it } from 'vitest';

import { ConsoleLines } from './console-lines.ts';
import { type Beat, type GuestReport, HeartbeatLedger, parseBeat } from './heartbeat-ledger.ts';

const BEAT: Beat = {
  name: 'vm1',
  boot: 'aaaa',
  seq: 0,
  upMs: 0,
  dirtiedMiB: 0,
  badPages: 0,
  diskKiB: 0,
  diskBad: 0,
  diskErrors: 0,
};

/** Each step: host, boot, seq, and when; further beat fields on demand. */
type Step = readonly [host: number, boot: string, seq: number, atMs: number, more?: Partial<Beat>];

function reportOf(steps: readonly Step[]): GuestReport {
  const ledger = new HeartbeatLedger(500);
  for (const [host, boot, seq, atMs, more] of steps) {
    ledger.add([{ host, atMs, beat: { ...BEAT, boot, seq, upMs: 1000 + seq * 100, ...more } }]);
  }
  const [report] = ledger.report();
  if (report === undefined) throw new Error('no guest');
  return report;
}

describe('heartbeat ledger', () => {
  it('reads what the guest writes, and nothing else', () => {
    const line =
      'HB name=vm1 boot=aaaa seq=7 up=1700 dirtied=10 bad=1 disk=64 diskbad=2 diskerr=3\r';
    const beat = { ...BEAT, seq: 7, upMs: 1700, dirtiedMiB: 10, badPages: 1, diskKiB: 64 };
    expect(parseBeat(line)).toEqual({ ...beat, diskBad: 2, diskErrors: 3 });
    expect(parseBeat(`HB name=vm1 boot=aaaa seq=6 up=1600 dir${line}`)?.seq).toBe(7);
    expect(parseBeat(line.slice(0, -4))).toBeUndefined();
    expect(parseBeat('Kernel panic - not syncing')).toBeUndefined();
  });

  it('takes a move for a move, with the time the world had to wait', () => {
    const report = reportOf([
      [1, 'aaaa', 0, 0],
      [1, 'aaaa', 1, 100],
      [2, 'aaaa', 2, 700],
      [2, 'aaaa', 3, 800],
      [1, 'aaaa', 4, 1200],
    ]);
    expect(report).toMatchObject({ host: 1, beats: 5, holes: [], repeats: [], restarts: [] });
    expect(report.overlaps).toEqual([]);
    expect(report.moves).toMatchObject([
      { from: 1, to: 2, gapMs: 600, guestMs: 100 },
      { from: 2, to: 1, gapMs: 400, guestMs: 100 },
    ]);
    expect(report.gaps).toMatchObject([{ gapMs: 600 }]);
    expect(report.maxGapMs).toBe(600);
  });

  it('notices lost and repeated beats', () => {
    const report = reportOf([
      [1, 'aaaa', 0, 0],
      [1, 'aaaa', 3, 300],
      [1, 'aaaa', 2, 400],
    ]);
    expect(report.holes).toMatchObject([{ after: 0, seq: 3 }]);
    expect(report.repeats).toMatchObject([{ after: 3, seq: 2 }]);
  });

  it('notices a guest that was started once more, and keeps its old sins', () => {
    const report = reportOf([
      [1, 'aaaa', 50, 0, { badPages: 2 }],
      [2, 'bbbb', 0, 9000],
      [2, 'bbbb', 1, 9100, { badPages: 1 }],
    ]);
    expect(report.restarts).toEqual([{ from: 1, to: 2, atMs: 9000, gapMs: 9000 }]);
    expect(report).toMatchObject({ moves: [], overlaps: [], corruptPages: 3 });
  });

  it('notices a second copy beside the first', () => {
    const report = reportOf([
      [1, 'aaaa', 50, 0],
      [2, 'bbbb', 0, 50],
      [1, 'aaaa', 51, 100],
    ]);
    expect(report.overlaps).toEqual([{ hosts: [2, 1], atMs: 100 }]);
  });

  it('notices one and the same state that runs on two hosts', () => {
    const report = reportOf([
      [1, 'aaaa', 50, 0],
      [2, 'aaaa', 51, 300],
      [1, 'aaaa', 51, 310],
    ]);
    expect(report.overlaps).toEqual([{ hosts: [2, 1], atMs: 310 }]);
  });

  it('is not misled by the order in which it reads the consoles', () => {
    const ledger = new HeartbeatLedger(500);
    const beat = (host: number, seq: number) => ({ host, atMs: 0, beat: { ...BEAT, seq } });
    ledger.add([beat(2, 11), beat(1, 9), beat(1, 10)]);
    expect(ledger.report()[0]).toMatchObject({ overlaps: [], holes: [], lastSeq: 11, host: 2 });
  });

  it('puts a line together that a migration tore', () => {
    const lines = new ConsoleLines((line) => /^HB \d+ end$/.test(line));
    expect(lines.feed(1, 'HB 1 end\nHB 2')).toEqual(['HB 1 end']);
    expect(lines.feed(2, ' end\nHB 3 ')).toEqual(['HB 2 end']);
    expect(lines.feed(2, 'end\n')).toEqual(['HB 3 end']);
    expect(lines.feed(1, 'HB 4 end\n')).toEqual(['HB 4 end']);
  });
});
