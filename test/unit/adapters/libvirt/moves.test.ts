// Role: what a domain's state means, what libvirt is told in a move, and what is remembered of it.
import { describe, expect, it } from 'vitest';

import { numberParams } from '../../../../adapters/libvirt/calls/domain.ts';
import {
  isHeld,
  NO_JOB,
  powerStateOf,
  sightingStateOf,
  statusOf,
  type DomainStatus,
} from '../../../../adapters/libvirt/domain-status.ts';
import { LibvirtHypervisor } from '../../../../adapters/libvirt/hypervisor.ts';
import {
  bandwidthFor,
  mibPerSecond,
  migrationFlags,
} from '../../../../adapters/libvirt/moves/live-move.ts';
import { costOf, progressOf } from '../../../../adapters/libvirt/moves/progress.ts';
import { explainingTls } from '../../../../adapters/libvirt/moves/tls.ts';
import { DOMAIN_STATE } from '../../../../adapters/libvirt/native/constants.ts';
import { LibvirtError } from '../../../../adapters/libvirt/native/errors.ts';
import { LibvirtLibrary } from '../../../../adapters/libvirt/native/library.ts';
import { Session } from '../../../../adapters/libvirt/native/session.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { sourceId, vmId } from '../../../../src/domain/ids.ts';
import { bytesPerSecond, MIB } from '../../../../src/domain/units.ts';
import type { PowerState } from '../../../../src/domain/vm.ts';
import type { MoveOrder, Sighting } from '../../../../src/ports/hypervisor.ts';
import { FakeHost } from './fake-host.ts';
import { options, UUID } from './samples.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { aMoveOrder } from '../../../support/plans.ts';

const OUT = { type: 2, operation: 5, stats: {} };
const IN = { type: 0, operation: 4, stats: {} };

const STATES: readonly (readonly [string, DomainStatus, Sighting['state'], PowerState])[] = [
  ['running', { state: 1, reason: 1, job: NO_JOB }, 'running', 'running'],
  ['blocked on I/O', { state: 2, reason: 0, job: NO_JOB }, 'running', 'running'],
  ['ending', { state: 4, reason: 0, job: NO_JOB }, 'paused', 'paused'],
  ['leaving', { state: 1, reason: 1, job: OUT }, 'running', 'running'],
  ['arriving', { state: 3, reason: 2, job: IN }, 'incoming', 'paused'],
  ['arriving, between two jobs', { state: 3, reason: 2, job: NO_JOB }, 'incoming', 'paused'],
  ['stopped for the switchover', { state: 3, reason: 2, job: OUT }, 'paused', 'paused'],
  ['paused by a person', { state: 3, reason: 1, job: NO_JOB }, 'paused', 'paused'],
  ['being built to receive', { state: 3, reason: 11, job: NO_JOB }, 'incoming', 'paused'],
  ['left by post-copy', { state: 3, reason: 12, job: OUT }, 'paused', 'paused'],
  ['arrived by post-copy', { state: 1, reason: 10, job: IN }, 'post-copy', 'running'],
  ['broken in post-copy', { state: 1, reason: 11, job: NO_JOB }, 'post-copy-paused', 'paused'],
  ['left by broken post-copy', { state: 3, reason: 13, job: OUT }, 'post-copy-paused', 'paused'],
  ['asleep', { state: 7, reason: 0, job: NO_JOB }, 'paused', 'paused'],
  ['off', { state: 5, reason: 1, job: NO_JOB }, 'defined', 'off'],
  ['crashed', { state: 6, reason: 1, job: NO_JOB }, 'defined', 'crashed'],
  ['of a kind unheard of', { state: 99, reason: 0, job: NO_JOB }, 'unknown', 'unknown'],
];

describe('a domain’s state', () => {
  it.each(STATES)('%s', (_what, status, sighting, power) => {
    expect(sightingStateOf(status)).toBe(sighting);
    expect(powerStateOf(status)).toBe(power);
  });

  it('is never that of a guest at rest where it left between the two looks', async () => {
    const status = await statusOf({ session: new LeavingAtSecondCall(), handle: 0n });
    expect(sightingStateOf(status)).toBe('defined');
    expect(status.job).toBe(NO_JOB);
  });

  it('is held by a backup or a snapshot, not by a migration', () => {
    const held = (operation: number): boolean =>
      isHeld({ state: 1, reason: 1, job: { type: 2, operation, stats: {} } });
    expect([2, 6, 9].map(held)).toEqual([true, true, true]);
    expect([1, 4, 5].map(held)).toEqual([false, false, false]);
  });
});

