// Role: what the fault simulation asks of every run, and how it is said that something was broken.

/** What must hold, whatever happens. */
export const INVARIANTS = {
  'one-place': 'no VM runs in two places',
  'kept-running': 'no VM stands still but for its own move or a host that died',
  capacity: 'no move of ours puts more memory on a host than it has',
  load: 'no move of ours puts more load on a host than the policy lets it have',
  ways: 'no VM is moved, slowed down or switched over in a way that the policy forbids',
  'cold-last': 'no VM is stopped for a move that it could have run through, or was not tried so',
  gone: 'nothing is done with a VM that somebody has deleted',
  'left-down': 'a VM that runs nowhere in the end was deleted, or is known to need a human',
  rules: 'no move of ours breaks a hard placement rule',
  cpu: 'no guest is moved live to a host that cannot give it the CPU that it sees',
  'critical-first': 'the more important VM of a host is moved first, where it could start',
  'own-last': 'a VM that Drover stands on leaves last, when all else of its plan has had its turn',
  'own-alone': 'nothing of a controller is under way beside a VM that Drover stands on',
  'own-pre-copy': 'a VM that Drover stands on moves by pre-copy, and is neither slowed nor stopped',
  'own-leases': 'the VM of a controller moves while it has no lease, where another could have it',
  caps: 'never more moves at once than the policy allows',
  'cool-down': 'what is not urgent rests after a move',
  'journal-first': 'a move is written down, its capacity reserved, before it is started',
  'start-once': 'no move is started twice, no VM is moved twice at once',
  paused: 'nothing is begun while Drover is paused',
  mode: 'nothing is begun in the mode observe',
  approved: 'nothing is begun in the mode approve that no person has said yes to or ordered',
  applied: 'of a plan that was handed in only its own moves are begun, and none after its cancel',
  rolling: 'a rolling maintenance takes on no host too many, and none when it has to stop',
  hook: 'a hook begins on an empty host only, as it is written down, and as often as it may',
  'closed-host': 'nothing moves into a host that is to be emptied',
  'commit-seen': 'definitions follow only where the VM was seen running on its target',
  'no-undo': 'nothing is undone after the point of no return',
  'true-outcome': 'a move ends as what it was: where the VM is, and with nothing left under way',
  terminal: 'a move that has ended stays as it ended',
  fencing: 'no host loses its power that was well a while ago',
  'fenced-first': 'a VM is started elsewhere only while it runs nowhere and its host has no power',
  lease: 'nothing acts on a cluster without its lease, and tokens only go up',
  audit: 'the audit trail is whole, and tells of every move once',
  reservations: 'capacity is held for open moves only',
  'valid-plan': 'the planner makes no plan that the checker refuses',
  'no-failure': 'nothing fails in a way that nobody foresaw',
  liveness: 'once the trouble is over, everything that must be done is done',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export interface Wrong {
  readonly invariant: Invariant;
  readonly at: number;
  readonly text: string;
}
