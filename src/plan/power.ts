/**
 * What hosts draw. With a linear model of power (idle draw + a part in proportion to the load: Fan,
 * Weber & Barroso, "Power provisioning for a warehouse-sized computer", ISCA 2007) the part for the
 * load moves along with the guests; what an empty host that is off saves is its idle draw.
 */

import { POWER_UNIT_WATTS } from '../domain/units.ts';
import type { Model } from './model.ts';
import type { Setting } from './setting.ts';

export interface Draw {
  /**
   * Per host, in units of 100 W. One that does not say counts as the mean of those that do, and as
   * one unit where none does: all alike then.
   */
  readonly units: Float64Array;
  /** Per host: 1 when the figure is its own. */
  readonly known: Uint8Array;
}

export function idleDraw({ hosts }: Model): Draw {
  const known = Uint8Array.from(hosts, ({ power }) => (power === undefined ? 0 : 1));
  const units = Float64Array.from(hosts, ({ power }) => (power?.idle ?? 0) / POWER_UNIT_WATTS);
  const told = known.reduce((sum, one) => sum + one, 0);
  const usual = told > 0 ? units.reduce((sum, one) => sum + one, 0) / told : 1;
  for (const [h, one] of known.entries()) if (one === 0) units[h] = usual;
  return { units, known };
}

/** What counts in the objective: nothing where nobody asks for power to be saved. */
export function powersOf({ model, needs }: Setting): Float64Array | undefined {
  return needs.underused.size > 0 ? idleDraw(model).units : undefined;
}

/** "about 180 W", as far as the hosts say what they draw; undefined: none of them does. */
export function wattsText({ units, known }: Draw, hosts: readonly number[]): string | undefined {
  const told = hosts.filter((h) => known[h] === 1);
  if (told.length === 0) return undefined;
  const sum = told.reduce((total, h) => total + (units[h] ?? 0), 0) * POWER_UNIT_WATTS;
  return `about ${Math.round(sum)} W`;
}
