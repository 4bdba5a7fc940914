// Role: each way to tamper with an audit trail is found, with the first entry that is wrong.
import { describe, expect, it } from 'vitest';

import type { AuditEntry, AuditHead } from '../../../src/domain/audit.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { AuditJudge, GENESIS, hashOf } from '../../../src/ledger/audit-chain.ts';

function link(head: AuditHead, kind: string, body: object): AuditEntry {
  const { seq, hash: prev } = head;
  const open = {
    seq: seq + 1,
    at: epochSeconds(100 + seq),
    kind,
    body: JSON.stringify(body),
    prev,
  };
  return { ...open, hash: hashOf(open) };
}

function chain(length: number, from: AuditHead = GENESIS): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (let index = 0; index < length; index += 1)
    entries.push(link(entries.at(-1) ?? from, 'pause', { paused: index % 2 === 0, by: 'ada' }));
  return entries;
}

const end = (entries: readonly AuditEntry[]): AuditHead => entries.at(-1) ?? GENESIS;

function judged(entries: readonly AuditEntry[], kept?: AuditHead, noted?: AuditHead) {
  const judge = new AuditJudge(noted);
  for (const entry of entries) judge.see(entry);
  return judge.verdict(kept);
}

/** Everything after the entry is hashed anew, as somebody would who knows how. */
function rechained(entries: readonly AuditEntry[]): AuditEntry[] {
  let prev = GENESIS.hash;
  return entries.map((entry, index) => {
    const open = { ...entry, seq: index + 1, prev };
    prev = hashOf(open);
    return { ...open, hash: prev };
  });
}

describe('a whole trail', () => {
  it('is one that begins at the genesis and ends at the head', () => {
    const entries = chain(9);
    const head = { seq: 9, hash: end(entries).hash };
    expect(judged(entries, head)).toEqual({ entries: 9, first: 1, head, fault: undefined });
    expect(judged([], GENESIS).fault).toBeUndefined();
    expect(judged(entries, head, entries[4]).fault).toBeUndefined();
  });

  it('is named by its true first fault, also where housekeeping took its beginning', () => {
    const entries = chain(9);
    const cut = entries[4];
    entries.push(link(end(entries), 'pruned', { through: cut?.seq, hash: cut?.hash }));
    for (let more = 0; more < 4; more += 1) entries.push(link(end(entries), 'pause', { more }));
    const kept = entries.slice(5);
    expect(judged(kept, end(kept)).fault).toBeUndefined();
    for (const seq of [7, 10, 13]) {
      const changed = kept.map((one) => (one.seq === seq ? { ...one, body: '{"n":999}' } : one));
      expect(judged(changed, end(kept)).fault).toMatchObject({ seq, what: 'changed' });
      const without = kept.filter((one) => one.seq !== seq);
      const first = seq === 10 ? 6 : seq;
      expect(judged(without, end(kept)).fault).toMatchObject({ seq: first, what: 'missing' });
    }
  });

  it('is also one whose beginning housekeeping took away', () => {
    const entries = chain(5);
    const cut = entries[2];
    const rest = entries.slice(3);
    rest.push(link(end(rest), 'pruned', { through: cut?.seq, hash: cut?.hash }));
    expect(judged(rest, end(rest)).fault).toBeUndefined();
    // One entry more than was told of is gone.
    expect(judged(rest.slice(1), end(rest)).fault).toMatchObject({ seq: 5, what: 'missing' });
  });

  it('is also one in which two kept house at once, and the later one noted less', () => {
    const entries = chain(5);
    const [second, third] = [entries[1], entries[2]];
    const rest = entries.slice(3);
    for (const cut of [third, second])
      rest.push(link(end(rest), 'pruned', { through: cut?.seq, hash: cut?.hash }));
    expect(judged(rest, end(rest)).fault).toBeUndefined();
    expect(judged(rest.slice(1), end(rest)).fault).toMatchObject({ seq: 5, what: 'missing' });
  });
});

