/**
 * The structured log: one line per event, with a fixed message for everything from `warn` up, so
 * that alert rules can match it. Never a whole snapshot or plan, never a secret; lists are cut,
 * with their true length beside them.
 */

import { pino, stdTimeFunctions, type Logger } from 'pino';

import type { EventMap } from '../domain/events.ts';
import type { Finding } from '../domain/finding.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { EventSource } from '../ports/events.ts';
import type { Clock } from '../ports/clock.ts';
import { printable, withoutSecrets } from './printable.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line; `text`: for people. Default: json. */
  readonly format?: LogFormat;
  /** Takes one line, with its line feed. */
  readonly write: (line: string) => void;
  /** Whose time the lines carry. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Longest list that is written out. */
const MOST_ITEMS = 20;
/** An error's causes are followed this deep. */
const MOST_CAUSES = 5;

/** Times are ISO 8601 in UTC under `time`; errors are under `err`. */
export function makeLogger(options: LogOptions): Logger {
  const { level, write, clock } = options;
  const isText = options.format === 'text';
  return pino(
    {
      level,
      base: null,
      timestamp: clock === undefined ? stdTimeFunctions.isoTime : () => timeField(clock),
      serializers: { err: (error: unknown) => describeError(error, MOST_CAUSES) },
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        const safe = withoutSecrets(line);
        write(isText ? asText(safe) : safe);
      },
    },
  );
}

function timeField(clock: Pick<Clock, 'now'>): string {
  return `,"time":"${new Date(clock.now() * 1_000).toISOString()}"`;
}

/** Only what tells people what went wrong: libraries hang whole requests on their errors. */
function describeError(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? { code: String(error.code) } : {};
  const because =
    cause === undefined || depth === 0 ? {} : { cause: describeError(cause, depth - 1) };
  return { type: name, message, ...code, stack, ...because };
}

