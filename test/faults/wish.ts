// Role: hands a wish to the daemon, through the door that operators and alerting systems use.
import type { Daemon } from '../../src/app/daemon.ts';
import { assertNever } from '../../src/domain/result.ts';
import type { Wish } from './script.ts';

/** The answer, in words. */
export async function wish(
  { api }: Pick<Daemon, 'api'>,
  wanted: Exclude<Wish, { readonly kind: 'mode' }>,
): Promise<string> {
  switch (wanted.kind) {
    case 'maintenance':
    case 'evacuate': {
      const { kind, host } = wanted;
      const answer = await api.giveOrder({
        kind,
        host,
        reason: 'the simulation wants it',
        by: { kind: 'operator', name: 'anna' },
        dedupeKey: '',
        deadlineSeconds: null,
      });
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    case 'return': {
      const answer = await api.returnHost(wanted.host, 'anna');
      return answer.ok ? answer.value.text : answer.error.detail;
    }
    case 'cancel': {
      const answer = await api.cancel({ name: wanted.name, by: 'anna', withdraw: false });
      return answer.ok
        ? answer.value.moves.map(({ text }) => text).join('; ')
        : answer.error.detail;
    }
    case 'pause':
    case 'resume':
      await api.setPaused(wanted.kind === 'pause', 'anna');
      return '';
    case 'alert': {
      const { host, status } = wanted;
      const labels = { alertname: 'FanFailed', host, severity: 'critical' };
      const alert = {
        name: 'FanFailed',
        status,
        labels,
        annotations: {},
        startsAt: '',
        endsAt: '',
      };
      const outcomes = await api.alerts([{ fingerprint: `fan ${host}`, ...alert }]);
      return outcomes.map(({ outcome }) => outcome).join(', ');
    }
    default:
      return assertNever(wanted, 'wish');
  }
}