describe('a head that was noted before the trail begins', () => {
  const entries = chain(5);
  const [third, second] = [entries[2] ?? GENESIS, entries[1] ?? GENESIS];
  const rest = entries.slice(3);
  rest.push(link(end(rest), 'pruned', { through: 3, hash: third.hash }));

  it('is compared where its entry is the last that was taken away', () => {
    expect(judged(rest, end(rest), third).fault).toBeUndefined();
    const other = { seq: 3, hash: 'e'.repeat(64) };
    expect(judged(rest, end(rest), other).fault).toMatchObject({ seq: 4, what: 'changed' });
  });

  it('is not taken for found where it cannot be compared any more', () => {
    const { fault } = judged(rest, end(rest), second);
    expect(fault).toMatchObject({ seq: 4, what: 'missing' });
    expect(fault?.text).toContain('what was noted of entry 2 cannot be compared');
  });
});

describe('tampering', () => {
  const entries = chain(9);
  const head = end(entries);
  const changed = entries.map((entry) =>
    entry.seq === 4 ? { ...entry, body: '{"paused":false,"by":"eve"}' } : entry,
  );
  const cases: Record<string, readonly [readonly AuditEntry[], object]> = {
    'a changed body': [changed, { seq: 4, what: 'changed' }],
    'a changed moment': [
      entries.map((entry) => (entry.seq === 5 ? { ...entry, at: epochSeconds(1) } : entry)),
      { seq: 5, what: 'changed' },
    ],
    'a changed kind': [
      entries.map((entry) => (entry.seq === 9 ? { ...entry, kind: 'order' } : entry)),
      { seq: 9, what: 'changed' },
    ],
    'a changed entry that was hashed anew': [
      changed.map((entry) => (entry.seq === 4 ? { ...entry, hash: hashOf(entry) } : entry)),
      { seq: 4, what: 'changed' },
    ],
    'an entry taken out': [
      entries.filter(({ seq }) => seq !== 6),
      { seq: 6, what: 'missing', text: 'entry 6 is missing' },
    ],
    'several taken out': [
      entries.filter(({ seq }) => seq < 3 || seq > 6),
      { seq: 3, what: 'missing', text: 'entries 3 to 6 are missing' },
    ],
    'one taken out and the rest renumbered': [
      entries.filter(({ seq }) => seq !== 6).map((entry, index) => ({ ...entry, seq: index + 1 })),
      { seq: 6, what: 'misplaced' },
    ],
    'two exchanged': [
      [...entries.slice(0, 3), entries[4], entries[3], ...entries.slice(5)].flatMap(
        (entry, index) => (entry === undefined ? [] : [{ ...entry, seq: index + 1 }]),
      ),
      { seq: 4, what: 'misplaced' },
    ],
    'one put in': [
      [...entries.slice(0, 3), link(entries[2] ?? GENESIS, 'order', {}), ...entries.slice(3)],
      { what: 'changed' },
    ],
    'the beginning taken away': [entries.slice(2), { seq: 3, what: 'missing' }],
    'another beginning': [
      chain(9, { seq: 0, hash: 'f'.repeat(64) }),
      { seq: 1, what: 'misplaced' },
    ],
    'the end cut off': [entries.slice(0, 7), { seq: 8, what: 'cut-off' }],
    'everything taken away': [[], { seq: 1, what: 'cut-off' }],
    'everything from one on written anew': [rechained(changed), { what: 'changed' }],
  };
  it('is found: housekeeping’s own entry with something else in it', () => {
    const bodies = ['not json', '{"through":"3"}'];
    for (const body of bodies) {
      const open = { ...link(head, 'pruned', {}), body };
      const odd = { ...open, hash: hashOf(open) };
      expect(judged([...entries, odd], odd).fault).toMatchObject({ seq: 10, what: 'changed' });
    }
  });

  for (const [name, [trail, fault]] of Object.entries(cases)) {
    it(`is found: ${name}`, () => expect(judged(trail, head).fault).toMatchObject(fault));
  }

  it('is found: the head that was taken away', () => {
    expect(judged(entries, undefined).fault).toMatchObject({ what: 'cut-off' });
  });

  it('with the head as well is found beside an end that was noted elsewhere', () => {
    const cut = entries.slice(0, 7);
    expect(judged(cut, end(cut)).fault).toBeUndefined();
    expect(judged(cut, end(cut), head).fault).toMatchObject({ seq: 8, what: 'cut-off' });
    const anew = rechained(changed);
    expect(judged(anew, end(anew)).fault).toBeUndefined();
    expect(judged(anew, end(anew), head).fault).toMatchObject({ seq: 9, what: 'changed' });
  });
});
