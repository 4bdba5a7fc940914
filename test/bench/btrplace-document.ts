// Role: the JSON of BtrPlace, as far as the benchmark uses it: an instance (model and constraints)
// and a plan (actions). Types and the check of the outer shape only; what a constraint means is
// said twice and apart, by the reader (btrplace-instance.ts) and by the judge (btrplace-judge.ts).
//
// Source: btrplace/scheduler, org.btrplace.json.model, .model.constraint and .plan.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** `continuous`: at every moment of the plan; otherwise once it has ended. */
interface Restriction {
  readonly continuous?: boolean | undefined;
}
interface OnVm<Id extends string> extends Restriction {
  readonly id: Id;
  readonly vm: number;
}
interface OnVms<Id extends string> extends Restriction {
  readonly id: Id;
  readonly vms: readonly number[];
}
interface OnNode<Id extends string> extends Restriction {
  readonly id: Id;
  readonly node: number;
}

export type BtrplaceConstraint =
  | OnNode<'online'>
  | OnNode<'offline'>
  | OnNode<'quarantine'>
  | OnVm<'running'>
  | OnVm<'ready'>
  | OnVm<'root'>
  | OnVms<'spread'>
  | (OnVms<'among'> & { readonly parts: readonly (readonly number[])[] })
  | (OnVm<'fence'> & { readonly nodes: readonly number[] })
  | (OnVm<'ban'> & { readonly nodes: readonly number[] })
  | (OnVm<'preserve'> & { readonly rc: string; readonly amount: number })
  | (OnNode<'overbook'> & { readonly rc: string; readonly ratio: number })
  | (Restriction & {
      readonly id: 'resourceCapacity';
      readonly nodes: readonly number[];
      readonly rc: string;
      readonly amount: number;
    });

const KINDS: Readonly<Record<BtrplaceConstraint['id'], true>> = {
  online: true,
  offline: true,
  quarantine: true,
  running: true,
  ready: true,
  root: true,
  spread: true,
  among: true,
  fence: true,
  ban: true,
  preserve: true,
  overbook: true,
  resourceCapacity: true,
};

export interface BtrplaceMapping {
  /** By node id. */
  readonly onlineNodes: Readonly<
    Record<
      string,
      { readonly runningVMs: readonly number[]; readonly sleepingVMs: readonly number[] }
    >
  >;
  readonly offlineNodes: readonly number[];
  readonly readyVMs: readonly number[];
}

export interface BtrplaceResource {
  readonly id: 'shareableResource';
  readonly rcId: string;
  readonly defCapacity: number;
  readonly defConsumption: number;
  readonly nodes: Readonly<Record<string, number>>;
  readonly vms: Readonly<Record<string, number>>;
}

export interface BtrplaceDocument {
  readonly model: {
    readonly mapping: BtrplaceMapping;
    readonly views: readonly (BtrplaceResource | { readonly id: string })[];
  };
  readonly constraints: readonly BtrplaceConstraint[];
}

/** Sets what the VM is granted from then on. */
export interface Allocation {
  readonly id: 'allocate';
  readonly vm: number;
  readonly rc: string;
  readonly amount: number;
}

/** Moments are whole numbers; at each, what ends ends before what starts starts. */
export type BtrplaceAction = { readonly start: number; readonly end: number } & (
  | { readonly id: 'bootNode' | 'shutdownNode'; readonly node: number }
  | { readonly id: 'shutdownVM'; readonly vm: number; readonly on: number }
  | {
      readonly id: 'bootVM';
      readonly vm: number;
      readonly to: number;
      readonly hooks: { readonly PRE: readonly Allocation[]; readonly POST: readonly Allocation[] };
    }
  | {
      readonly id: 'migrateVM';
      readonly vm: number;
      readonly from: number;
      readonly to: number;
      readonly hooks: { readonly PRE: readonly Allocation[]; readonly POST: readonly Allocation[] };
    }
  | (Allocation & { readonly on: number })
);

/** What `--out` writes: where everything is in the end, and how to get there. */
export interface BtrplaceOutcome {
  readonly instance: string;
  readonly placement: BtrplaceMapping;
  /** Ascending by start. */
  readonly actions: readonly BtrplaceAction[];
}

/** Throws TypeError when it is no instance, or one with a constraint that the bench lacks. */
export function parseBtrplace(text: string): BtrplaceDocument {
  const document = JSON.parse(text) as Partial<BtrplaceDocument>; // looked at right below
  const { model, constraints } = document;
  const shaped =
    typeof model?.mapping?.onlineNodes === 'object' &&
    Array.isArray(model.views) &&
    Array.isArray(constraints);
  if (!shaped) throw new TypeError('not a BtrPlace instance: no mapping, views or constraints');
  const strange = constraints.find(({ id }) => !Object.hasOwn(KINDS, id));
  if (strange !== undefined) throw new TypeError(`constraint '${strange.id}' is not supported`);
  return { model, constraints };
}

export function readBtrplace(file: string): BtrplaceDocument {
  const content = readFileSync(file);
  return parseBtrplace((file.endsWith('.gz') ? gunzipSync(content) : content).toString('utf8'));
}

export function resourcesOf(document: BtrplaceDocument): readonly BtrplaceResource[] {
  return document.model.views.filter(
    (view): view is BtrplaceResource => view.id === 'shareableResource',
  );
}
