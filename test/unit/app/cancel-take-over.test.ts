// Role: a cancel that was passed on to a controller which died before it was carried out: whoever
// takes over carries it out, however late the ledger tells which moves are open.
import { afterEach, expect, it, vi } from 'vitest';

import { bytes, bytesPerSecond, GIB } from '../../../src/domain/units.ts';
import { SqlLedger } from '../../../src/ledger/sql-ledger.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type Controllers, startControllers } from '../../support/controllers.ts';
import { simHost, simVm } from '../../support/datacenter.ts';

const POLICY = 'apiVersion: drover/v1\nkind: Policy\nmode: automatic\n';
const SLOW = { migrationBandwidth: bytesPerSecond(2e7) };
const LARGE = { touchedShare: 1, dirtyRateBusy: 0, facts: { memoryBytes: bytes(16 * GIB) } };
const FLEET = {
  seed: 1,
  hosts: ['h1', 'h2', 'h3'].map((name) => simHost(name, undefined, SLOW)),
  vms: [simVm('web', 'h1', undefined, LARGE)],
  groups: [],
};
/** Turns of the event loop: the job that renews leases goes on meanwhile. */
const LONG = 2000;

let run: Controllers | undefined;

afterEach(async () => {
  vi.restoreAllMocks();
  await run?.stop();
});

/** The first read of the open moves after the take-over. */
function troubled(here: Controllers, heir: string, trouble: 'late' | 'fails') {
  let left = 1;
  const { ledger } = here;
  const openMoves = ledger.openMoves.bind(ledger);
  vi.spyOn(SqlLedger.prototype, 'openMoves').mockImplementation(async () => {
    const [lease] = (await ledger.leaseBoard()).leases;
    if (left > 0 && lease?.holder === heir) {
      left -= 1;
      if (trouble === 'fails') throw new LedgerError('unreachable', 'connection reset');
      for (let turn = 0; turn < LONG; turn += 1) await new Promise((go) => setImmediate(go));
    }
    return openMoves();
  });
}

it.each(['late', 'fails'] as const)('is carried out where the read is or does: %s', async (how) => {
  run = await startControllers({ fleet: FLEET, policy: POLICY, names: ['ada', 'ben'] });
  await run.pass(60);
  const { holder, other } = await run.roles();
  const by = { kind: 'operator', name: 'olga' } as const;
  const about = { reason: 'fans', dedupeKey: '', deadlineSeconds: null, by };
  await holder.api.giveOrder({ kind: 'maintenance', host: 'h1', ...about });
  await run.pass(10);
  const [open] = await run.ledger.openMoves();
  if (open === undefined) throw new Error('nothing moves');
  holder.kill();
  const asked = await other.api.cancel({ name: 'web', by: 'anna', withdraw: false });
  expect(asked).toMatchObject({ ok: true, value: { passedOn: [{}] } });
  troubled(run, other.name, how);
  while ((await run.ledger.cancelWishes()).length > 0) await run.pass(10);
  await run.pass(20);
  const { result } = (await run.ledger.move(open.move.id)) ?? {};
  expect(result).toMatchObject({ outcome: 'cancelled' });
});
