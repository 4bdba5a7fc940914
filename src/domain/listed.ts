/** Names in a sentence that is to stay readable: `a, b, c and 4 more`. */

const NAMES_SHOWN = 5;

/** The first of them; of the others how many they are. */
export function listed(names: readonly string[], most = NAMES_SHOWN): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
