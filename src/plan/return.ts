/** Bringing VMs home to a host that is back in service, as far as it takes them. */

import type { Draft } from './draft.ts';
import type { Setting } from './setting.ts';

/** The most important first; a VM that its home does not take stays where it is. */
export function bringHome(draft: Draft, setting: Setting): void {
  const { state } = draft;
  const { criticality } = setting.model;
  const returns = setting.needs.returns.toSorted(
    (a, b) => (criticality[a.vm] ?? 0) - (criticality[b.vm] ?? 0) || a.vm - b.vm,
  );
  for (const { vm, to, finding } of returns) {
    if (state.at[vm] === to || state.moved[vm] === 1) continue;
    const terms = setting.homeTermsOf(finding.tier);
    const retry = (): boolean => {
      const code = state.stuck(vm, terms) || state.refusal(vm, to, terms, 'in-the-end');
      if (code === 0) draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
      return code === 0;
    };
    if (retry()) continue;
    draft.open.push({ vm, host: to, finding, terms, detail: 'does not come home', retry });
  }
}
