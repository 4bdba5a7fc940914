/**
 * Seeded random numbers. Everything random in Drover takes one of these, so that a seed
 * reproduces a run exactly.
 */

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
}

/**
 * mulberry32: 32 bits of state, passes gjrand's tests; quite enough for tie-breaking and
 * simulation, and never for secrets (Tommy Ettinger, 2017, public domain).
 */
export function seededRng(seed: number): Rng {
  // 32 signed bits are a small integer to V8: keeping them allocates nothing.
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
