/**
 * Hosts sorted by their free CPU (below the safety capacity, departures not counted), so that "the
 * most room" and "the tightest fit" are found without looking at every host. Sorted when it is
 * asked for: most of what is tried is taken back before anybody looks.
 */

import { CPU_AT, type Model } from './model.ts';

export class RoomIndex {
  readonly #model: Pick<Model, 'hosts' | 'width' | 'limit'>;
  readonly #gross: Float64Array;
  readonly #order: Int32Array;
  readonly #place: Int32Array;
  readonly #room: Float64Array;
  /** Hosts whose load has changed since; per host: 1 when it is one of them. */
  readonly #changed: number[] = [];
  readonly #isChanged: Uint8Array;

  constructor(model: Pick<Model, 'hosts' | 'width' | 'limit'>, gross: Float64Array) {
    this.#model = model;
    this.#gross = gross;
    const count = model.hosts.length;
    this.#room = new Float64Array(count);
    this.#isChanged = new Uint8Array(count);
    for (let h = 0; h < count; h += 1) this.#room[h] = this.#measure(h);
    this.#order = Int32Array.from(model.hosts, (_host, h) => h);
    this.#order.sort((a, b) => this.#compare(a, b));
    this.#place = new Int32Array(count);
    for (const [place, h] of this.#order.entries()) this.#place[h] = place;
  }

  /** Hosts by free CPU, least first; ties so that from the end the first id comes first. */
  get order(): Int32Array {
    for (const h of this.#changed) {
      this.#isChanged[h] = 0;
      this.#sortIn(h);
    }
    this.#changed.length = 0;
    return this.#order;
  }

  /** To be called after every change of the host's load. */
  update(h: number): void {
    if (this.#isChanged[h] === 1) return;
    this.#isChanged[h] = 1;
    this.#changed.push(h);
  }

  #sortIn(h: number): void {
    const room = this.#measure(h);
    const order = this.#order;
    const [rooms, places] = [this.#room, this.#place];
    if (rooms[h] === room) return;
    rooms[h] = room;
    let place = places[h] ?? 0;
    for (; place > 0; place -= 1) {
      const other = order[place - 1] ?? 0;
      const theirs = rooms[other] ?? 0;
      if (theirs < room || (theirs === room && other > h)) break;
      order[place] = other;
      places[other] = place;
    }
    for (; place + 1 < order.length; place += 1) {
      const other = order[place + 1] ?? 0;
      const theirs = rooms[other] ?? 0;
      if (theirs > room || (theirs === room && other < h)) break;
      order[place] = other;
      places[other] = place;
    }
    order[place] = h;
    places[h] = place;
  }

  /** The most free CPU of any host. */
  most(): number {
    const { order } = this;
    return this.#room[order[order.length - 1] ?? -1] ?? 0;
  }

  /** The first place in `order` whose host has at least this much free CPU. */
  firstWith(room: number): number {
    const { order } = this;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#room[order[middle] ?? 0] ?? 0) < room) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #measure(h: number): number {
    const at = h * this.#model.width + CPU_AT;
    return (this.#model.limit[at] ?? 0) - (this.#gross[at] ?? 0);
  }

  #compare(a: number, b: number): number {
    return (this.#room[a] ?? 0) - (this.#room[b] ?? 0) || b - a;
  }
}