/** A host whose guest runs at the first call and has left at the second. */
class LeavingAtSecondCall extends Session {
  #calls = 0;

  constructor() {
    super(Object.create(LibvirtLibrary.prototype), 0n);
  }

  override int(name: string, ...args: readonly unknown[]): Promise<number> {
    this.#calls += 1;
    const state = args[1];
    if (name === 'virDomainGetState' && state instanceof Int32Array) {
      state[0] = this.#calls === 1 ? DOMAIN_STATE.running : DOMAIN_STATE.shutoff;
    }
    return Promise.resolve(0);
  }
}

const ORDER = aMoveOrder({ vm: vmId(UUID) });
const LIVE = 1;
const PEER = 2;
const CARRY = 8 | 16;
const ABORT_ON_ERROR = 1 << 12;
const STORED = true;
const KVM = { tls: false, kind: 'kvm' } as const;

describe('a live move', () => {
  it('is led by the source and takes the definition along', () => {
    expect(migrationFlags(ORDER, STORED, KVM)).toBe(LIVE | PEER | CARRY | ABORT_ON_ERROR);
  });

  it('leaves a transient guest transient', () => {
    const flags = migrationFlags(ORDER, false, KVM);
    expect(flags & CARRY).toBe(0);
  });

  it('is told beforehand what may be switched on later', () => {
    const flags = (order: MoveOrder): number => migrationFlags(order, STORED, KVM);
    expect(flags({ ...ORDER, autoConverge: true }) & (1 << 13)).not.toBe(0);
    expect(flags({ ...ORDER, allowPostCopy: true }) & (1 << 15)).not.toBe(0);
    expect(flags({ ...ORDER, method: 'post-copy' }) & (1 << 15)).not.toBe(0);
    expect(flags(ORDER) & ((1 << 13) | (1 << 15) | (1 << 16))).toBe(0);
    expect(migrationFlags(ORDER, STORED, { ...KVM, tls: true }) & (1 << 16)).not.toBe(0);
  });

  it('counts bandwidth in MiB/s, at least one: none would be unlimited', () => {
    expect([1, MIB, 2.6 * MIB].map(mibPerSecond)).toEqual([1, 1, 3]);
  });

  it('is told to Xen without what its driver refuses, but never unencrypted unasked', () => {
    const xen = { tls: false, kind: 'xen' } as const;
    expect(migrationFlags(ORDER, STORED, xen)).toBe(LIVE | PEER | CARRY);
    expect(migrationFlags(ORDER, STORED, { ...xen, tls: true }) & (1 << 16)).not.toBe(0);
    const limited = { bandwidth: bytesPerSecond(7 * MIB) };
    expect([bandwidthFor(limited, xen), bandwidthFor(limited, KVM)]).toEqual([undefined, 7]);
    expect(bandwidthFor({ bandwidth: undefined }, KVM)).toBeUndefined();
  });

  it('and nothing else is declared there but a cold one', () => {
    const hosts = [{ uri: 'xen+tls://x1/system' }];
    const parts = { source: sourceId('lab'), clock: manualClock() };
    const { capabilities } = new LibvirtHypervisor(options({ hosts }), parts);
    expect(capabilities.methods).toEqual(['pre-copy', 'cold']);
  });

  it('is limited after a switch to post-copy as before it', () => {
    const limits = (bandwidthMibPerSecond: number | undefined, flags: number) =>
      numberParams({ bandwidthMibPerSecond, flags });
    expect(limits(undefined, 1 << 15)).toEqual([]);
    expect(limits(7, LIVE)).toEqual([['bandwidth', 7]]);
    expect(limits(7, LIVE | (1 << 15))).toEqual([
      ['bandwidth', 7],
      ['bandwidth.postcopy', 7],
    ]);
  });
});

