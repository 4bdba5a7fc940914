/** How files choose VMs or hosts. */

import { group, list, name, table, text } from './fields.ts';
import { optional } from './options.ts';

/** Chooses VMs or hosts; at least one part has to be there, or it would choose all by accident. */
export const selector = group({
  names: optional(
    list(text('a name, with * and ?')),
    'Names or ids, with * and ?; any one matches.',
  ),
  labels: optional(table(text('a value, with * and ?')), 'Labels; all have to match.'),
  clusters: optional(list(name('a cluster')), 'Clusters; any one matches.'),
  sites: optional(list(name('a site')), 'Sites; any one matches.'),
})
  .refine((parts) => Object.values(parts).some((part) => part !== undefined), {
    message: 'chooses nothing in particular',
    params: {
      expected: 'names, labels, clusters or sites',
      hint: 'to choose all, write names: ["*"]',
    },
  })
  .transform(({ names = [], labels = {}, clusters = [], sites = [] }) => ({
    names,
    labels,
    clusters,
    sites,
  }));
