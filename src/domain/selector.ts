/** Whom an entry of a policy is about. */

/** Chooses VMs or hosts. All given parts have to match; within a list any one has to. */
export interface Selector {
  /** Glob patterns (`*`, `?`) on the name or the id. */
  readonly names: readonly string[];
  /** Label name → glob pattern on its value. */
  readonly labels: Readonly<Record<string, string>>;
  readonly clusters: readonly string[];
  readonly sites: readonly string[];
}
