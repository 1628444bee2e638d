/** OpenSSH signatures by Ed25519 keys (PROTOCOL.sshsig), as `ssh-keygen -Y sign` writes them. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base64, concat, equal, sha256, text, unbase64, utf8 } from "./bytes.js";

const ARMOUR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?$/;
const MAGIC = utf8.encode("SSHSIG");
const KEY_TYPE = "ssh-ed25519";

function reader(bytes) {
  let at = 0;
  const take = (length) => {
    if (at + length > bytes.length) throw new Error("it ends early");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = () => new DataView(take(4).slice().buffer).getUint32(0);
  return { take, number, string: () => take(number()), end: () => at === bytes.length };
}

function string(bytes) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concat(length, bytes);
}

function rawKey(blob) {
  const of = reader(blob);
  if (text(of.string()) !== KEY_TYPE) throw new Error("the key is of another type");
  const key = of.string();
  if (key.length !== 32 || !of.end()) throw new Error("the key is not one");
  return key;
}

/** Verify, and return the fingerprint of the key that signed, as ssh-keygen -l prints it. Throws an Error. */
export async function verify(signature, message, namespace) {
  const armoured = ARMOUR.exec(text(signature));
  if (!armoured) throw new Error("it is not an SSH signature");
  const of = reader(unbase64(armoured[1].replaceAll("\n", "")));
  if (!equal(of.take(6), MAGIC) || of.number() !== 1) throw new Error("it is of another version");
  const blob = of.string();
  const key = rawKey(blob);
  if (text(of.string()) !== namespace) throw new Error("it was made for something else");
  const reserved = of.string();
  if (reserved.length) throw new Error("it says more than it should");
  const hash = of.string();
  if (text(hash) !== "sha512") throw new Error("it uses another hash");
  const inner = reader(of.string());
  if (!of.end() || text(inner.string()) !== KEY_TYPE) throw new Error("it is of another kind");
  const signed = inner.string();
  if (signed.length !== 64 || !inner.end()) throw new Error("it has another length");
  const said = concat(MAGIC, string(utf8.encode(namespace)), string(reserved), string(hash), string(sha512(message)));
  if (!ed25519.verify(signed, said, key, { zip215: false })) throw new Error("it is not of these bytes");
  return `SHA256:${base64(await sha256(blob)).replace(/=+$/, "")}`;
}
