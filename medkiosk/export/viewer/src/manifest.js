/** manifest.json (docs/export-format.md, section 2): what every file of the bundle must be. */
import { hex, sha256 } from "./bytes.js";
import { ascending, count, date, exactly, hash, id, parse, string } from "./json.js";
import { load } from "./load.js";
import { broken, changed, unsigned } from "./refusal.js";
import { verify } from "./sshsig.js";

const NAMESPACE = "medkiosk-export@v1";
const SHAPE = {
  version: exactly("medkiosk-export/2"),
  export_id: id,
  created: date,
  files: [{ file: string, sha256: hash, size: count }],
};
const IMAGE = /^images\/([0-9a-f]{32})\.jpg\.age$/;
const CHUNKS = { record: "record.zip.age", identity: "identity.age", checkpoint: "checkpoint", recall: "recall.json" };

/** The signed list of the bundle: nothing is read from it before its signature holds. */
export class Manifest {
  /** Load, verify and read it. Throws a Refusal. */
  static async open() {
    const [bytes, signature] = await Promise.all([load("manifest"), load("signature")]);
    let signer;
    try {
      signer = await verify(signature, bytes, NAMESPACE);
    } catch (error) {
      throw unsigned("manifest.json and manifest.json.sig", error.message);
    }
    try {
      return new Manifest(parse(bytes, SHAPE), signer, hex(await sha256(bytes)));
    } catch (error) {
      throw broken("manifest.json", error.message);
    }
  }

  constructor(said, signer, digest) {
    Object.assign(this, { exportId: said.export_id, created: said.created, signer, sha256: digest });
    this.files = new Map(said.files.map((part) => [part.file, part]));
    if (!ascending(said.files.map((part) => part.file))) throw new Error("its files are not in order");
    this.images = said.files.map((part) => IMAGE.exec(part.file)?.[1]).filter(Boolean);
    for (const file of ["checkpoint", "record.zip.age"])
      if (!this.files.has(file)) throw new Error(`it does not list ${file}`);
  }

  has(name) {
    return this.files.has(CHUNKS[name] ?? `images/${name}.jpg.age`);
  }

  file(name) {
    return CHUNKS[name] ?? `images/${name}.jpg.age`;
  }

  /** The bytes of one file, compared with what was signed. Throws a Refusal. */
  async read(name) {
    const part = this.files.get(this.file(name));
    if (!part) throw broken("manifest.json", `it does not list ${this.file(name)}`);
    const bytes = await load(name);
    if (bytes.length !== part.size || hex(await sha256(bytes)) !== part.sha256) throw changed(part.file);
    return bytes;
  }
}
