/**
 * Text from outside (names of VMs, errors of libraries) made safe for terminals and logs: no
 * control characters that move the cursor or forge a line, and no secrets.
 */

// C0 and C1 controls, line separators, the marks that turn the direction of writing around, and
// halves of surrogate pairs.
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** The text on one line, with unprintable characters as `\uXXXX`. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Ends of the keys whose values are secrets, wherever they stand in a line of JSON. */
const SECRET_KEYS = 'token|passw(?:or)?d|passphrase|authorization|secret|(?:api|private)-?key';
const SECRET_FIELD = new RegExp(`"([\\w-]*(?:${SECRET_KEYS}))":"(?:[^"\\\\]|\\\\.)*"`, 'giu');
/** `scheme://user:password@host`, as hypervisor and metric store addresses may carry it. */
const URL_CREDENTIALS = /(:\/\/)[^\s/"'@:]*:[^\s/"'@]*@/gu;
const AUTHORIZATION = /\b(Bearer|Basic|Token) +[\w.~+/=-]{6,}/gu;

/** A line (JSON or text) without the secrets that fields, addresses and headers carry. */
export function withoutSecrets(line: string): string {
  return line
    .replace(SECRET_FIELD, '"$1":"[redacted]"')
    .replace(URL_CREDENTIALS, '$1[redacted]@')
    .replace(AUTHORIZATION, '$1 [redacted]');
}
