/**
 * The parts of the Markdown pages that are made from the code's own tables, so that a page cannot
 * promise an option, a code or a metric that is not there. Each stands in its page between
 * `<!-- generated: NAME -->` and `<!-- end: NAME -->`; the rest of the page is written by hand.
 */

import type { Command } from 'commander';

import { daemonOptionsTable, policyOptionsTable } from '../config/generated.ts';
import { FACTS, RESOURCE_FACT_FORM, RESOURCE_FACT_INFO } from '../domain/facts.ts';
import { REFUSAL_CODES } from '../domain/refusal.ts';
import { MEASUREMENTS } from '../observe/influx-points.ts';
import { METRICS } from '../observe/metrics.ts';
import { TRACE_ATTRIBUTES } from '../observe/move-trace.ts';
import { PROCESS_METRICS } from '../observe/process-metrics.ts';
import { EXIT_MEANINGS, type Io } from './io.ts';
import { makeProgram } from './program.ts';

interface Part {
  /** Relative to the repository. */
  readonly page: string;
  readonly name: string;
  readonly make: () => string;
}

const PARTS: readonly Part[] = [
  { page: 'README.md', name: 'refusal codes', make: refusalCodes },
  { page: 'README.md', name: 'verbs', make: verbs },
  { page: 'README.md', name: 'exit codes', make: exitCodes },
  { page: 'policies/README.md', name: 'policy options', make: policyOptionsTable },
  { page: 'policies/FACTS.md', name: 'facts', make: facts },
  { page: 'src/config/README.md', name: 'daemon options', make: daemonOptionsTable },
  { page: 'src/observe/README.md', name: 'metrics', make: metrics },
  { page: 'src/observe/README.md', name: 'measurements', make: measurements },
  { page: 'src/observe/README.md', name: 'trace attributes', make: traceAttributes },
];

export interface WrittenPage {
  readonly path: string;
  readonly text: string;
}

/**
 * The pages with their generated parts as they should be. Throws when a page lacks a marker: a
 * table that silently disappears would be worse than a stale one.
 * @param read gives the page as it is now.
 */
export function pagesWithParts(read: (path: string) => string): readonly WrittenPage[] {
  const pages = [...new Set(PARTS.map(({ page }) => page))];
  return pages.map((path) => {
    const parts = PARTS.filter(({ page }) => page === path);
    return { path, text: parts.reduce((text, part) => withPart(text, part), read(path)) };
  });
}

function withPart(text: string, { page, name, make }: Part): string {
  const begin = `<!-- generated: ${name} -->`;
  const end = `<!-- end: ${name} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page}: expected ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${make().trim()}\n\n${text.slice(to)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function refusalCodes(): string {
  const rows = Object.entries(REFUSAL_CODES).map(([name, { meaning, hint }]) => {
    return [code(name), meaning, hint];
  });
  return table(['Code', 'Meaning', 'What to do'], rows);
}

function exitCodes(): string {
  const rows = Object.entries(EXIT_MEANINGS).map(([number, meaning]) => [number, meaning]);
  return table(['Exit code', 'Meaning'], rows);
}

function verbs(): string {
  const program = makeProgram(SILENT, () => undefined);
  const rows = leaves(program, '').map(({ call, description }) => [code(call), description]);
  return table(['Verb', 'What it does'], rows);
}

/** For a program of which only the verbs are listed. */
const SILENT: Io = {
  out: () => undefined,
  drained: () => Promise.resolve(),
  err: () => undefined,
  log: { write: () => undefined, lost: new AbortController().signal },
  env: {},
  isTty: false,
  onHangup: () => () => undefined,
  stop: new AbortController().signal,
};

interface Verb {
  readonly call: string;
  readonly description: string;
}

function leaves(command: Command, before: string): readonly Verb[] {
  return command.commands.flatMap((child) => {
    const name = `${before}${child.name()}`;
    if (child.commands.length > 0) return leaves(child, `${name} `);
    const names = child.registeredArguments.map((argument) => {
      const shown = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? ` <${shown}>` : ` [${shown}]`;
    });
    return [{ call: `${name}${names.join('')}`, description: child.description() }];
  });
}

function facts(): string {
  const all = { ...FACTS, [RESOURCE_FACT_FORM]: RESOURCE_FACT_INFO };
  const rows = Object.entries(all).map(([name, { type, unit, doc }]) => {
    return [code(name), unit === '' ? type : unit, doc];
  });
  return table(['Fact', 'Unit', 'Meaning'], rows);
}

function metrics(): string {
  const rows = Object.entries({ ...METRICS, ...PROCESS_METRICS }).map(
    ([name, { type, labels, help }]) => {
      return [code(name), type, labels.map(code).join(', '), help];
    },
  );
  return table(['Metric', 'Type', 'Labels', 'Meaning'], rows);
}

function traceAttributes(): string {
  const rows = Object.entries(TRACE_ATTRIBUTES).map(([name, doc]) => [code(name), doc]);
  return table(['Attribute', 'Meaning'], rows);
}

function measurements(): string {
  const rows = Object.entries(MEASUREMENTS).map(([name, { tags, fields, doc }]) => {
    return [code(name), tags.map(code).join(', '), fields.map(code).join(', '), doc];
  });
  return table(['Measurement', 'Tags', 'Fields', 'Meaning'], rows);
}
