// Role: what the two ends of a live move show of it, where nobody has the call that carries it.
import { describe, expect, it } from 'vitest';

import type { Domain } from '../../../../adapters/libvirt/calls/domain.ts';
import {
  type DomainStatus,
  NO_JOB,
  sightingStateOf,
} from '../../../../adapters/libvirt/domain-status.ts';
import { observe } from '../../../../adapters/libvirt/moves/observe.ts';
import {
  DOMAIN_STATE,
  PAUSED_REASON,
  RUNNING_REASON,
} from '../../../../adapters/libvirt/native/constants.ts';
import { vmId } from '../../../../src/domain/ids.ts';
import type { Job, Sighting } from '../../../../src/ports/hypervisor.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { FakeHost } from './fake-host.ts';
import { UUID } from './samples.ts';

const OUT = { type: 2, operation: 5, stats: { data_total: 1 } };
const ENDED = 1;
const BY_A_PERSON = 1;
const IO_ERROR = 5;
const WATCHDOG = 6;

class Seen extends FakeHost {
  readonly #status: DomainStatus | undefined;

  constructor(id: string, status: DomainStatus | undefined) {
    super(id, { pools: [] });
    this.#status = status;
  }

  override sight(): Promise<Sighting | undefined> {
    const status = this.#status;
    if (status === undefined) return Promise.resolve(undefined);
    return Promise.resolve({ host: this.id, state: sightingStateOf(status), persistent: true });
  }

  override async onDomain<T>(
    _vm: string,
    what: string,
    _task: (domain: Domain) => Promise<T>,
  ): Promise<T | undefined> {
    return what === 'looking' ? (this.#status as T) : undefined; // what statusOf returns
  }
}

function paused(reason: number, job = NO_JOB): DomainStatus {
  return { state: DOMAIN_STATE.paused, reason, job };
}

const RUNNING: DomainStatus = { state: DOMAIN_STATE.running, reason: ENDED, job: NO_JOB };
const OFF: DomainStatus = { state: DOMAIN_STATE.shutoff, reason: 0, job: NO_JOB };
const POST_COPY = { ...RUNNING, reason: RUNNING_REASON.postCopy };

function told(from: DomainStatus | undefined, to: DomainStatus | undefined): Promise<Job> {
  const ends = { from: new Seen('h1', from), to: new Seen('h2', to) };
  return observe(aMoveOrder({ vm: vmId(UUID) }), ends, new AbortController().signal);
}

describe('a guest that has left its source', () => {
  it('has arrived where it runs', async () => {
    expect(await told(undefined, RUNNING)).toMatchObject({ kind: 'ended', ok: true });
    expect(await told(OFF, RUNNING)).toMatchObject({ kind: 'ended', ok: true });
  });

  it('is on its way where its target makes it ready still', async () => {
    const running = { kind: 'running', progress: { phase: 'stop-and-copy' } };
    expect(await told(undefined, paused(PAUSED_REASON.migration))).toMatchObject(running);
    expect(await told(undefined, paused(PAUSED_REASON.startingUp))).toMatchObject(running);
    expect(await told(paused(PAUSED_REASON.migration), paused(IO_ERROR))).toMatchObject(running);
  });

  it.each([
    ['its owner', BY_A_PERSON],
    ['an I/O error', IO_ERROR],
    ['its watchdog', WATCHDOG],
  ])('is not on its way any more where %s has paused it', async (_who, reason) => {
    expect(await told(undefined, paused(reason))).toEqual({ kind: 'none' });
    expect(await told(OFF, paused(reason))).toEqual({ kind: 'none' });
  });
});

describe('a post-copy that broke', () => {
  const broken = paused(PAUSED_REASON.postCopyFailed, OUT);

  it('goes on where only the daemons have lost each other', async () => {
    expect(await told(broken, POST_COPY)).toMatchObject({ kind: 'running' });
  });

  it.each([
    ['has nothing', undefined],
    ['has its definition alone', OFF],
    // libvirt keeps the first reason of a pause.
    ['had paused it before', paused(IO_ERROR)],
    ['shows it as well', { ...RUNNING, reason: RUNNING_REASON.postCopyFailed }],
  ])('is told where the target %s', async (_what, there) => {
    expect(await told(broken, there)).toMatchObject({ kind: 'ended', ok: false });
  });
});
