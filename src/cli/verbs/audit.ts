/**
 * `drover audit`: the hash-chained trail of what was decided and done. It is read from the ledger
 * itself: the daemon is not asked, since it is what the trail tells about.
 */

import type { Command } from 'commander';

import type { AuditEntry, AuditHead, AuditVerdict } from '../../domain/audit.ts';
import type { AuditTrail } from '../../ledger/ledger-reader.ts';
import { CliError, EXIT, type ExitCode, printJson, READER_GONE, type Io } from '../io.ts';
import { ledgerOptions, type LedgerOptions, withLedger } from '../ledger.ts';
import { spool } from '../spool.ts';

interface VerifyOptions extends LedgerOptions {
  readonly head?: string;
}

interface ExportOptions extends LedgerOptions {
  readonly since?: string;
  readonly until?: string;
}

const VERIFY_HELP = `
Exit code 0: whole, and every decision that is kept is the one that was written down; 1: not, and
the first entry that is wrong, or that shows it, is named. That entries were cut off at the end, and
the ledger's own note of its end with them, shows only beside an older note of the end: the log and
drover_audit_entries have it, and every verify prints it.

Examples:
  drover audit verify
  drover audit verify --config drover.yaml      # needed where the ledger is on PostgreSQL
  drover audit verify --head 1830:9f2c…d1`;

const EXPORT_HELP = `
Example:
  drover audit export --since 2026-11-01 --until 2026-12-01 > november.jsonl`;

export function addAudit(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  const audit = program.command('audit').description('the trail of what was decided and done');
  ledgerOptions(audit.command('verify'))
    .description('is the audit trail whole, with the decisions that it tells of')
    .option('--head <seq:hash>', 'an end of the trail that was noted earlier')
    .addHelpText('after', VERIFY_HELP)
    .action((options: VerifyOptions) => verify(io, options, setExit));
  ledgerOptions(audit.command('export'))
    .description('the entries of the audit trail as JSON lines, oldest first')
    .option('--since <time>', 'from this moment on, like 2026-11-28 or 2026-11-28T08:00Z')
    .option('--until <time>', 'before this moment')
    .addHelpText('after', EXPORT_HELP)
    .action((options: ExportOptions) => writeOut(io, options));
}

async function verify(
  io: Io,
  options: VerifyOptions,
  setExit: (code: ExitCode) => void,
): Promise<void> {
  const { AuditJudge } = await import('../../ledger/audit-chain.ts');
  const { DecisionJudge } = await import('../../ledger/decision-judge.ts');
  const [chain, records] = [new AuditJudge(headOf(options.head)), new DecisionJudge()];
  const verdict = await withTrail(io, options, async ({ pages, head, decisions }) => {
    for await (const page of pages) {
      for (const entry of page) {
        chain.see(entry);
        records.see(entry);
      }
    }
    for await (const page of decisions) for (const one of page) records.compare(one);
    const told = chain.verdict(head);
    return { ...told, fault: told.fault ?? records.fault };
  });
  if (options.json === true) printJson(io, { ...verdict, fault: verdict.fault ?? null });
  else io.out(verdictText(verdict));
  if (verdict.fault !== undefined) setExit(EXIT.findings);
}

function verdictText({ entries, first, head, fault }: AuditVerdict): string {
  if (fault?.what === 'record-changed') return `${fault.text}; the audit trail itself is whole\n`;
  if (fault !== undefined)
    return `the audit trail is broken at entry ${fault.seq}: ${fault.text}\n`;
  if (entries === 0) return 'the audit trail is whole: nothing was written yet\n';
  const which = `${entries} ${entries === 1 ? 'entry' : 'entries'}, ${first} to ${head.seq}`;
  return `the audit trail is whole: ${which}\nend ${head.seq}:${head.hash}\n`;
}

async function writeOut(io: Io, options: ExportOptions): Promise<void> {
  const since = momentOf('--since', options.since) ?? Number.NEGATIVE_INFINITY;
  const until = momentOf('--until', options.until) ?? Number.POSITIVE_INFINITY;
  const fill = (write: (text: string) => Promise<void>): Promise<void> =>
    withTrail(io, options, async ({ pages }) => {
      for await (const page of pages) {
        // A moment that was tampered with may be none: such an entry is never left out.
        const asked = page.filter(({ at }) => !Number.isFinite(at) || (at >= since && at < until));
        await write(asked.map(lineOf).join(''));
      }
    });
  const tell = (text: string): Promise<void> => {
    io.out(text);
    return io.drained();
  };
  try {
    await spool({ fill, tell, stop: io.stop });
  } catch (error) {
    if (!io.stop.aborted) throw error;
    if (io.stop.reason !== READER_GONE)
      throw new CliError(EXIT.unavailable, 'stopped before all entries were written');
  }
}

/** `body` stays text: its hash is that of the text, to the byte. */
function lineOf({ seq, at, kind, body, prev, hash }: AuditEntry): string {
  // Null where the moment was tampered with and is none.
  const time = new Date(at * 1000).toJSON();
  return `${JSON.stringify({ seq, at, time, kind, body, prev, hash })}\n`;
}

function withTrail<Value>(
  io: Io,
  options: LedgerOptions,
  read: (trail: AuditTrail) => Promise<Value>,
): Promise<Value> {
  return withLedger(io, options, async (ledger) => read(await ledger.audit()));
}

function headOf(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq !== undefined && hash !== undefined) return { seq: Number(seq), hash };
  const expected = 'expected what verify prints after "end": a number, ":" and 64 hex digits';
  throw new CliError(EXIT.usage, `--head ${text}: ${expected}`);
}

/** Epoch seconds. */
function momentOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text) / 1000;
  if (Number.isFinite(at)) return at;
  const expected = 'expected a date or moment like 2026-11-28 or 2026-11-28T08:00:00Z';
  throw new CliError(EXIT.usage, `${option} ${text}: ${expected}`);
}
