/**
 * Memory that the C library reads, or writes to, by its bare address: V8 does not see that, and
 * would collect it in the middle of the call.
 */

const kept = new Set<object>();

export async function whileKept<T>(memory: object, task: () => Promise<T>): Promise<T> {
  kept.add(memory);
  try {
    return await task();
  } finally {
    kept.delete(memory);
  }
}
