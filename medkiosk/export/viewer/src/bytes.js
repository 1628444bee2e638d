/** Bytes, digits and hashes. WebCrypto does the hashing: it is fast and nobody waits for it. */
const HEX = /^[0-9a-f]*$/;
export const utf8 = new TextEncoder();

export const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

export function hex(bytes) {
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

export function unhex(digits) {
  if (!HEX.test(digits) || digits.length % 2) throw new Error("no hexadecimal digits");
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** Standard base64 with padding, in its one spelling. */
export function unbase64(digits) {
  const bytes = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(digits, { lastChunkHandling: "strict" })
    : Uint8Array.from(atob(digits), (character) => character.charCodeAt(0));
  // Both skip white space and one skips padding: then the length tells; the other spare bits, the end.
  const end = base64(bytes.subarray(bytes.length - (bytes.length % 3 || 3)));
  if (4 * Math.ceil(bytes.length / 3) !== digits.length || !digits.endsWith(end)) throw new Error("no base64");
  return bytes;
}

export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export async function hmac(key, message) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}
