/** What comes of it where a person takes a host back that had failed, or gives it up. */

export type ReadmitAnswer =
  /** Nothing was held against it. */
  | { readonly kind: 'well' }
  | { readonly kind: 'readmitted' }
  | { readonly kind: 'refused'; readonly why: string };

/** Another controller has written of it meanwhile. */
export function justChanged(name: string): ReadmitAnswer {
  return { kind: 'refused', why: `what is known of ${name} has just changed: look again` };
}
