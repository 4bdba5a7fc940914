/**
 * Spare hosts: kept empty, so that there is a place for what has to leave another host. Moves that
 * cannot wait may go there, and being empty it is the first choice of those that spread.
 */

import type { SpareRule } from '../../domain/placement.ts';
import type { Model } from '../model.ts';
import type { Answers } from './rule.ts';

export function spareRule(model: Model, { hosts }: SpareRule): Answers {
  const ids = new Set(hosts);
  const spare = Uint8Array.from(model.hosts, ({ id }) => (ids.has(id) ? 1 : 0));
  const isSpare = (h: number): boolean => spare[h] === 1;
  const standsBadly = (v: number, at: Int32Array): boolean =>
    isSpare(at[v] ?? -1) && model.vms[v]?.powerState !== 'off';
  const there = (at: Int32Array): number[] =>
    [...model.vms.keys()].filter((v) => standsBadly(v, at));
  return {
    everyone: true,
    yields: 'readily',
    forbids: (_v, from, to) => isSpare(to) && !isSpare(from),
    broken: (at) => there(at).length,
    strain: (v, at) => (to) =>
      model.vms[v]?.powerState === 'off' ? 0 : Number(isSpare(to)) - Number(isSpare(at[v] ?? -1)),
    remedy: (v, at) => (standsBadly(v, at) ? (to) => !isSpare(to) : undefined),
    movers: there,
  };
}
