// Role: a guest about to be moved cold from h1 to h2, for tests of what happens on the way.
import { prepareColdMove, runColdMove } from '../../../../adapters/libvirt/moves/cold-move.ts';
import { Flight } from '../../../../adapters/libvirt/moves/flight.ts';
import { cleanUpMove } from '../../../../adapters/libvirt/moves/settle.ts';
import type { LibvirtOptions } from '../../../../adapters/libvirt/options.ts';
import { writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { vmId } from '../../../../src/domain/ids.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { GuestHost, type GuestSession } from './fake-guest.ts';
import { diskXml } from './fake-host.ts';
import { guestXml, options, UUID } from './samples.ts';

export const ORDER = aMoveOrder({ vm: vmId(UUID), method: 'cold' });
export const SIGNAL: AbortSignal = new AbortController().signal;
/** What another controller, which started a move later, leaves in the guest's definition. */
export const OTHERS = writeMoveNote({ ...note1(), move: 'm2', to: 'h3' });
export const TAKEN_BACK = OTHERS.replace('m2', 'm1 taken back');

export class Scene {
  readonly from: GuestHost;
  readonly to = new GuestHost('h2', {});
  readonly others: GuestHost[] = [];
  readonly source: GuestSession;
  readonly target: GuestSession = this.to.guest;
  readonly flight = new Flight(ORDER);

  constructor(devices = diskXml({}), images: readonly string[] = ['a.img']) {
    this.from = new GuestHost('h1', { [UUID]: guestXml({ devices }) }, images);
    this.source = this.from.guest;
    this.source.running = true;
  }

  prepare(): Promise<void> {
    return prepareColdMove(this.flight, this, SIGNAL);
  }

  run(cold: Partial<LibvirtOptions['cold']> = {}, clock: Clock = manualClock()): Promise<void> {
    const own = { ...options().cold, ...cold };
    const tools = { ends: this, options: own, clock };
    return runColdMove(this.flight, tools);
  }

  async move(): Promise<void> {
    await this.prepare();
    await this.run();
  }

  define(guest: GuestSession, note: string | undefined): void {
    guest.define(guestXml({}));
    guest.note = note;
  }

  cleanUp() {
    return cleanUpMove(ORDER, this, SIGNAL);
  }
}

export function note1() {
  return { move: 'm1', to: 'h2', autostart: false, askedOff: true, copies: [] };
}
