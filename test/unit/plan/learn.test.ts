// Role: learning from finished moves, on synthetic histories whose truth is known: links, set-up,
// contention, dirty rates; and what must teach nothing.
import { describe, expect, it } from 'vitest';

import { type HostId, hostId, vmId } from '../../../src/domain/ids.ts';
import { seededRng } from '../../../src/domain/rng.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { type FinishedCopy, learn } from '../../../src/plan/learn.ts';
import {
  learnedDirtyRate,
  learnedSentShare,
  type Learned,
  realShare,
} from '../../../src/plan/learned.ts';
import { preCopy } from '../../../src/plan/predict.ts';

const NOW = epochSeconds(1_800_000_000);
const DAY = 86_400;
const NOMINAL = 1.25e8;
const [A, B, C] = [hostId('a'), hostId('b'), hostId('c')];

interface Made {
  readonly bytes: number;
  readonly share: number;
  readonly setup?: number;
  readonly ageDays?: number;
  readonly from?: HostId;
  readonly to?: HostId;
  readonly vm?: string;
  readonly memoryBytes?: number;
}

/** A move as it would have gone over a link that gives `share` of its nominal bandwidth. */
function aCopy(made: Made): FinishedCopy {
  return {
    vm: vmId(made.vm ?? 'v1'),
    from: made.from ?? A,
    to: made.to ?? B,
    endedAt: epochSeconds(NOW - (made.ageDays ?? 0) * DAY),
    seconds: (made.setup ?? 1) + made.bytes / (NOMINAL * made.share),
    bytes: made.bytes,
    memoryBytes: made.memoryBytes ?? made.bytes,
    dirtying: { kind: 'unknown' },
    nominalBandwidth: NOMINAL,
    sharing: 1,
    neighbours: 0,
  };
}

function learned(copies: readonly FinishedCopy[]): Learned {
  const found = learn(copies, NOW, 0.3);
  if (found === undefined) throw new Error('nothing was learned');
  return found;
}

/** Sizes from 1 to 16 GB, again and again. */
function sizes(count: number): readonly number[] {
  return Array.from({ length: count }, (_none, i) => 1e9 * 2 ** (i % 5));
}

