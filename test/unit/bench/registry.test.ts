import { describe, expect, it } from 'vitest';

import { BENCHES } from '../../bench/registry.ts';

// In small: that they run and measure what they say, not how fast.
describe('the benchmarks', () => {
  it('of the collector counts every series', async () => {
    const figures = await BENCHES['collect']?.run(['--hosts', '2', '--vms', '4', '--polls', '4']);
    expect(figures).toMatchObject({ hosts: 2, vms: 4, series: 2 * 9 + 4 * 6 });
  });

  it('of the rules fires them on the hot hosts', async () => {
    const figures = await BENCHES['rules']?.run(['--hosts', '10', '--hot', '0.2', '--ticks', '1']);
    expect(figures).toMatchObject({ hosts: 10, findings: 2 * 10 });
  });

  it('refuse an option that they do not know, or that is no number', () => {
    expect(() => BENCHES['rules']?.run(['--cold', '1'])).toThrow(TypeError);
    expect(() => BENCHES['rules']?.run(['--hosts', 'many'])).toThrow(/expected a number/u);
  });
});
