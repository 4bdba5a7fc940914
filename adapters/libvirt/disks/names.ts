/** Names of the volumes that Drover makes. */

import { createHash } from 'node:crypto';

const OWN = /\.drover-[0-9a-f]{8}(?=\.[^.]*$|$)/;

/**
 * The name of a copy of the image `name`: `web.qcow2` becomes `web.drover-1f0c9a3e.qcow2`, with
 * other digits for each move and `attempt`. A copy of a copy has one such mark, its own.
 */
export function copyName(name: string, move: string, attempt: number): string {
  const digest = createHash('sha256').update(`${move} ${attempt}`).digest('hex').slice(0, 8);
  const plain = name.replace(OWN, '');
  const dot = plain.lastIndexOf('.');
  const [stem, end] = dot > 0 ? [plain.slice(0, dot), plain.slice(dot)] : [plain, ''];
  return `${stem}.drover-${digest}${end}`;
}
