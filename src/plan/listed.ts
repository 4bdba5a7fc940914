/** Names in a sentence that is to stay readable. */

const NAMES_SHOWN = 5;

/** The first of them; of the others how many they are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
