/** Files of the bundle, by the only door that a folder leaves open to a page without giving it code: style sheets
 * (docs/export-format.md, section 6). Each is read inside a closed shadow tree that is not displayed, where it can
 * style nothing of ours, and is removed at once. */
import { unbase64 } from "./bytes.js";
import { broken, missing } from "./refusal.js";

const WAIT_MS = 60_000;

const path = (name) => `view/${name}.css`;

function styled(name) {
  return new Promise((resolve, reject) => {
    const box = document.createElement("div");
    box.style.setProperty("display", "none", "important");
    const host = document.createElement("div");
    const link = document.createElement("link");
    const end = (give, value) => {
      clearTimeout(timer);
      box.remove();
      give(value);
    };
    const timer = setTimeout(() => end(reject, missing(path(name))), WAIT_MS);
    link.rel = "stylesheet";
    link.onerror = () => end(reject, missing(path(name)));
    link.onload = () => {
      const style = getComputedStyle(host);
      const pieces = [];
      for (let piece; (piece = style.getPropertyValue(`--${pieces.length}`)); ) pieces.push(piece.trim().slice(1, -1));
      end(resolve, pieces.join(""));
    };
    link.href = path(name);
    host.attachShadow({ mode: "closed" }).append(link);
    box.append(host);
    document.body.append(box);
  });
}

/** The bytes of one file of the bundle. They are not to be believed before their hash is compared. */
export async function load(name) {
  const digits = await styled(name);
  try {
    if (!digits) throw new Error("empty");
    return unbase64(digits);
  } catch {
    throw broken(path(name), "there are no file's bytes in it");
  }
}
