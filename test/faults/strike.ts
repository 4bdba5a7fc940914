// Role: what befalls the first controller of a run at one of its calls, whichever that is: the
// sweep (freeze-sweep.ts) plays a script once for each call.

/** At its `call`-th call of a port, from 1, counted over all its lives. */
export type Strike = { readonly call: number } & Blow;

export type Blow =
  /** The process stands still from the answer of that call on. */
  | { readonly kind: 'freeze'; readonly forSeconds: number }
  /** It does not reach the ledger any more, from that call on. */
  | { readonly kind: 'ledger-cut'; readonly forSeconds: number }
  /** Somebody sets the machine's clock just before. */
  | { readonly kind: 'clock-jump'; readonly delta: number };

/** By the names that the command has for them. */
export const BLOWS = {
  /** Longer than a take-over takes, and than most moves after it. */
  freeze: { kind: 'freeze', forSeconds: 220 },
  /** Longer than a lease, shorter than a take-over takes. */
  nap: { kind: 'freeze', forSeconds: 50 },
  cut: { kind: 'ledger-cut', forSeconds: 220 },
  'jump-ahead': { kind: 'clock-jump', delta: 300 },
  'jump-back': { kind: 'clock-jump', delta: -300 },
} as const satisfies Readonly<Record<string, Blow>>;
export type BlowName = keyof typeof BLOWS;

export function isBlowName(text: string): text is BlowName {
  return Object.hasOwn(BLOWS, text);
}

export function strikeAt(call: number, name: BlowName): Strike {
  return { call, ...BLOWS[name] };
}