describe('progress', () => {
  const stats = {
    time_elapsed: 1500,
    data_total: 100 * MIB,
    data_processed: 30 * MIB,
    data_remaining: 25 * MIB,
    memory_dirty_rate: 10,
    memory_page_size: 4096,
    memory_bps: 4 * MIB,
    memory_iteration: 2,
    memory_processed: 30 * MIB,
  };
  const job = { type: 2, operation: 5, stats };

  it('is given in bytes and seconds', () => {
    expect(progressOf({ state: 1, reason: 1, job })).toEqual({
      phase: 'pre-copy',
      elapsedSeconds: 1.5,
      done: 0.75,
      bytesSent: 30 * MIB,
      bytesRemaining: 25 * MIB,
      dirtyRate: 40_960,
      bandwidth: 4 * MIB,
      iteration: 2,
    });
  });

  it('knows the phases', () => {
    const phase = (state: number, reason: number, figures: typeof stats | object): string =>
      progressOf({ state, reason, job: { ...job, stats: figures as typeof stats } }).phase;
    expect(phase(1, 1, {})).toBe('setup');
    expect(phase(3, 2, stats)).toBe('stop-and-copy');
    expect(phase(3, 12, stats)).toBe('post-copy');
    expect(phase(1, 1, { ...stats, memory_processed: 0, disk_remaining: 5 })).toBe('storage');
  });

  it('is unknown where nothing was measured, and never out of bounds', () => {
    const early = { ...stats, memory_dirty_rate: 0, memory_bps: 0, data_remaining: 200 * MIB };
    expect(progressOf({ state: 1, reason: 1, job: { ...job, stats: early } })).toMatchObject({
      done: 0,
      dirtyRate: undefined,
      bandwidth: undefined,
    });
    expect(costOf(undefined)).toEqual({ downtimeSeconds: undefined, bytes: undefined });
    expect(costOf({ ...job, stats: { downtime: 70, data_processed: 5 } })).toEqual({
      downtimeSeconds: 0.07,
      bytes: 5,
    });
  });
});

describe('the note in a moving guest’s definition', () => {
  it('comes back as it was written, under whatever prefix', () => {
    const place = { host: 'h & 2', pool: `a'b`, name: 'x.img', path: '/b/x.img' };
    const copies = [{ ...place, dev: 'vda', from: '/a/<x>.img' }];
    const note = { move: `m<'1'>`, to: 'h & 2', autostart: true, askedOff: true, copies };
    const xml = writeMoveNote(note);
    expect(readMoveNote(xml)).toEqual(note);
    const outer = xml.replaceAll(/<(\/?)(move)/g, '<$1drover-move:$2');
    const all = xml.replaceAll(/<(\/?)(move|copy)/g, '<$1drover-move:$2');
    for (const prefixed of [outer, all]) {
      const declared = prefixed.replace('<drover-move:move', '$& xmlns:drover-move="urn:x"');
      expect(readMoveNote(declared)).toEqual(note);
    }
    expect(readMoveNote(writeMoveNote({ ...note, copies: [] }))?.copies).toEqual([]);
    const plain = { ...note, autostart: false, askedOff: false };
    expect(readMoveNote(writeMoveNote(plain))).toEqual(plain);
  });

  it('comes back from libvirt 11.3, which writes other letters as numbers', () => {
    const places = `pool='büro' name='🖥.img' dev='vda' from='/&amp;#65;/a' path='/büro/🖥.img'`;
    const copy = `<copy host='köln-2' ${places}/>`;
    const written = `<move id='m1' to='köln-2' autostart='no'>${copy}</move>`;
    const note = readMoveNote(written);
    expect(note).toMatchObject({ to: 'köln-2', copies: [{ pool: 'büro', from: '/&#65;/a' }] });
    expect(readMoveNote(inNumbers(written))).toEqual(note);
  });
});

function inNumbers(xml: string): string {
  const numberOf = (letter: string) => letter.codePointAt(0)?.toString(16).toUpperCase();
  return xml.replaceAll(/[^ -~]/gu, (letter) => `&#x${numberOf(letter)};`);
}

describe('a live move that fails over TLS', () => {
  const ends = { from: new FakeHost('h1', { pools: [] }), to: new FakeHost('h2', { pools: [] }) };
  const said = (text: string, tls: boolean): Promise<unknown> =>
    explainingTls(Promise.reject(new LibvirtError(1, text, true)), ends, tls).catch(
      (error: unknown) => error,
    );

  it.each([
    [true, 'Unable to access credentials /etc/pki/ca-cert.pem', /h1 and h2.*tlsName/],
    [true, 'Certificate does not match the hostname 10.0.0.2', /h1 and h2.*tlsName/],
    [false, 'allows migration only with VIR_MIGRATE_TLS flag', /set tls: true/],
  ])('says what to look at (tls: %s): %s', async (tls, text, advice) => {
    const error = await said(text, tls);
    expect(error).toMatchObject({ code: 1, lost: true });
    expect(error).toHaveProperty('message', expect.stringMatching(advice));
    expect(error).toHaveProperty('message', expect.stringContaining(text));
  });

  it('says nothing of it where that is not why', async () => {
    expect(await said('domain is not running', true)).toHaveProperty(
      'message',
      'domain is not running',
    );
  });
});
