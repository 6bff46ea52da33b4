/**
 * Bytes and names as people and programs may see them. What comes from a cluster may hold anything,
 * so control characters are written out before they reach a terminal, and bytes that are no UTF-8
 * are given in base64 under a name that says so.
 */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text in the bytes, or null when they are not UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Text for a terminal: control characters, but for the tab, as \u escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Bytes for a terminal. */
export function printableBytes(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === null ? `base64:${base64(bytes)}` : printable(text);
}

/** A field for JSON: `{name: text}`, or `{nameBase64: …}` for bytes that are not UTF-8. */
export function jsonBytes(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  return text === null ? { [`${name}Base64`]: base64(bytes) } : { [name]: text };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
