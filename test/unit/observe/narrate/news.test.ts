import { describe, expect, it } from 'vitest';

import { News } from '../../../../src/observe/narrate/news.ts';

describe('news', () => {
  it('is what differs in words, not in figures, from the last about the subject', () => {
    const news = new News();
    const said = ['cpu 71.3 %', 'cpu 70 %', 'memory 70 %', 'cpu 70 %'];
    expect(said.map((text) => news.isNew('h1', text))).toEqual([true, false, true, true]);
    expect(news.isNew('h2', 'cpu 70 %')).toBe(true);
  });

  it('is not the same figure in another unit', () => {
    const news = new News();
    const said = ['for 57 s', 'for 3 min', 'for 1.5 h', 'for 3 minutes'];
    expect(said.map((text) => news.isNew('h1', text))).toEqual([true, false, false, true]);
  });

  it('forgets the oldest of very many subjects', () => {
    const news = new News();
    for (let i = 0; i <= 1_000; i++) news.isNew(`host ${i}`, 'down');
    expect([news.isNew('host 1000', 'down'), news.isNew('host 0', 'down')]).toEqual([false, true]);
  });
});
