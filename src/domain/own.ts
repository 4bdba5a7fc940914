/**
 * Looking things up in plain objects by names that come from outside. Every object answers to
 * `constructor` and `__proto__` as well, and a host or label may have just that name.
 */

/** What the table itself holds under the name; undefined: nothing. */
export function own<Value>(
  table: Readonly<Record<string, Value>>,
  name: string,
): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
