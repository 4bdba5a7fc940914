/**
 * Everything that stays the same during one planning: the model, the rules, and the terms on which
 * moves of each tier are allowed. `plan` and `explainPair` start from the same setting, so that an
 * explanation can never differ from the decision.
 */

import type { Finding, Tier } from '../domain/finding.ts';
import { Allowed } from './allowed.ts';
import { Compatibility, type Ways, hostClassesOf } from './compat.ts';
import { type Model, buildModel } from './model.ts';
import { type Needs, readFindings } from './needs.ts';
import { keptOwn } from './own-vms.ts';
import type { PlanRequest } from './request.ts';
import { type RuleSet, compileRules } from './rules.ts';
import { withPreserved } from './rules/preserve.ts';
import { State, type Terms } from './state.ts';
import { StorageSpace } from './storage-space.ts';

export interface Setting {
  readonly request: PlanRequest;
  readonly model: Model;
  readonly rules: RuleSet;
  readonly needs: Needs;
  readonly state: State;
  /** On what terms moves of a tier are allowed. */
  termsOf(tier: Tier): Terms;
  /** The same for VMs that come home: what an order of ours moved away need not rest. */
  homeTermsOf(tier: Tier): Terms;
  /** For VMs whose host is dead: nothing of them runs, and they are started anew. */
  restartTerms(): Terms;
  /** Relief: no target may end above the load to which hosts are relieved, lest it be next. */
  reliefTerms(finding: Finding, share: number, resource: number): Terms;
}

export function makeSetting(request: PlanRequest): Setting {
  const model = withPreserved(buildModel(request), request.snapshot.placement);
  const rules = compileRules(model, request.snapshot.placement);
  const needs = readFindings(request.findings, model, rules);
  const state = new State(model, rules);
  state.closed.set(needs.closed);
  state.keptOwn = keptOwn(model, needs, request);
  state.space = StorageSpace.of(model, request);
  state.mostMoves = request.limits.movesPerPlan ?? Number.POSITIVE_INFINITY;
  const { recentMoves, breakers, hosts } = request.snapshot;
  const isShared = hosts.some(({ balancedBy }) => balancedBy !== undefined);
  // Offline there is no ledger to count by: budgets are for those who carry plans out.
  if (recentMoves !== undefined || breakers !== undefined || isShared) {
    state.allowed = new Allowed(request, model);
  }
  const hostClasses = hostClassesOf(model);
  const compatible = (ways: Ways): Compatibility =>
    new Compatibility(model, hostClasses, request.migration, ways);
  const terms = makeTerms(model, needs, compatible);
  const relief = new Map<string, Terms>();
  return {
    request,
    model,
    rules,
    needs,
    state,
    termsOf: (tier) => terms[tier],
    homeTermsOf: (tier) => ({ ...terms[tier], restMatters: false }),
    restartTerms: () => ({
      ...terms.mandatory,
      compatibility: compatible('restart'),
    }),
    reliefTerms(finding, share, resource) {
      // A rule asks of the hosts that it names only: their limits say so already.
      if (finding.response === 'repair') return terms[finding.tier];
      const key = `${finding.tier} ${share} ${resource}`;
      const known = relief.get(key) ?? below(model, terms[finding.tier], share, resource);
      relief.set(key, known);
      return known;
    },
  };
}

function makeTerms(
  model: Model,
  needs: Needs,
  compatible: (ways: Ways) => Compatibility,
): Readonly<Record<Tier, Terms>> {
  const stopping = compatible('any');
  const running = compatible('live');
  const lowered = model.limit.slice();
  for (const { host, resource, below: most } of needs.reliefs) {
    const at = host * model.width + resource;
    lowered[at] = Math.min(lowered[at] ?? 0, most);
  }
  return {
    mandatory: {
      optional: false,
      urgent: true,
      restMatters: false,
      compatibility: stopping,
      limit: model.limit,
    },
    corrective: {
      optional: false,
      urgent: false,
      restMatters: true,
      compatibility: stopping,
      limit: lowered,
    },
    optional: {
      optional: true,
      urgent: false,
      restMatters: true,
      compatibility: running,
      limit: lowered,
    },
  };
}

function below(model: Model, terms: Terms, share: number, resource: number): Terms {
  const limit = terms.limit.slice();
  let changed = false;
  for (let h = 0; h < model.hosts.length; h += 1) {
    const at = h * model.width + resource;
    const most = (model.capacity[at] ?? 0) * share;
    if (most < (limit[at] ?? 0)) {
      limit[at] = most;
      changed = true;
    }
  }
  return changed ? { ...terms, limit } : terms;
}
