/** The record and the pictures: what only the receiver may know (docs/export-format.md, sections 4 and 5). */
import { Decrypter } from "age-encryption";
import { equal, hex, hmac, sha256, text, unhex, utf8 } from "./bytes.js";
import * as json from "./json.js";
import { includes } from "./ledger.js";
import { Refusal, broken, undecipherable } from "./refusal.js";
import { unzip } from "./zip.js";

const CONTENT = { sha256: json.hash, size: json.count };
const SHAPE = {
  version: json.exactly("medkiosk-record/1"),
  export_id: json.id,
  recipient: json.or(json.exactly(""), json.hash),
  purpose: json.string,
  data_use: { codes: [json.string], until: json.or(json.exactly(""), json.date) },
  acknowledge: json.hash,
  images: [
    {
      id: json.id,
      subject: json.id,
      statement: json.string,
      width: json.count,
      height: json.count,
      jpeg: CONTENT,
      dicom: json.or(json.exactly(null), json.like(CONTENT)),
      date: json.or(json.exactly(""), json.date),
      commitment_key: json.hash,
      leaf_index: json.count,
    },
  ],
};
const FILE = "record.zip.age";
const IDENTITY = /^AGE-SECRET-KEY-(1|PQ-1)[0-9A-Z]+$/;
const LEAST_PADDING = 128;

const WRONG_KEY = "The key in your file does not open this bundle.";
const WRONG_KEY_TODO =
  "Choose the identity file that belongs to the key you gave to the department. Nothing is damaged.";

/** What to try when a passphrase did not open the bundle. Eight words are what the kiosk writes. */
function wrongPassphrase(words) {
  const todo =
    words === 8
      ? "Compare each of the eight words with what the department told you and try again. Nothing is damaged."
      : `You entered ${words} word${words === 1 ? "" : "s"}; the passphrase has eight. Try again. Nothing is damaged.`;
  return new Refusal("Passphrase", "This is not the passphrase of this bundle.", todo);
}

export const isWrongKey = (error) => error instanceof Refusal && ["Passphrase", "Identity file"].includes(error.file);

/** The words as the kiosk wrote them, however they were typed. */
export const normal = (passphrase) => passphrase.normalize("NFKC").toLowerCase().split(/[^a-z]+/).filter(Boolean).join(" ");

/** Turn a passphrase into the identity that it protects. Throws a Refusal. */
export async function identityOf(sealed, passphrase) {
  const words = normal(passphrase);
  const opener = new Decrypter();
  opener.addPassphrase(words);
  let opened;
  try {
    opened = await opener.decrypt(sealed, "text");
  } catch {
    throw wrongPassphrase(words ? words.split(" ").length : 0);
  }
  return identitiesIn(opened);
}

/** The identities in the text of an age identity file. Throws a Refusal. */
export function identitiesIn(file) {
  const lines = file.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => IDENTITY.test(line));
  if (!identities.length)
    throw new Refusal("Identity file", "There is no age identity (AGE-SECRET-KEY-1...) in this file.", WRONG_KEY_TODO);
  return identities;
}

async function decrypt(file, sealed, identities) {
  const opener = new Decrypter();
  for (const identity of identities) opener.addIdentity(identity);
  try {
    return await opener.decrypt(sealed, "uint8array");
  } catch (error) {
    if (/no identity matched/.test(error.message)) throw new Refusal("Identity file", WRONG_KEY, WRONG_KEY_TODO);
    throw undecipherable(file);
  }
}

export class Record {
  #identities;
  #members;

  /** Decrypt and check the record. Throws a Refusal. */
  static async open(manifest, sealed, identities, checkpoint) {
    const bytes = await decrypt(FILE, sealed, identities);
    try {
      return new Record(manifest, unzip(bytes), identities, checkpoint);
    } catch (error) {
      throw broken(FILE, error.message);
    }
  }

  constructor(manifest, members, identities, checkpoint) {
    Object.assign(this, { manifest, checkpoint });
    this.#identities = identities;
    this.#members = members;
    const said = json.parse(this.#member("record.json"), SHAPE);
    const ids = said.images.map((image) => image.id);
    if (said.export_id !== manifest.exportId) throw new Error("it belongs to another export");
    if (!json.ascending(ids) || ids.join() !== [...manifest.images].sort().join())
      throw new Error("its pictures are not those of the manifest");
    Object.assign(this, { purpose: said.purpose, dataUse: said.data_use, acknowledge: said.acknowledge });
    this.images = said.images;
  }

  #member(name) {
    const content = this.#members.get(name);
    if (!content) throw new Error(`it has no ${name}`);
    return content;
  }

  thumbnail(image) {
    return this.#members.get(`thumbnails/${image.id}.jpg`);
  }

  /** A picture's bytes without padding, once everything that can be checked was. Throws a Refusal. */
  async picture(image) {
    const file = this.manifest.file(image.id);
    const bytes = await decrypt(file, await this.manifest.read(image.id), this.#identities);
    const jpeg = bytes.subarray(0, image.jpeg.size);
    if (hex(await sha256(jpeg)) !== image.jpeg.sha256) throw broken(file, "it is not the picture of the record");
    if (!this.#isPadding(bytes.subarray(image.jpeg.size), image)) throw broken(file, "more is behind the picture than its mark");
    try {
      await this.#prove(image);
    } catch (error) {
      throw broken(`leaves/${image.id}.leaf in ${FILE}`, error.message);
    }
    return jpeg;
  }

  #isPadding(padding, image) {
    if (padding.length < LEAST_PADDING) return false;
    const line = utf8.encode(
      `\nmedkiosk export ${this.manifest.exportId} ${image.id}. Redacted, not anonymous. ` +
        "For the purpose and the recipient of that export only.",
    );
    // From the second line on each byte is the one a line before it: no division for each of them.
    if (!equal(padding.subarray(0, line.length), line.subarray(0, padding.length))) return false;
    for (let at = line.length; at < padding.length; at++) if (padding[at] !== padding[at - line.length]) return false;
    return true;
  }

  /** Show that the kiosk's ledger has this very picture as a redacted one. */
  async #prove(image) {
    const leaf = this.#member(`leaves/${image.id}.leaf`);
    const derivatives = JSON.parse(text(leaf)).objects.filter((object) => object.kind === "derivative");
    const commitment = hex(await hmac(unhex(image.commitment_key), unhex(image.jpeg.sha256)));
    if (derivatives.length !== 1 || derivatives[0].size !== image.jpeg.size) throw new Error("it is of another picture");
    if (derivatives[0].commitment !== commitment) throw new Error("its commitment is of another picture");
    await includes(this.#member(`proofs/${image.id}.tlog-proof`), leaf, image.leaf_index, this.checkpoint);
  }
}
