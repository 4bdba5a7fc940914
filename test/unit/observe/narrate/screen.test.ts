import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Screen } from '../../../../src/observe/narrate/screen.ts';
import { TinyTerminal } from '../../../support/tiny-terminal.ts';

const COLUMNS = 40;

function screenOn(terminal: TinyTerminal, isTty = true): Screen {
  return new Screen({
    write: (text) => terminal.write(text),
    isTty,
    colour: false,
    columns: () => COLUMNS,
  });
}

const word = fc.string({ unit: fc.constantFrom('a', ' ', '→'), minLength: 1, maxLength: 60 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('lines' as const), lines: fc.array(word, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('block' as const), lines: fc.array(word, { maxLength: 4 }) }),
);

describe('the screen', () => {
  it('keeps every lasting line, and below them exactly the newest block', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const terminal = new TinyTerminal(1_000);
        const screen = screenOn(terminal);
        const lasting: string[] = [];
        let block: readonly string[] = [];
        for (const { kind, lines } of steps) {
          if (kind === 'lines') lasting.push(...lines);
          else block = lines;
          screen[kind](lines);
          const cut = block.map((line) => line.slice(0, COLUMNS - 1));
          expect(terminal.rows).toEqual([...lasting, ...cut]);
        }
        screen.settle();
        expect(terminal.rows).toEqual(lasting);
      }),
    );
  });

  it('cuts wide characters so that no line of the block wraps', () => {
    const terminal = new TinyTerminal(COLUMNS);
    const screen = screenOn(terminal);
    screen.block(['東'.repeat(50), 'b']);
    expect(terminal.rows).toEqual(['東'.repeat(19), 'b']);
  });

  it('has no block without a terminal', () => {
    const terminal = new TinyTerminal(COLUMNS);
    const screen = screenOn(terminal, false);
    screen.block(['a']);
    screen.lines(['b']);
    expect(terminal.rows).toEqual(['b']);
  });
});
