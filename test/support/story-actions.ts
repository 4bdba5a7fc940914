// Role: what can happen in a story (story-file.ts): told in words, made a fault of the simulated
// datacenter, or done to the daemon through the door that operators and alerting systems use.
import type { Daemon } from '../../src/app/daemon.ts';
import { describeFault } from '../../src/simulate/scenario.ts';
import type { Fault } from '../../src/simulate/fault.ts';
import { summaryLines } from '../../src/cli/estimate-text.ts';
import { assertNever } from '../../src/domain/result.ts';
import { timeText } from './story-transcript.ts';
import { type Action, type FaultAction, isFault, type Request } from './story-file.ts';

/** In the datacenter's own form: what is not said lasts until the end. */
export function toFault(action: FaultAction): Fault {
  switch (action.kind) {
    case 'overheat': {
      const { kind, host, celsius, ramp } = action;
      return { kind, host, celsius, rampSeconds: ramp ?? 0, forSeconds: action.for ?? Infinity };
    }
    case 'call': {
      const { kind, call, effect, code, times } = action;
      return { kind, call, effect, code: code ?? 'lost', times: times ?? 1 };
    }
    case 'source-clock':
      return { kind: action.kind, delta: action.delta, forSeconds: action.for ?? Infinity };
    case 'dirty-rate': {
      const { kind, vm, rate } = action;
      return { kind, vm, bytesPerSecond: rate, forSeconds: action.for ?? Infinity };
    }
    case 'resize': {
      const { kind, vm, memory } = action;
      return { kind, vm, memoryBytes: memory };
    }
    case 'migration':
    case 'delete':
    case 'drift':
    case 'maintenance-mode':
      return action;
    case 'health':
    case 'surge':
    case 'host-crash':
    case 'link':
    case 'control-cut':
    case 'samples':
    case 'lock':
    case 'power-device':
    case 'refusing':
      return { ...action, forSeconds: action.for ?? Infinity };
    default:
      return assertNever(action, 'fault');
  }
}

/** In one line, for the transcript. */
export function tellAction(action: Action): string {
  if (isFault(action)) return describeFault(toFault(action));
  switch (action.kind) {
    case 'power':
      return `somebody turns the power of ${action.host} ${action.on ? 'on' : 'off'}`;
    case 'heal':
      return `it is over: ${action.fault}${action.host === undefined ? '' : ` of ${action.host}`}`;
    case 'maintenance':
    case 'evacuate':
      return `${action.by}: ${action.kind} ${action.host}`;
    case 'rolling':
      return `${action.by}: rolling maintenance of ${action.names.join(' ')}`;
    case 'rolling-steer':
      return `${action.by}: rolling maintenance: ${action.what}`;
    case 'evacuate-site':
      return `${action.by}: evacuate site ${action.site}`;
    case 'return-site':
      return `${action.by}: return site ${action.site}`;
    case 'return':
      return `${action.by}: return ${action.host}`;
    case 'alert':
      return `alert ${action.name} ${action.status ?? 'firing'}: ${JSON.stringify(action.labels)}`;
    case 'cancel':
      return `${action.by}: cancel ${action.name}${action.withdraw === true ? ' --withdraw' : ''}`;
    case 'reset':
      return `${action.by}: reset breaker ${action.name}`;
    case 'policy':
      return `somebody saves ${action.file} as the policy`;
    case 'crash':
      return 'the daemon is killed (kill -9)';
    case 'restart':
      return 'the daemon is stopped in good order';
    case 'approve': {
      const which =
        action.shown === undefined ? '' : ` the plan shown at ${timeText(action.shown)}`;
      return `${action.by}: approve${which}`;
    }
    case 'pause':
    case 'resume':
      return `${action.by}: ${action.kind}`;
    default:
      return assertNever(action, 'action');
  }
}

/**
 * Hands a request to the daemon; the answer is told in the transcript. `shown`: the id of the plan
 * that `drover status` showed at a time of the story; left out: shows now.
 */
export async function ask(
  daemon: Daemon,
  action: Request,
  shown: (at: number | undefined) => string,
): Promise<string> {
  switch (action.kind) {
    case 'maintenance':
    case 'evacuate': {
      const { kind, host, reason, by, deadline } = action;
      const answer = await daemon.api.giveOrder({
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
    case 'rolling': {
      const { names, batch, hook, reason, by } = action;
      const wanted = { names, batch, hook, reason, by, dryRun: false };
      const answer = await daemon.api.startRolling(wanted);
      if (!answer.ok) return answer.error.detail;
      const groups = answer.value.groups.map(({ hosts }) => hosts.join(' '));
      return `${answer.value.id === null ? 'refused' : 'begun'}: ${groups.join(', then ')}`;
    }
    case 'rolling-steer': {
      const [first] = await daemon.api.rollings();
      const answer = await daemon.api.steerRolling(first?.id ?? '', action.what, action.by);
      return answer.ok ? `waiting: ${answer.value.waiting.join(' ')}` : answer.error.detail;
    }
    case 'evacuate-site': {
      const { site: name, reason, by } = action;
      const wanted = { area: { kind: 'site', name }, reason, by, deadlineSeconds: null } as const;
      const estimate = await daemon.api.estimateArea(wanted);
      const answer = await daemon.api.evacuateArea(wanted);
      if (!answer.ok || !estimate.ok) return answer.ok ? 'no estimate' : answer.error.detail;
      return [...answer.value.map(({ text }) => text), ...summaryLines(estimate.value)].join('; ');
    }
    case 'return-site': {
      const answer = await daemon.api.returnArea({ kind: 'site', name: action.site }, action.by);
      return answer.ok ? answer.value.map(({ text }) => text).join('; ') : answer.error.detail;
    }
    case 'return': {
      const answer = await daemon.api.returnHost(action.host, action.by);
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    case 'cancel': {
      const { by, withdraw = false } = action;
      const name = action.name === 'newest plan' ? shown(undefined) : action.name;
      const answer = await daemon.api.cancel({ name, by, withdraw });
      if (!answer.ok) return answer.error.detail;
      const { moves, notes } = answer.value;
      return [...moves.map(({ text }) => text), ...notes].join('; ');
    }
    case 'reset': {
      const answer = await daemon.api.resetBreaker(action.name, action.by);
      return answer.ok ? `${answer.value.name} is closed` : answer.error.detail;
    }
    case 'alert': {
      const { name, labels, annotations = {}, status = 'firing' } = action;
      const fingerprint = `${name} ${JSON.stringify(labels)}`;
      const alert = { fingerprint, name, status, labels, annotations, startsAt: '', endsAt: '' };
      const outcomes = await daemon.api.alerts([alert]);
      return outcomes.map(({ outcome, host }) => `${outcome}, host ${host ?? '?'}`).join('; ');
    }
    case 'pause':
    case 'resume':
      await daemon.api.setPaused(action.kind === 'pause', action.by);
      return '';
    case 'approve': {
      const answer = await daemon.api.approve(shown(action.shown), action.by);
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    default:
      return assertNever(action, 'request');
  }
}