describe('learning from finished moves', () => {
  it('learns nothing from nothing', () => {
    expect(learn([], NOW, 0.3)).toBeUndefined();
  });

  it('finds what the link gives and what a move takes beside its copy', () => {
    const copies = sizes(40).map((bytes) => aCopy({ bytes, share: 0.7, setup: 6 }));
    const found = learned(copies);
    expect(realShare(found, A, B)).toBeCloseTo(0.7, 2);
    expect(found.setupSeconds).toBeCloseTo(6, 0);
  });

  it('is not led astray by moves that went wrong', () => {
    const rng = seededRng(7);
    const copies = sizes(60).map((bytes, i) => {
      const copy = aCopy({ bytes, share: 0.9 * (0.97 + 0.06 * rng.next()), setup: 2 });
      return i % 4 === 0 ? { ...copy, seconds: copy.seconds * (2 + 10 * rng.next()) } : copy;
    });
    const found = learned(copies);
    expect(realShare(found, A, B)).toBeGreaterThan(0.85);
    expect(realShare(found, A, B)).toBeLessThan(0.95);
  });

  it('tells a bad link from the good ones, and doubts one move alone', () => {
    const good = sizes(20).map((bytes) => aCopy({ bytes, share: 0.9, from: C, to: A }));
    const bad = sizes(20).map((bytes) => aCopy({ bytes, share: 0.3, from: A, to: B }));
    const found = learned([...good, ...bad]);
    expect(realShare(found, C, A)).toBeCloseTo(0.9, 1);
    expect(realShare(found, A, B)).toBeCloseTo(0.3, 1);
    // These two never met: what goes into B has always been slow.
    expect(realShare(found, C, B)).toBeCloseTo(0.3, 1);
    expect(realShare(found, hostId('x'), hostId('y'))).toBe(found.bandwidth.fleet);
    const once = learned([...good, aCopy({ bytes: 1e9, share: 0.1, from: C, to: B })]);
    expect(realShare(once, C, B)).toBeGreaterThan(0.8);
  });

  it('forgets', () => {
    const old = sizes(30).map((bytes) => aCopy({ bytes, share: 0.3, ageDays: 90 }));
    const recent = sizes(10).map((bytes) => aCopy({ bytes, share: 0.9, ageDays: 1 }));
    expect(realShare(learned([...old, ...recent]), A, B)).toBeGreaterThan(0.85);
  });

  it('stays within bounds', () => {
    const fast = learned(sizes(20).map((bytes) => aCopy({ bytes, share: 40, setup: 0 })));
    expect(realShare(fast, A, B)).toBeLessThanOrEqual(1.5);
    const slow = learned(sizes(20).map((bytes) => aCopy({ bytes, share: 0.001 })));
    expect(realShare(slow, A, B)).toBeGreaterThanOrEqual(0.05);
    expect(slow.setupSeconds).toBeLessThanOrEqual(60);
  });

  it('takes the share of a link that a move had for its share, not for the link', () => {
    const halves = sizes(20).map((bytes) => ({ ...aCopy({ bytes, share: 0.45 }), sharing: 2 }));
    expect(realShare(learned(halves), A, B)).toBeCloseTo(0.9, 1);
  });

  it('learns what neighbours cost', () => {
    const copies = sizes(40).map((bytes, i) => {
      const neighbours = i % 3;
      return { ...aCopy({ bytes, share: 0.9 / (1 + 0.1 * neighbours) }), neighbours };
    });
    expect(learned(copies).contention).toBeCloseTo(0.1, 1);
  });

  it('learns without the bytes, from what is said of the guest', () => {
    const dirtying = { kind: 'hot-set', hotBytes: 9.6e7, hotSeconds: 2, coldRate: 2e6 } as const;
    const copies = sizes(30).map((memoryBytes): FinishedCopy => {
      const copy = { memoryBytes, dirtying, bandwidth: 0.9 * NOMINAL, downtimeLimitSeconds: 0.3 };
      const seconds = 1 + preCopy(copy).seconds;
      return { ...aCopy({ bytes: memoryBytes, share: 1 }), bytes: undefined, dirtying, seconds };
    });
    const found = learned(copies);
    expect(realShare(found, A, B)).toBeCloseTo(0.9, 1);
  });

  it('learns what a guest makes a copy send again, beside what is measured', () => {
    const copies = sizes(12).map((memoryBytes) => {
      const bytes = memoryBytes * 1.25;
      return aCopy({ bytes, memoryBytes, share: 1, vm: 'busy' });
    });
    const found = learned(copies);
    // A fifth of the link went to what was dirtied meanwhile.
    const rate = learnedDirtyRate(found, vmId('busy'), undefined) ?? 0;
    expect(rate / (0.2 * NOMINAL)).toBeCloseTo(1, 1);
    const mixed = learnedDirtyRate(found, vmId('busy'), 0) ?? 0;
    expect(mixed).toBeGreaterThan(0.8 * rate);
    expect(mixed).toBeLessThan(rate);
  });

  it('keeps what is unknown unknown', () => {
    const found = learned([aCopy({ bytes: 1e9, share: 1 })]);
    expect(learnedDirtyRate(found, vmId('other'), undefined)).toBeUndefined();
    expect(learnedDirtyRate(found, vmId('other'), 5e6)).toBe(5e6);
    expect(learnedSentShare(found, vmId('other'))).toBe(1);
  });

  it('expects less of a guest that left its memory empty, and all of it at first', () => {
    const copies = sizes(9).map((bytes) => aCopy({ bytes, memoryBytes: 4 * bytes, share: 1 }));
    expect(learnedSentShare(learned(copies), vmId('v1'))).toBeCloseTo(0.325, 3);
    expect(learnedSentShare(learned(copies.slice(0, 1)), vmId('v1'))).toBeCloseTo(0.625, 3);
  });

  it('looks past what cannot be', () => {
    const good = sizes(10).map((bytes) => aCopy({ bytes, share: 0.8 }));
    const impossible = [
      { seconds: Number.NaN },
      { seconds: 0 },
      { seconds: -3 },
      { bytes: Number.POSITIVE_INFINITY },
      { bytes: 0 },
      { memoryBytes: 0 },
      { nominalBandwidth: 0 },
      { sharing: 0 },
      { neighbours: Number.NaN },
    ].map((wrong) => ({ ...aCopy({ bytes: 1e9, share: 0.1 }), ...wrong }));
    expect(learned([...impossible, ...good])).toEqual(learned(good));
    expect(learn(impossible, NOW, 0.3)).toBeUndefined();
  });

  it('takes a move from the future for a new one', () => {
    const copies = sizes(10).map((bytes) => aCopy({ bytes, share: 0.8, ageDays: -400 }));
    expect(realShare(learned(copies), A, B)).toBeCloseTo(0.8, 1);
  });
});
