// Role: the ledger on a real PostgreSQL: the contract of every ledger, and what only a server over
// a network can do to it.
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { LedgerWatch } from '../../src/app/ledger-watch.ts';
import { clusterId, hostId, moveId, orderId } from '../../src/domain/ids.ts';
import { type EpochSeconds, epochSeconds, seconds } from '../../src/domain/units.ts';
import { readLedger } from '../../src/ledger/ledger-reader.ts';
import { openPostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import type { Ledger, LedgerError } from '../../src/ports/ledger.ts';
import { ledgerContract } from '../contract/ledger-contract.ts';
import { ledgerReaderContract, verdictOf } from '../contract/ledger-reader.ts';
import { manualClock } from '../support/manual-clock.ts';
import { anOrder, aRecord, aResult, aStage } from '../support/ledger-records.ts';
import { recordingEvents } from '../support/recording-events.ts';
import { type Postgres, startPostgres } from './postgres.ts';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
});

const clock = manualClock(5000);
const open = (url: string): Promise<Ledger> =>
  openPostgresLedger({ url, password: undefined, clock });

ledgerContract('postgres', () => {
  let url: Promise<string> | undefined;
  return {
    open: async () => {
      url ??= server.database();
      return open(await url);
    },
    dispose: async () => undefined,
  };
});

ledgerReaderContract('postgres', () => {
  let url: Promise<string> | undefined;
  const place = () => (url ??= server.database());
  return {
    open: async () => open(await place()),
    place: async () => ({ kind: 'postgres', url: await place(), password: undefined }),
    config: async () => `ledger: { url: "${await place()}" }`,
    dispose: async () => undefined,
  };
});

