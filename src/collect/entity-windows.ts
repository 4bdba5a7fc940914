/**
 * The windows of one host or VM out of what all sources have reported about it. Decides which
 * source is believed; whether a series may be used at all is decided in window.ts.
 */

import type { SourceId } from '../domain/ids.ts';
import { type MetricWindow, missingWindow } from '../domain/measured.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { SeriesId } from './series-store.ts';
import type { SourceTable } from './source-table.ts';
import { type WindowInput, windowOf } from './window.ts';

/** A source's series, and how windows are read from them. */
export interface SeriesReader {
  readonly source: { readonly source: SourceId; readonly table: SourceTable };
  readonly input: WindowInput;
}

/** The series of one host or VM, and since when a metric tells of what is there now. */
export interface SeriesFinder {
  seriesOf(table: SourceTable, column: number): SeriesId | undefined;
  changedAt(metric: string): EpochSeconds | undefined;
}

/**
 * The windows of one host or VM: of each metric the first source that knows it, else why the
 * first that ever reported it does not. A metric that nobody reported is left out, unless the
 * hypervisor it would come from is down.
 */
export function windowsOf(
  metrics: ReadonlyMap<string, { readonly column: number }>,
  owner: SourceId,
  readers: readonly SeriesReader[],
  finder: SeriesFinder,
): Record<string, MetricWindow> {
  const result: Record<string, MetricWindow> = {};
  for (const [name, { column }] of metrics) {
    let chosen: MetricWindow | undefined;
    for (const { source, input } of readers) {
      const series = finder.seriesOf(source.table, column);
      if (series === undefined) continue;
      const window = windowOf(series, input, finder.changedAt(name));
      if (window.last.kind === 'known') {
        chosen = window;
        break;
      }
      chosen ??= window;
    }
    if (chosen !== undefined) result[name] = chosen;
    else if (readers.some(({ source, input }) => source.source === owner && input.sourceDown)) {
      result[name] = missingWindow('source-down');
    }
  }
  return result;
}