/** `time LEVEL message key=value…`, from pino's line of JSON. */
function asText(line: string): string {
  // pino writes objects only.
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`);
  const label = String(level).toUpperCase().padEnd(5);
  return `${printable([String(time), label, String(msg), ...pairs].join(' '))}\n`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/u.test(value) ? value : JSON.stringify(value);
}

/** Returns the function that ends the subscription. */
export function subscribeLog(events: EventSource, logger: Logger): () => void {
  const offs = [
    ...logLife(events, logger),
    ...logTick(events, logger),
    ...logMoves(events, logger),
  ];
  return () => {
    for (const off of offs) off();
  };
}

function logLife(events: EventSource, logger: Logger): (() => void)[] {
  return [
    events.on('started', (event) => logger.info(event, 'started')),
    events.on('stopping', (event) => logger.info(event, 'stopping')),
    events.on('source', (status) => {
      if (status.state === 'up') logger.info(status, 'source up');
      else if (status.state === 'late') logger.warn(status, 'source late');
      else logger.warn(status, 'source down');
    }),
    events.on('samples-rejected', (event) => logger.warn(event, 'samples rejected')),
    events.on('policies', (event) => logger.info(event, 'policies in force')),
    events.on('policies-refused', ({ errors }) =>
      logger.error(cut('errors', errors), 'policy edit refused'),
    ),
    events.on('paused', (event) => logger.warn(event, event.paused ? 'paused' : 'resumed')),
    events.on('warning', (event) => logger.warn(event, 'warning')),
    events.on('audit', (head) => logger.info(head, 'audit trail ends')),
    events.on('failure', ({ where, error }) => logger.error({ where, err: error }, 'failure')),
  ];
}

function logTick(events: EventSource, logger: Logger): (() => void)[] {
  return [
    events.on('snapshot', ({ snapshot, seconds }) =>
      logger.debug(
        { hosts: snapshot.hosts.length, vms: snapshot.vms.length, seconds },
        'snapshot taken',
      ),
    ),
    events.on('finding-opened', (finding) => {
      const level = isUrgent(finding) ? 'warn' : 'info';
      logger[level]({ finding }, 'finding opened');
    }),
    events.on('finding-cleared', ({ id, kind, subject, text }) =>
      logger.info({ finding: { id, kind, subject, text } }, 'finding cleared'),
    ),
    events.on('planned', (event) => logPlanned(event, logger)),
    events.on('planned', contradictionsTo(logger)),
    events.on('plan-rejected', ({ plan, violations }) =>
      logger.error({ plan, ...cut('violations', violations) }, 'plan rejected by the checker'),
    ),
    events.on('gated', ({ plan, verdicts }) => {
      const held = verdicts.filter(({ verdict }) => verdict !== 'execute');
      if (held.length > 0)
        logger.info({ plan, codes: codesOf(held), ...cut('held', held) }, 'moves held back');
    }),
    events.on('host-state', (event) => logger.info(event, 'host state')),
    events.on('lease', (event) => {
      const isTrouble = event.what === 'lost' || event.what === 'stepped-back';
      logger[isTrouble ? 'warn' : 'info'](event, 'lease');
    }),
    events.on('ledger', (event) => {
      logger[event.code === 'writable' ? 'warn' : 'error'](event, 'ledger');
    }),
    events.on('breaker', (event) => {
      logger[event.state === 'open' ? 'warn' : 'info'](event, 'circuit breaker');
    }),
    events.on('hook', (event) => logger.info(event, 'hook')),
    events.on('host-failure', (event) => logger.warn(event, 'host failure')),
    events.on('order', ({ order: { home, ...order }, what }) =>
      logger.info({ order: { ...order, home: home.length }, what }, 'order'),
    ),
  ];
}

/** What somebody should see even where only warnings are read. */
function isUrgent({ tier, response }: Finding): boolean {
  return tier === 'mandatory' || response === 'quarantine' || response === 'notify';
}

/** A tick with nothing to do is no news. */
function logPlanned({ result, seconds }: EventMap['planned'], logger: Logger): void {
  const { plan, report } = result;
  const isNews = plan.moves.length > 0 || report.unresolved.length > 0;
  logger[isNews ? 'info' : 'debug'](
    {
      plan: plan.id,
      moves: plan.moves.length,
      unresolved: report.unresolved.length,
      refusals: report.refusals,
      notes: report.notes.slice(0, MOST_ITEMS),
      seconds,
    },
    'planned',
  );
}

/** Rules that no placement can satisfy stay so for as long as nobody mends them: told once. */
function contradictionsTo(logger: Logger): (event: EventMap['planned']) => void {
  let known = '';
  return ({ result: { plan, report } }) => {
    if (report.contradictions === undefined) return;
    const contradictions = report.contradictions.map(({ text }) => text);
    const now = contradictions.join('\n');
    const isNews = now !== known && contradictions.length > 0;
    known = now;
    if (!isNews) return;
    const listed = contradictions.slice(0, MOST_ITEMS);
    logger.warn({ plan: plan.id, contradictions: listed }, 'placement rules contradict each other');
  };
}

/** How many moves each code holds back; moves that wait without one are not counted. */
function codesOf(held: readonly GateVerdict[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { refusals } of held)
    for (const code of new Set(refusals.map((refusal) => refusal.code)))
      counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

function cut(name: string, items: readonly unknown[]): Record<string, unknown> {
  return { count: items.length, [name]: items.slice(0, MOST_ITEMS) };
}

function logMoves(events: EventSource, logger: Logger): (() => void)[] {
  return [
    events.on('move-stage', ({ move, vmName, stage, phase }) =>
      logger.info(
        { move: move.id, vm: vmName, from: move.from, to: move.to, stage, phase },
        'stage',
      ),
    ),
    events.on('move-progress', ({ move, vmName, progress }) =>
      logger.debug({ move: move.id, vm: vmName, progress }, 'progress'),
    ),
    events.on('move-ended', ({ move, vmName, result }) => {
      const fields = { move: move.id, vm: vmName, from: move.from, to: move.to, result };
      if (result.outcome === 'succeeded') logger.info(fields, 'move succeeded');
      else if (result.outcome === 'needs-human') logger.error(fields, 'move needs a human');
      else logger.warn(fields, 'move did not succeed');
    }),
  ];
}
