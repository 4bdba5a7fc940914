/**
 * Glob patterns: `*` stands for any text, `?` for one character, everything else for itself,
 * case included. Two pointers and one remembered star: at worst pattern times text, so that no
 * pattern in a policy can stall the daemon, as a regular expression could.
 */

export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  /** Where the last `*` was, and how much of the text it has swallowed so far. */
  let star = -1;
  let swallowed = 0;
  while (t < text.length) {
    // The star first: a `*` in the text must not be taken for a literal match of the pattern's.
    if (pattern[p] === '*') {
      star = p;
      swallowed = t;
      p += 1;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      swallowed += 1;
      t = swallowed;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
