/** What consolidation did, and why hosts stay on that are underused, in words. */

import type { Consolidation, Staying } from './consolidate.ts';
import { listed } from '../domain/listed.ts';
import type { Model } from './model.ts';
import { wattsText } from './power.ts';
import { carriedText, type OwnVm } from '../domain/own-vm.ts';
import type { Limits } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';

export function consolidationNotes(
  { emptied, idle, staying, draw }: Consolidation,
  model: Model,
  limits: Limits,
): string[] {
  const notes: string[] = [];
  const name = (h: number): string => model.hosts[h]?.name ?? '';
  if (emptied.length > 0) {
    const watts = wattsText(draw, emptied);
    const saved = watts === undefined ? '' : ` (${watts} less when off)`;
    notes.push(`will be empty: ${names(emptied, name)}${saved}; Drover switches no host off`);
  }
  if (idle.length > 0) notes.push(`without VMs, and could be off: ${names(idle, name)}`);
  const lines = [...staying]
    .sort(([a], [b]) => a - b)
    .map(([h, why]) => `${name(h)} (${stayText(why, model, limits)})`);
  if (lines.length > 0) notes.push(`underused, and stay on: ${listed(lines)}`);
  return notes;
}

function stayText(why: Staying, model: Model, limits: Limits): string {
  const { fillTo, keepSpare } = limits.consolidation;
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  switch (why.kind) {
    case 'reserve':
      return keepSpare === 0
        ? 'the others could not carry everything'
        : `the others could not carry everything with ${keepSpare} of them lost`;
    case 'no-room': {
      const ceiling = `${percent(fillTo.cpu)} CPU and ${percent(fillTo.memory)} memory`;
      return why.vm === undefined
        ? `the others lack the room within ${ceiling}`
        : `no host that carries VMs takes ${model.vms[why.vm]?.name ?? ''} within ${ceiling}`;
    }
    case 'stuck':
      return `${model.vms[why.vm]?.name ?? ''} ${stuckText(model.vms[why.vm]?.own)}`;
    case 'switched-off':
      return `${model.vms[why.vm]?.name ?? ''} is switched off: it stays, and keeps its host on`;
    case 'no-gain':
      return `its power is not worth moving ${why.gib.toFixed(1)} GiB`;
    case 'cluster-busy':
      return 'its cluster may need it';
    case 'other-affairs':
      return 'it has other affairs';
    default:
      return assertNever(why, 'reason to stay on');
  }
}

function names(hosts: readonly number[], name: (h: number) => string): string {
  return listed(hosts.map(name));
}

function stuckText(own: OwnVm | undefined): string {
  return own === undefined ? 'may not move now' : `${carriedText(own)}, and moves for no power`;
}
