// Role: how long a condition has to hold before it is a finding, and what breaks that.
import { describe, expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import { TEST_NOW } from '../../support/fleet.ts';
import { aRule, blind, busy, Ticks } from './support.ts';

describe('hold time', () => {
  const rule = aRule({ forSeconds: seconds(300) });

  it('opens after the condition held without a break', async () => {
    const ticks = new Ticks([rule]);
    expect((await ticks.at(0, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(299, busy(0.9))).findings).toEqual([]);
    const { findings } = await ticks.at(300, busy(0.9));
    expect(findings[0]).toMatchObject({ since: TEST_NOW + 300 });
    expect(findings[0]?.text).toBe('host h1: cpu.used.ratio p95 90 % > 85 % for 5 min');
    const later = (await ticks.at(600, busy(0.9))).findings;
    expect(later[0]).toMatchObject({ id: findings[0]?.id, since: TEST_NOW + 300 });
  });

  it('starts anew after a break', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    await ticks.at(200, busy(0.5));
    await ticks.at(250, busy(0.9));
    expect((await ticks.at(400, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(550, busy(0.9))).findings).toHaveLength(1);
  });

  it('neither opens nor starts anew while nothing is known', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    const unknown = await ticks.at(400, blind());
    expect(unknown.findings).toEqual([]);
    expect(unknown.gaps).toEqual([
      { host: 'h1', rule: 'test/hot', fact: 'host.cpu.used.ratio.p95', reason: 'stale' },
    ]);
    expect((await ticks.at(460, busy(0.9))).findings).toHaveLength(1);
  });

  it('starts anew where nothing was known for longer than twice that', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    for (let at = 60; at < 8 * 3600; at += 60) await ticks.at(at, blind());
    expect((await ticks.at(8 * 3600, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(8 * 3600 + 300, busy(0.9))).findings).toHaveLength(1);
    // What is open stays so, however long nothing is known.
    for (let at = 9 * 3600; at < 10 * 3600; at += 60) {
      expect((await ticks.at(at, blind())).findings).toHaveLength(1);
    }
  });

  it('starts anew where nobody looked for longer than twice that', async () => {
    const ticks = new Ticks([rule]);
    ticks.everySeconds = seconds(60);
    await ticks.at(0, busy(0.9));
    await ticks.at(200, busy(0.9));
    expect((await ticks.at(86_400, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(86_640, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(86_700, busy(0.9))).findings).toHaveLength(1);
    expect((await ticks.at(2 * 86_400, busy(0.9))).findings).toHaveLength(1);
  });

  it('goes on over shorter gaps, over looks that come late, and from older records', async () => {
    const after = async (gap: number, every: number, held = 300) => {
      const ticks = new Ticks([{ ...rule, forSeconds: seconds(held) }]);
      ticks.everySeconds = seconds(every);
      await ticks.at(0, busy(0.9));
      return { ticks, found: async () => (await ticks.at(gap, busy(0.9))).findings.length };
    };
    expect(await (await after(600, 60)).found()).toBe(1);
    expect(await (await after(601, 60)).found()).toBe(0);
    expect(await (await after(900, 900)).found()).toBe(1);
    expect(await (await after(250, 60, 30)).found()).toBe(1);
    const { ticks, found } = await after(86_400, 60);
    ticks.memory = ticks.memory.map((entry) => ({ ...entry, lastTrueAt: undefined }));
    expect(await found()).toBe(1);
  });

  it('survives a clock that goes back', async () => {
    const ticks = new Ticks([rule]);
    await ticks.at(0, busy(0.9));
    expect((await ticks.at(-7200, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(-7200 + 299, busy(0.9))).findings).toEqual([]);
    expect((await ticks.at(-7200 + 300, busy(0.9))).findings).toHaveLength(1);
  });
});
