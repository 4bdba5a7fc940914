/**
 * The difference between two states of the rules' memory. It is saved after every tick and hardly
 * changes, so only the difference is written.
 */

import type { Kysely, Transaction } from 'kysely';

import type { HostId } from '../domain/ids.ts';
import type { RuleMemory } from '../ports/ledger.ts';
import * as records from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function replaceRuleMemory(
  trx: Transaction<LedgerSchema>,
  memories: readonly RuleMemory[],
  about: ReadonlySet<HostId> | undefined,
): Promise<void> {
  const rows = await trx.selectFrom('rule_memory').selectAll().execute();
  const isMeant = ({ host }: RuleMemory): boolean => about?.has(host) ?? true;
  const stored = rows.map(records.toRuleMemory).filter(isMeant);
  const change = changedRuleMemory(stored, memories.filter(isMeant));
  for (const { rule, host } of change.gone) {
    const old = trx.deleteFrom('rule_memory').where('rule', '=', rule).where('host', '=', host);
    await old.execute();
  }
  for (const memory of change.put) {
    const row = records.fromRuleMemory(memory);
    await trx
      .insertInto('rule_memory')
      .values(row)
      .onConflict((conflict) => conflict.columns(['rule', 'host']).doUpdateSet(row))
      .execute();
  }
}

export async function selectRuleMemory(db: Kysely<LedgerSchema>): Promise<readonly RuleMemory[]> {
  const query = db.selectFrom('rule_memory').selectAll().orderBy('rule').orderBy('host');
  return (await query.execute()).map((row) => records.toRuleMemory(row));
}

interface RuleMemoryChange {
  readonly put: readonly RuleMemory[];
  readonly gone: readonly RuleMemory[];
}

function changedRuleMemory(
  stored: readonly RuleMemory[],
  wanted: readonly RuleMemory[],
): RuleMemoryChange {
  const kept = new Map(
    wanted
      .filter((memory) => memory.holdingSince !== undefined || memory.openSince !== undefined)
      .map((memory) => [keyOf(memory), memory]),
  );
  const before = new Map(stored.map((memory) => [keyOf(memory), memory]));
  return {
    put: [...kept].filter(([key, memory]) => !isSame(before.get(key), memory)).map(([, to]) => to),
    gone: stored.filter((memory) => !kept.has(keyOf(memory))),
  };
}

function keyOf(memory: RuleMemory): string {
  // Ids hold no control characters, so two different pairs never make the same key.
  return `${memory.host}\n${memory.rule}`;
}

function isSame(a: RuleMemory | undefined, b: RuleMemory): boolean {
  if (a === undefined || a.lastTrueAt !== b.lastTrueAt) return false;
  return a.holdingSince === b.holdingSince && a.openSince === b.openSince;
}
