/** `drover evacuate|return --site S|--cluster C`: a whole site or cluster at once. */

import type { Area, EstimateView, OrderView } from '../../ports/api.ts';
import { makeClient } from '../client.ts';
import { estimateText, summaryLines } from '../estimate-text.ts';
import { CliError, EXIT, type ExitCode, printJson, type Io } from '../io.ts';
import { formatLines } from '../table.ts';
import type { RemoteOptions } from './remote.ts';

export interface AreaOptions {
  readonly site?: string;
  readonly cluster?: string;
}

export interface AreaOrder extends RemoteOptions {
  readonly reason: string;
  readonly deadlineSeconds: number | null;
  readonly dryRun?: boolean;
}

/** Undefined: hosts were named. Throws CliError where it is not exactly one of the three. */
export function areaOf(hosts: readonly string[], options: AreaOptions): Area | undefined {
  const { site, cluster } = options;
  const given = [site, cluster, hosts[0]].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new CliError(EXIT.usage, 'name hosts, or --site, or --cluster: one of them');
  }
  if (site !== undefined) return { kind: 'site', name: site };
  return cluster === undefined ? undefined : { kind: 'cluster', name: cluster };
}

export async function evacuateArea(io: Io, options: AreaOrder, area: Area): Promise<ExitCode> {
  const { reason, deadlineSeconds } = options;
  const client = await makeClient(io, options);
  const wanted = { area, reason, deadlineSeconds };
  const ask = (): Promise<EstimateView> =>
    client.post<EstimateView>('/api/v1/areas/estimate', wanted);
  if (options.dryRun === true) {
    const view = await ask();
    if (options.json === true) printJson(io, view);
    else io.out(estimateText(view));
    return view.fits && view.meetsDeadline !== false ? EXIT.done : EXIT.findings;
  }
  const orders = await client.post<OrderView[]>('/api/v1/areas/evacuate', wanted);
  if (options.json === true) {
    printJson(io, orders);
    return EXIT.done;
  }
  // An order needs no estimate: where there is none, it is carried out all the same.
  const view = await ask().catch(() => undefined);
  const summary = view === undefined ? [] : summaryLines(view);
  io.out(formatLines([...orders.map(({ text }) => text), ...summary]));
  return EXIT.done;
}

export async function returnArea(io: Io, options: RemoteOptions, area: Area): Promise<void> {
  const client = await makeClient(io, options);
  const orders = await client.post<OrderView[]>('/api/v1/areas/return', area);
  if (options.json === true) printJson(io, orders);
  else io.out(formatLines(orders.map(({ text }) => text)));
}