describe('a PostgreSQL ledger', () => {
  const isCode = (code: string) => ({ name: 'LedgerError', code });

  it('is made once, also where two controllers start on an empty database together', async () => {
    const url = await server.database();
    const both = await Promise.all([open(url), open(url), open(url)]);
    const [first, second] = both;
    await first?.openMove(aRecord('m1', 'vm1'));
    expect(await second?.openMoves()).toHaveLength(1);
    for (const one of both) await one.close();
  });

  it('keeps two controllers from opening two moves of one VM', async () => {
    const url = await server.database();
    const [a, b] = [await open(url), await open(url)];
    for (let round = 0; round < 20; round += 1) {
      const ids = [`a${round}`, `b${round}`] as const;
      const answers = await Promise.all([
        a.openMove(aRecord(ids[0], 'vm1')),
        b.openMove(aRecord(ids[1], 'vm1')),
      ]);
      expect(answers.toSorted()).toEqual(['in-flight', 'opened']);
      await a.closeMove(moveId(ids[answers[0] === 'opened' ? 0 : 1]), aResult());
    }
    await a.close();
    await b.close();
  });

  it('keeps two controllers from undoing what the other has changed of an order', async () => {
    const url = await server.database();
    const both = [await open(url), await open(url)] as const;
    await both[0].putOrder(anOrder('o1', { home: [] }));
    const changes = Array.from({ length: 60 }, (_none, index) =>
      both[index % 2 === 0 ? 0 : 1].changeOrder(orderId('o1'), (now) => ({
        order: { ...now, home: [...now.home, `vm${index}`] },
      })),
    );
    await Promise.all(changes);
    expect((await both[0].order(orderId('o1')))?.home).toHaveLength(60);
    for (const one of both) await one.close();
  });

  it.each(['repeatable read', 'serializable'])(
    'lets two controllers write side by side where the database begins with %s',
    async (level) => {
      const url = await server.database();
      const name = new URL(url).pathname.slice(1);
      await server.query(
        url,
        `alter database ${name} set default_transaction_isolation = '${level}'`,
      );
      const both = await Promise.all([open(url), open(url)]);
      // Each is noted at the end of one chain: the row of its end is waited for.
      const writes = both.map(async (ledger, index) => {
        for (let turn = 0; turn < 40; turn += 1)
          await ledger.setPaused(turn % 2 === 0, `${index}`, epochSeconds(turn));
      });
      await Promise.all(writes);
      for (const one of both) await one.close();
    },
  );

  it('tells where its audit trail begins where two controllers keep house at once', async () => {
    const url = await server.database();
    const own = manualClock(1000);
    const openOne = () => openPostgresLedger({ url, password: undefined, clock: own });
    const both = [await openOne(), await openOne()] as const;
    const place = { kind: 'postgres', url, password: undefined } as const;
    for (let round = 0; round < 25; round += 1) {
      for (let turn = 0; turn < 6; turn += 1) {
        await both[0].setPaused(turn % 2 === 0, 'ada', own.now());
        await own.pass(1);
      }
      const before = own.now() - 4;
      const [early, late] = round % 2 === 0 ? both : [both[1], both[0]];
      await Promise.all([
        early.prune({ before: epochSeconds(before), keep: 0 }),
        late.prune({ before: epochSeconds(before - 3), keep: 0 }),
      ]);
      expect(await readLedger(place, verdictOf)).toMatchObject({ fault: undefined });
    }
    for (const one of both) await one.close();
  });

  it('leaves alone what others have in its schema, also what it may only read', async () => {
    const url = await server.database();
    const made = 'create table inventory (name text); create role plain login';
    const granted = 'grant all on schema public to plain; grant select on inventory to plain';
    await server.query(url, `${made}; ${granted}`);
    await (await open(url.replace('drover@', 'plain@'))).close();
    const columns = `select collation_name from information_schema.columns`;
    const found = await server.query(url, `${columns} where table_name = 'inventory'`);
    expect(found).toEqual([{ collation_name: null }]);
  });

  it('goes on by itself after the server was killed; what was committed is there', async () => {
    const url = await server.database();
    const ledger = await open(url);
    await ledger.openMove(aRecord('m1', 'vm1'));
    await server.kill();
    await expect(ledger.addStages([aStage('m1', 'pre-copy', 'before')])).rejects.toMatchObject(
      isCode('unreachable'),
    );
    await expect(ledger.openMoves()).rejects.toMatchObject(isCode('unreachable'));
    await server.start();
    await ledger.addStages([aStage('m1', 'pre-copy', 'after')]);
    expect((await ledger.move(moveId('m1')))?.stages.map(({ phase }) => phase)).toEqual(['after']);
    await ledger.close();
  });

  it('is told that it cannot be reached when the network swallows everything', async () => {
    const wire = await server.wire(await server.database());
    const ledger = await open(wire.url);
    await ledger.openMove(aRecord('m1', 'vm1'));
    wire.cut();
    const late = Promise.allSettled([
      ledger.addStages([aStage('m1', 'pre-copy', 'before')]),
      ledger.openMoves(),
    ]);
    for (const one of await late) {
      expect(one).toMatchObject({ status: 'rejected', reason: isCode('unreachable') });
    }
    wire.mend();
    await ledger.addStages([aStage('m1', 'pre-copy', 'after')]);
    expect(await ledger.openMoves()).toHaveLength(1);
    await ledger.close();
    await wire.close();
  });

  it('lets no controller that stands still in a transaction hold up a take-over', async () => {
    const url = await server.database();
    const ledger = await open(url);
    const ada = { id: 'a', name: 'ada' };
    const claim = { cluster: clusterId('c1'), by: ada, seconds: seconds(30), above: 0 };
    const lease = await ledger.claimLease({ ...claim, seen: undefined });
    expect(lease?.token).toBe(1);
    const frozen = new Client({
      connectionString: url,
      idle_in_transaction_session_timeout: 5000,
    });
    frozen.on('error', () => undefined);
    await frozen.connect();
    await frozen.query('begin');
    await frozen.query('select * from leases for share');
    const seen = (await ledger.leaseBoard()).leases[0];
    const by = { id: 'b', name: 'ben' };
    expect(await ledger.claimLease({ ...claim, by, seen })).toMatchObject({ token: 2 });
    await frozen.end().catch(() => undefined);
    await ledger.close();
  });

  it('renews its leases at once while its writes wait for a row that somebody holds', async () => {
    const url = await server.database();
    const ledger = await open(url);
    const ada = { id: 'a', name: 'ada', wants: [], asks: [] };
    const claim = { cluster: clusterId('c1'), by: ada, seconds: seconds(30), above: 0 };
    const lease = await ledger.claimLease({ ...claim, seen: undefined });
    if (lease === undefined) throw new Error('nobody else has it');
    const orders = [1, 2, 3].map((n) => anOrder(`o${n}`, { host: hostId(`h${n}`) }));
    await ledger.putOrders(orders.map((order) => ({ order })));
    const proof = () => ({ holder: 'a', leases: [lease] });
    const fence = { open: proof, about: proof, onCluster: proof, ended: () => undefined };
    const fenced = ledger.fencedBy(fence);
    const operator = new Client({ connectionString: url });
    await operator.connect();
    await operator.query('begin');
    await operator.query('select * from orders for update');
    const ended: string[] = [];
    const end = async (name: string, work: Promise<unknown>): Promise<void> => {
      const answer = await work.then(
        () => 'done',
        (error: LedgerError) => error.code,
      );
      ended.push(`${name} ${answer}`);
    };
    const writes = [
      // The lease is held for the sake of this one as long as the group waits.
      end('move', fenced.openMove(aRecord('m1', 'vm1'))),
      ...orders.map((order) => end(`order ${order.id}`, ledger.putOrder(order))),
      end('pause', ledger.setPaused(true, 'ada', epochSeconds(1))),
    ];
    await end('renewal', ledger.renewLeases(ada, [lease], seconds(30)));
    expect(ended).toEqual(['renewal done']);
    await Promise.all(writes);
    expect(ended.slice(1).toSorted()).toEqual([
      'move done',
      'order o1 unreachable',
      'order o2 unreachable',
      'order o3 unreachable',
      'pause done',
    ]);
    await operator.end();
    await ledger.close();
  });

  it('keeps a take-over waiting for what is written under the lease that is taken', async () => {
    const url = await server.database();
    const both = [await open(url), await open(url)] as const;
    const [ada, ben] = ['a', 'b'].map((id) => ({ id, name: id, wants: [], asks: [] }));
    if (ada === undefined || ben === undefined) throw new Error('two of two');
    const claim = { cluster: clusterId('c1'), seconds: seconds(30), above: 0 };
    const lease = await both[0].claimLease({ ...claim, by: ada, seen: undefined });
    const seen = (await both[1].leaseBoard()).leases[0];
    const writer = new Client({ connectionString: url });
    await writer.connect();
    await writer.query('begin');
    await writer.query('select * from leases for key share'); // as assertLeases does
    let isTaken = false;
    const taking = both[1].claimLease({ ...claim, by: ben, seen }).then((taken) => {
      isTaken = true;
      return taken;
    });
    await expect
      .poll(() => server.query(url, `select 1 from pg_locks where not granted`))
      .not.toEqual([]);
    expect(isTaken).toBe(false);
    await writer.query('commit');
    expect(await taking).toEqual({ cluster: 'c1', token: 2 });
    expect(await both[0].renewLeases(ada, lease === undefined ? [] : [lease], seconds(30))).toEqual(
      [],
    );
    await writer.end();
    for (const one of both) await one.close();
  });

  it('migrates for as long as it takes', async () => {
    const url = await server.database();
    await (await open(url)).close();
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('begin');
    await other.query('lock table kysely_migration in access exclusive mode');
    // Longer than a statement of the daemon may take, and than a connection may be silent.
    setTimeout(() => void other.query('commit'), 17_000);
    const ledger = await open(url);
    await ledger.setPaused(true, 'ada', epochSeconds(1));
    await other.end();
    await ledger.close();
  });

  it('reads records that hold what is no text while it migrates', async () => {
    const url = await server.database();
    const first = await open(url);
    const record = aRecord('m1', 'vm1');
    const reason = { ...record.move.reason, text: 'alert \0 and \ud800' };
    await first.openMove({ ...record, move: { ...record.move, reason } });
    await first.close();
    await server.query(
      url,
      `update moves set from_host = '', to_host = '';
       delete from kysely_migration where name >= '0007'`,
    );
    await (await open(url)).close();
    const rows = await server.query(url, 'select from_host, to_host from moves');
    expect(rows).toEqual([{ from_host: 'h1', to_host: 'h2' }]);
  });

  it('writes no more when a newer one has migrated meanwhile', async () => {
    const url = await server.database();
    const ledger = await open(url);
    const watch = new LedgerWatch(recordingEvents());
    const watched = watch.over(ledger);
    await watched.setPaused(true, 'ada', epochSeconds(1));
    await server.query(url, `insert into kysely_migration values ('9999-future', 'now')`);
    await server.query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'drover' and datname = current_database()`,
    );
    // The first may still find the old connection, broken.
    await watched.setPaused(false, 'ada', epochSeconds(2)).catch(() => undefined);
    const late = watched.setPaused(false, 'ada', epochSeconds(3));
    await expect(late).rejects.toMatchObject(isCode('newer-schema'));
    expect(watch.view).toMatchObject({ writable: false });
    await ledger.close();
  });

  it('refuses a database that cannot hold every text', async () => {
    const url = await server.database();
    await server.query(
      url,
      `create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    );
    await expect(open(new URL('/latin', url).href)).rejects.toMatchObject({
      ...isCode('unsafe'),
      message: expect.stringContaining('has the encoding LATIN1, needed is UTF8'),
    });
  });

  it('takes what a record cannot hold for no trouble of its store', async () => {
    const ledger = await open(await server.database());
    const beyond = { ...aRecord('m1', 'vm1'), openedAt: 'no number' as unknown as EpochSeconds };
    await expect(ledger.openMove(beyond)).rejects.toMatchObject(isCode('conflict'));
    await ledger.close();
  });

  it('tells its reader when the connection is lost between two pages', async () => {
    const url = await server.database();
    const ledger = await open(url);
    for (const by of ['a', 'b']) await ledger.setPaused(true, by, epochSeconds(1));
    const place = { kind: 'postgres', url, password: undefined } as const;
    const reading = readLedger(place, async (one) => {
      await one.decisions(1);
      await server.query(
        url,
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'drover' and state = 'idle in transaction'`,
      );
      // An error that nobody waits for comes by itself.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return one.decisions(1);
    });
    await expect(reading).rejects.toMatchObject(isCode('unreachable'));
    await ledger.close();
  });

  it('is read where it is there, and as what it is', async () => {
    const url = await server.database();
    const read = (from: string) =>
      readLedger({ kind: 'postgres', url: from, password: undefined }, (one) => one.audit());
    await expect(read(url)).rejects.toMatchObject({
      ...isCode('io'),
      message: expect.stringContaining('the ledger has no audit trail'),
    });
    await expect(read(`${url}_none`)).rejects.toMatchObject(isCode('unreachable'));
  });

  it('refuses a server that does not keep its promises, and one that is newer', async () => {
    const url = await server.database();
    await (await open(url)).close();
    await server.query(url, `insert into kysely_migration values ('9999-future', 'now')`);
    await expect(open(url)).rejects.toMatchObject(isCode('newer-schema'));
    const name = new URL(url).pathname.slice(1);
    await server.query(url, `alter database ${name} set default_transaction_read_only = on`);
    await expect(open(url)).rejects.toMatchObject(isCode('read-only'));
    await server.kill();
    await server.start(['fsync=off']);
    await expect(open(await server.database())).rejects.toMatchObject(isCode('unsafe'));
    await server.kill();
    await expect(open(url)).rejects.toMatchObject(isCode('unreachable'));
    await server.start();
    const ledger = await open(await server.database());
    expect(await ledger.countMoves(epochSeconds(0), epochSeconds(1))).toBe(0);
    await ledger.close();
  });
});
