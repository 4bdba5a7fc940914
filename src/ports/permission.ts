/**
 * Whether what a call has begun may go on. A call of an adapter takes many steps, and the lease was
 * looked at before the first: a process that stood still in between goes on after its lease is
 * over, and before any of its timers has run. So an adapter asks again before each step that
 * changes something, with nothing awaited in between. The permission goes with the signal of the
 * call, and also counts for what a move leaves to be done after it. Only what takes a cold move of
 * libvirt back asks for none: a guest that is off comes up again under the note in its definition,
 * which whoever takes over takes back first.
 */

const permissions = new WeakMap<AbortSignal, () => boolean>();

/** From now on `isAllowed` asks `holds`. */
export function allowWhile(signal: AbortSignal, holds: () => boolean): void {
  permissions.set(signal, holds);
}

/** Where nobody has said anything it is: then there is nobody else who could act. */
export function isAllowed(signal: AbortSignal | undefined): boolean {
  return signal === undefined || permissions.get(signal)?.() !== false;
}

/** The permission of `signal`, without its end: for what goes on when the call is over. */
export function permissionOf(signal: AbortSignal): AbortSignal {
  const lasting = new AbortController().signal;
  allowWhile(lasting, () => isAllowed(signal));
  return lasting;
}
