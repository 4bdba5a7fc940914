/** Bringing VMs home to a host that is back in service, as far as it takes them. */

import type { Draft } from './draft.ts';
import type { Setting } from './setting.ts';
import { moveGroup, togetherWith } from './together.ts';

/**
 * The most important first; a VM that its home does not take stays where it is. Those that a rule
 * binds together come together, if all of them are at home there.
 */
export function bringHome(draft: Draft, setting: Setting): void {
  const { state } = draft;
  const { criticality } = setting.model;
  const returns = setting.needs.returns.toSorted(
    (a, b) => (criticality[a.vm] ?? 0) - (criticality[b.vm] ?? 0) || a.vm - b.vm,
  );
  for (const { vm, to, finding } of returns) {
    if (state.at[vm] === to || state.moved[vm] === 1) continue;
    const isAtHome = (other: number): boolean =>
      returns.some((one) => one.vm === other && one.to === to);
    const terms = setting.homeTermsOf(finding.tier);
    const retry = (): boolean => {
      if (state.at[vm] === to) return true;
      const code = state.stuck(vm, terms) || state.refusal(vm, to, terms, 'in-the-end');
      if (code === 0) draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
      if (code === 0) return true;
      const host = state.at[vm] ?? -1;
      const vms = togetherWith(draft, vm, host);
      const mayCome = vms.every((other) => isAtHome(other) && state.stuck(other, terms) === 0);
      return vms.length > 1 && mayCome && moveGroup(draft, { vms, host, finding, terms }, [to]);
    };
    if (retry()) continue;
    draft.open.push({ vm, host: to, finding, terms, detail: 'does not come home', retry });
  }
}
