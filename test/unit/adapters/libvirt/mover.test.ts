// Role: what of a live move goes on when the call that began it is over, and what does not.
import { describe, expect, it } from 'vitest';

import type { Domain } from '../../../../adapters/libvirt/calls/domain.ts';
import { Connection } from '../../../../adapters/libvirt/connection.ts';
import { Mover } from '../../../../adapters/libvirt/moves/mover.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { hostId, vmId } from '../../../../src/domain/ids.ts';
import type { MoveOrder } from '../../../../src/ports/hypervisor.ts';
import { allowWhile, isAllowed } from '../../../../src/ports/permission.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import type { HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { GuestHost } from './fake-guest.ts';
import { guestXml, options, survey, UUID } from './samples.ts';

const RUNNING = { state: 1, reason: 1 };
const NO_JOB = { type: 0, operation: undefined, stats: {} };

/** As a connection would have it, right before the call. */
function mayBe(signal: AbortSignal | undefined): string {
  if (signal === undefined) return 'asked of nobody';
  return signal.aborted || !isAllowed(signal) ? 'denied' : 'allowed';
}

/** Hosts between which a migration never ends by itself, and never converges. */
class Source extends GuestHost {
  migrating = false;
  /** Which pass over the memory it is in. */
  pass = 1;
  /** What was ordered of the migration, and whether that may be. */
  readonly told: string[] = [];
  /** The guest is found, or not, when a new copy is prepared. */
  isReadable = true;
  onLook = (): void => undefined;

  constructor() {
    super('h1', { [UUID]: guestXml({ cpu: ' ' }) });
    const connection: Connection = Object.create(Connection.prototype);
    connection.use = () => {
      this.migrating = true;
      return new Promise(() => undefined);
    };
    this.link.open = () => Promise.resolve(connection);
    this.guest.running = true;
  }

  override survey(): Promise<HostSurvey> {
    return Promise.resolve(survey('h1'));
  }

  override async onDomain<T>(
    vm: string,
    what: string,
    task: (domain: Domain) => Promise<T>,
    how: { readonly signal?: AbortSignal } = {},
  ): Promise<T | undefined> {
    switch (what) {
      case 'looking': {
        this.onLook();
        const stats = { memory_iteration: this.pass, data_total: 1 };
        const job = this.migrating ? { type: 2, operation: 5, stats } : NO_JOB;
        return { ...RUNNING, job } as T; // what statusOf returns
      }
      case 'stopping the move':
        this.migrating = false;
        return undefined;
      case 'switching to post-copy':
      case 'limiting the downtime':
        this.told.push(`${what}, ${mayBe(how.signal)}`);
        return undefined;
      case 'preparing':
        return this.isReadable ? ({} as T) : undefined;
      default:
        return super.onDomain(vm, what, task, how);
    }
  }
}

class Target extends GuestHost {
  constructor(id: string) {
    super(id, {});
  }

  override survey(): Promise<HostSurvey> {
    return Promise.resolve(survey(this.id));
  }
}

function scene(order: Partial<MoveOrder>, clock: Clock = manualClock()) {
  const from = new Source();
  const to = new Target('h2');
  const abort = new AbortController();
  return {
    from,
    ends: { from, to, others: [] },
    mover: new Mover(options(), clock),
    order: aMoveOrder({ vm: vmId(UUID), method: 'pre-copy', ...order }),
    abort,
    signal: abort.signal,
  };
}

describe('a copy that is to begin anew with auto-converge, and cannot', () => {
  async function refused() {
    const all = scene({});
    const { mover, order, ends, from, signal } = all;
    expect(await mover.start(order, ends, signal)).toMatchObject({ ok: true });
    from.isReadable = false;
    const told = await mover.steer(order, { kind: 'auto-converge' }, ends, signal);
    expect(told).toMatchObject({ ok: false });
    return all;
  }

  it('has failed: it is over, and the guest free for another move', async () => {
    const { mover, order, ends, signal, from } = await refused();
    expect(await mover.job(order, ends, signal)).toMatchObject({ kind: 'ended', ok: false });
    from.isReadable = true;
    const other = { ...order, move: 'm9', to: hostId('h3') } as MoveOrder;
    const elsewhere = { from, to: new Target('h3'), others: [] };
    expect(await mover.start(other, elsewhere, signal)).toMatchObject({ ok: true });
  });
});

describe('the switch to post-copy after the first pass', () => {
  /** Begun in the first pass; `then` happens at the third look after that. */
  async function begun(then: (all: { abort: AbortController; lose: () => void }) => void) {
    let looks = 0;
    const wake = Promise.withResolvers<undefined>();
    const clock: Clock = {
      ...manualClock(),
      sleep: () => new Promise((resolve) => void setImmediate(resolve)),
    };
    const all = scene({ method: 'post-copy' }, clock);
    const { mover, order, ends, from, abort, signal } = all;
    let isHeld = true;
    allowWhile(signal, () => isHeld);
    expect(await mover.start(order, ends, signal)).toMatchObject({ ok: true });
    from.onLook = () => {
      looks += 1;
      if (looks === 3) {
        then({ abort, lose: () => (isHeld = false) });
        from.pass = 2;
      }
      if (looks === 9) wake.resolve(undefined);
    };
    await wake.promise;
    from.migrating = false;
    return from.told;
  }

  it('is made also when the call is over, and its signal aborted', async () => {
    const told = await begun(({ abort }) => abort.abort());
    expect(told).toContain('switching to post-copy, allowed');
  });

  it('is not made when the lease was lost meanwhile', async () => {
    const told = await begun(({ lose }) => lose());
    expect(told).toEqual(['limiting the downtime, allowed']);
  });
});

describe('a cold move', () => {
  it('goes forward under the permission that it was begun under', async () => {
    const { mover, order, signal } = scene({ method: 'cold' });
    const from = new GuestHost('h1', { [UUID]: guestXml({}) });
    from.guest.running = true;
    const ends = { from, to: new GuestHost('h2', {}), others: [] };
    let isHeld = true;
    allowWhile(signal, () => isHeld);
    from.guest.before.set('virDomainShutdownFlags', () => {
      isHeld = false;
    });
    expect(await mover.start(order, ends, signal)).toMatchObject({ ok: true });
    const asking = new AbortController().signal;
    while ((await mover.job(order, ends, asking)).kind === 'running') {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ends.to.guest.calls).not.toContain('virDomainDefineXML');
    expect(from.guest.running).toBe(true);
  });
});
