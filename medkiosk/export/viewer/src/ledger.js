/** The ledger's formats (C2SP tlog-proof, tlog-checkpoint, tlog-cosignature, signed-note), and the acknowledgement. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { base64, concat, equal, hex, sha256, text, unbase64, unhex, utf8 } from "./bytes.js";
import { encode } from "./json.js";

const PROOF = "c2sp.org/tlog-proof@v1";
const COSIGNATURE = 0x04;

/** The text of a checkpoint (what its signatures are over), its size and root. Throws an Error. */
export function head(checkpoint) {
  const note = text(checkpoint);
  const at = note.lastIndexOf("\n\n");
  const lines = note.slice(0, at).split("\n");
  if (at < 0 || lines.length !== 3 || !/^(0|[1-9]\d{0,15})$/.test(lines[1])) throw new Error("it is no tree head");
  return { text: note.slice(0, at + 1), size: Number(lines[1]), root: unbase64(lines[2]) };
}

/** Show that an entry is at its place under a checkpoint (RFC 9162, section 2.1.3.2). Throws an Error. */
export async function includes(proof, entry, index, checkpoint) {
  const said = text(proof);
  const at = said.indexOf("\n\n");
  const lines = said.slice(0, at).split("\n");
  if (at < 0 || lines.shift() !== PROOF) throw new Error("it is no proof");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  if (lines.shift() !== `index ${index}`) throw new Error("it is for another entry");
  if (said.slice(at + 2) !== text(checkpoint)) throw new Error("it leads to another checkpoint");
  const { size, root } = head(checkpoint);
  if (index >= size) throw new Error("the log is not so long");
  let [place, last] = [index, size - 1];
  let node = await sha256(concat([0], entry));
  for (const hash of lines.map(unbase64)) {
    if (last === 0) throw new Error("it is too long");
    const right = place % 2 === 1 || place === last;
    node = await sha256(right ? concat([1], hash, node) : concat([1], node, hash));
    if (right) while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || !equal(node, root)) throw new Error("it does not lead to the checkpoint");
}

/** The file that tells the kiosk that its bundle was opened (docs/acknowledgement.md). */
export async function acknowledgement({ seed, exportId, manifestSha256, by, checkpoint, seconds }) {
  const secret = unhex(seed);
  const name = `medkiosk-export/${exportId}`;
  const id = await sha256(concat(utf8.encode(`${name}\n`), [COSIGNATURE], ed25519.getPublicKey(secret)));
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds));
  const signed = ed25519.sign(utf8.encode(`cosignature/v1\ntime ${seconds}\n${head(checkpoint).text}`), secret);
  const line = `\u2014 ${name} ${base64(concat(id.subarray(0, 4), time, signed))}\n`;
  const said = {
    by,
    cosigned: text(checkpoint) + line,
    export_id: exportId,
    manifest_sha256: manifestSha256,
    version: "medkiosk-acknowledgement/1",
  };
  const signature = ed25519.sign(concat(utf8.encode(`${said.version}\n`), encode(said)), secret);
  return encode({ ...said, signature: hex(signature) });
}
