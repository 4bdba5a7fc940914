/** What happens in a scenario (forms.ts): told in words, or as a fault of the datacenter. */

import { assertNever } from '../../domain/result.ts';
import type { Fault } from '../../simulate/fault.ts';
import { describeFault } from '../../simulate/scenario.ts';
import { type Action, type FaultAction, isFault } from './forms.ts';
import { timeText } from './transcript.ts';

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
    case 'queue':
      return { kind: action.kind, waitSeconds: action.wait, forSeconds: action.for ?? Infinity };
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
