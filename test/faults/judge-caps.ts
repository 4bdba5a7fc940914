// Role: whether a move that is begun is one too many beside those under way.
import type { Move } from '../../src/domain/plan.ts';
import type { Rules } from './script.ts';

/**
 * Says how many there are; undefined: as many as may.
 *
 * @param others under way, without it, whichever controller has begun them.
 */
export function beyondCaps(
  move: Move,
  others: readonly Move[],
  { total, perHostIn, perHostOut }: Rules,
): string | undefined {
  const all = others.length + 1;
  const out = others.filter(({ from }) => from === move.from).length + 1;
  const into = others.filter(({ to }) => to === move.to).length + 1;
  if (all <= total && out <= perHostOut && into <= perHostIn) return undefined;
  return `too many at once: ${all}, ${out} from ${move.from}, ${into} to ${move.to}`;
}
