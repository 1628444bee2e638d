/** ZIP files of stored members exactly as docs/export-format.md section 5 allows, and of no other kind: parsed from the
 * front, and the directory at the end must say the same, so that no program sees other members than we do. */
import { equal, text } from "./bytes.js";

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = ~0;
  for (let at = 0; at < bytes.length; at++) crc = TABLE[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const DOS_1980 = 0x21;

/** The members by name, as views. Throws an Error. */
export function unzip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const members = new Map();
  const places = [];
  let at = 0;
  const must = (holds, what) => {
    if (!holds) throw new Error(`the ZIP ${what}`);
  };
  const u16 = (offset) => view.getUint16(offset, true);
  const u32 = (offset) => view.getUint32(offset, true);
  // What both headers say: flags, method, time, date.
  const plain = (offset) =>
    u16(offset) === 0 && u16(offset + 2) === 0 && u16(offset + 4) === 0 && u16(offset + 6) === DOS_1980;
  while (at + 30 <= bytes.length && u32(at) === 0x04034b50) {
    const size = u32(at + 18);
    const named = at + 30;
    const start = named + u16(at + 26);
    must(plain(at + 6) && u32(at + 22) === size && u16(at + 28) === 0, "has a member that is not stored plainly");
    must(start + size <= bytes.length, "ends early");
    const name = text(bytes.subarray(named, start));
    must(/^[\x21-\x7e]+$/.test(name) && !members.has(name), "has a name twice, or one that is not allowed");
    const content = bytes.subarray(start, start + size);
    must(crc32(content) === u32(at + 14), `has a damaged member ${name}`);
    members.set(name, content);
    places.push({ at, length: start - at - 30 });
    at = start + size;
  }
  const directory = at;
  for (const place of places) {
    must(at + 46 + place.length <= bytes.length && u32(at) === 0x02014b50, "has no whole directory");
    const same =
      plain(at + 8) &&
      equal(bytes.subarray(at + 16, at + 32), bytes.subarray(place.at + 14, place.at + 30)) &&
      u16(at + 32) === 0 && u16(at + 34) === 0 && u32(at + 42) === place.at &&
      equal(bytes.subarray(at + 46, at + 46 + place.length), bytes.subarray(place.at + 30, place.at + 30 + place.length));
    must(same, "has a directory that says something else");
    at += 46 + place.length;
  }
  const end =
    at + 22 === bytes.length && u32(at) === 0x06054b50 && u32(at + 4) === 0 &&
    u16(at + 8) === places.length && u16(at + 10) === places.length &&
    u32(at + 12) === at - directory && u32(at + 16) === directory && u16(at + 20) === 0;
  must(end, "does not end where it should");
  return members;
}
