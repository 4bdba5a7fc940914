/** What operators and alerting systems ask in a scenario, through the door that they use. */

import { assertNever } from '../../domain/result.ts';
import type { Api, EstimateView } from '../../ports/api.ts';
import type { Request } from './forms.ts';

export interface Asking {
  readonly api: Api;
  /** Id of the plan that was the newest at a time of the scenario; undefined: now. */
  readonly shown: (at: number | undefined) => string;
  /** What is told of an estimate. */
  readonly summary: (estimate: EstimateView) => readonly string[];
}

type Of<Kind extends Request['kind']> = Extract<Request, { readonly kind: Kind }>;

/** Hands a request to the daemon; returns the answer, for people. */
export function ask(asking: Asking, action: Request): Promise<string> {
  switch (action.kind) {
    case 'maintenance':
    case 'evacuate':
      return giveOrder(asking, action);
    case 'rolling':
      return startRolling(asking, action);
    case 'rolling-steer':
      return steerRolling(asking, action);
    case 'evacuate-site':
      return evacuateSite(asking, action);
    case 'return-site':
      return returnSite(asking, action);
    case 'cancel':
      return cancel(asking, action);
    case 'alert':
      return sendAlert(asking, action);
    case 'return':
    case 'reset':
    case 'pause':
    case 'resume':
    case 'approve':
      return askInBrief(asking, action);
    default:
      return assertNever(action, 'request');
  }
}

async function askInBrief(
  { api, shown }: Asking,
  action: Of<'return' | 'reset' | 'pause' | 'resume' | 'approve'>,
): Promise<string> {
  const { by } = action;
  switch (action.kind) {
    case 'return': {
      const answer = await api.returnHost(action.host, by);
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    case 'reset': {
      const answer = await api.resetBreaker(action.name, by);
      return answer.ok ? `${answer.value.name} is closed` : answer.error.detail;
    }
    case 'pause':
    case 'resume':
      await api.setPaused(action.kind === 'pause', by);
      return '';
    case 'approve': {
      const answer = await api.approve(shown(action.shown), by);
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    default:
      return assertNever(action, 'request');
  }
}

async function giveOrder({ api }: Asking, action: Of<'maintenance' | 'evacuate'>): Promise<string> {
  const { kind, host, reason, by, deadline } = action;
  const answer = await api.giveOrder({
    kind,
    host,
    reason,
    by: { kind: 'operator', name: by },
    dedupeKey: '',
    deadlineSeconds: deadline ?? null,
    hook: action.kind === 'maintenance' ? action.hook : undefined,
  });
  return answer.ok ? answer.value.text : answer.error.detail;
}

async function startRolling({ api }: Asking, action: Of<'rolling'>): Promise<string> {
  const { names, batch, hook, reason, by } = action;
  const answer = await api.startRolling({ names, batch, hook, reason, by, dryRun: false });
  if (!answer.ok) return answer.error.detail;
  const groups = answer.value.groups.map(({ hosts }) => hosts.join(' '));
  return `${answer.value.id === null ? 'refused' : 'begun'}: ${groups.join(', then ')}`;
}

async function steerRolling({ api }: Asking, { what, by }: Of<'rolling-steer'>): Promise<string> {
  const [first] = await api.rollings();
  const answer = await api.steerRolling(first?.id ?? '', what, by);
  return answer.ok ? `waiting: ${answer.value.waiting.join(' ')}` : answer.error.detail;
}

async function evacuateSite(
  { api, summary }: Asking,
  { site: name, reason, by }: Of<'evacuate-site'>,
): Promise<string> {
  const wanted = { area: { kind: 'site', name }, reason, by, deadlineSeconds: null } as const;
  const estimate = await api.estimateArea(wanted);
  const answer = await api.evacuateArea(wanted);
  if (!answer.ok || !estimate.ok) return answer.ok ? 'no estimate' : answer.error.detail;
  return [...answer.value.map(({ text }) => text), ...summary(estimate.value)].join('; ');
}

async function returnSite({ api }: Asking, { site, by }: Of<'return-site'>): Promise<string> {
  const answer = await api.returnArea({ kind: 'site', name: site }, by);
  return answer.ok ? answer.value.map(({ text }) => text).join('; ') : answer.error.detail;
}

async function cancel({ api, shown }: Asking, action: Of<'cancel'>): Promise<string> {
  const { by, withdraw = false } = action;
  const name = action.name === 'newest plan' ? shown(undefined) : action.name;
  const answer = await api.cancel({ name, by, withdraw });
  if (!answer.ok) return answer.error.detail;
  const { moves, notes } = answer.value;
  return [...moves.map(({ text }) => text), ...notes].join('; ');
}

async function sendAlert({ api }: Asking, action: Of<'alert'>): Promise<string> {
  const { name, labels, annotations = {}, status = 'firing', startsAt = '' } = action;
  const fingerprint = `${name} ${JSON.stringify(labels)}`;
  const alert = { fingerprint, name, status, labels, annotations, startsAt, endsAt: '' };
  const outcomes = await api.alerts([alert]);
  return outcomes.map(({ outcome, host }) => `${outcome}, host ${host ?? '?'}`).join('; ');
}
