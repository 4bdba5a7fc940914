/** In which order health signals are told. */

import type { HealthSignal } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';

export function compareSignals(a: HealthSignal, b: HealthSignal): number {
  return (
    compareText(a.component, b.component) ||
    compareText(a.source, b.source) ||
    compareText(a.detail, b.detail)
  );
}
