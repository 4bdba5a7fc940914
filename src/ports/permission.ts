/**
 * Whether what a call has begun may go on. A call of an adapter takes many steps, and the lease was
 * looked at before the first: a process that stood still in between goes on after its lease is
 * over, and before any of its timers has run. So an adapter asks again before each step that
 * changes something, with nothing awaited in between. The permission goes with the signal of the
 * call, and also counts for what a live move leaves to be done after it. A cold move of libvirt
 * goes on under its note in the guest instead, which whoever takes over takes back first.
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
