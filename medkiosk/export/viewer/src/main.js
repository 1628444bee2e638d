/** The page from top to bottom: signature, then what opens it, then the pictures. */
import { $, complain, download, element, status } from "./dom.js";
import { acknowledgement } from "./ledger.js";
import * as json from "./json.js";
import { Manifest } from "./manifest.js";
import { Viewer } from "./picture.js";
import { Record, identitiesIn, identityOf, isWrongKey } from "./record.js";
import { Refusal, broken } from "./refusal.js";
import { CLOSED, PURPOSES, term } from "./words.js";

const IDLE_MS = 15 * 60_000;
const LOOK_MS = 2_000;
const RECALL = {
  version: json.exactly("medkiosk-recall/1"),
  recall_id: json.id,
  created: json.date,
  recipient: json.or(json.exactly(""), json.hash),
  exports: [{ export_id: json.id, manifest_sha256: json.or(json.exactly(""), json.hash), images: [json.id] }],
};

const today = () => new Date().toLocaleDateString("sv"); // YYYY-MM-DD
const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** Forget: a page that is loaded anew has nothing of the old one. */
function forget(why) {
  location.hash = why;
  location.reload();
}

function forgetWhenIdle() {
  let last = Date.now();
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "scroll"])
    addEventListener(event, () => (last = Date.now()), { capture: true, passive: true });
  setInterval(() => Date.now() - last >= IDLE_MS && forget("idle"), LOOK_MS);
}

function showSigner(manifest) {
  const parts = manifest.signer.slice("SHA256:".length).match(/.{1,6}/g);
  $("fingerprint").replaceChildren(...["SHA256:", ...parts].map((part) => element("span", {}, part)));
  $("fingerprint").setAttribute("data-key", manifest.signer);
  $("about").textContent = `Exported on ${manifest.created}: ${count(manifest.images.length, "picture")}.`;
}

/** What is seen while the bundle is closed: shown and taken away together, so that nothing moves under a hand. */
function showClosed(shown) {
  for (const id of ["signed", "locked", "proves"]) $(id).hidden = !shown;
}

async function readRecall(manifest) {
  if (!manifest.has("recall")) return null;
  try {
    return json.parse(await manifest.read("recall"), RECALL);
  } catch (error) {
    throw error instanceof Refusal ? error : broken("recall.json", error.message);
  }
}

function recallNotice(recall, manifest) {
  const list = recall.exports.map((one) => {
    const same = one.export_id === manifest.exportId ? " (this one)" : "";
    return element("li", {}, `In the export ${one.export_id}${same}: ${count(one.images.length, "picture")}: `,
      element("code", {}, one.images.join(", ")));
  });
  return element("div", { class: "loud", id: "recall" },
    element("strong", {}, `Recall of ${recall.created}: pictures that you got earlier must be destroyed.`),
    "The consent does not hold any more, or they show another person. Destroy every copy, and tell whoever you gave one to. ",
    "RECALL.txt beside this page says the same.", element("ul", {}, ...list));
}

function untilNotice(until) {
  if (!until || until >= today()) return [];
  return [element("div", { class: "loud", id: "expired" },
    element("strong", {}, `You may not use these pictures any more: the last day was ${until}.`),
    "Destroy your copies, or ask the department whether the time can be extended.")];
}

function showTerms(record) {
  const purpose = PURPOSES[record.purpose] ?? `A purpose that this page does not know: ${record.purpose}`;
  const { codes, until } = record.dataUse;
  const last = until ? `Until ${until}, that day included.` : "Without a last day.";
  $("terms").replaceChildren(...[purpose, ...codes.map(term), last,
    "Only by you, and do not try to find out who the persons are."].map((line) => element("li", {}, line)));
}

/** Pictures of one person together, persons and pictures in the order of the record. */
function grouped(images) {
  const people = new Map();
  for (const image of images) people.set(image.subject, [...(people.get(image.subject) ?? []), image]);
  return [...people.values()];
}

function showGallery(record, order, viewer) {
  let number = 0;
  const thumbnail = (image, person) => {
    const at = number++;
    const bytes = record.thumbnail(image);
    const alt = `Picture ${at + 1}, person ${person}, ${image.width} by ${image.height} pixels`;
    const img = bytes
      ? element("img", { src: URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })), alt, loading: "lazy", decoding: "async" })
      : element("span", {}, alt);
    const button = element("button", { type: "button" }, img, element("span", { "aria-hidden": "true" }, `${at + 1}`));
    button.addEventListener("click", () => viewer.show(at));
    return element("li", {}, button);
  };
  $("people").replaceChildren(...grouped(order).flatMap((images, at) => [
    element("h3", {}, `Person ${at + 1}: ${count(images.length, "picture")}`),
    element("ul", { class: "grid" }, ...images.map((image) => thumbnail(image, at + 1))),
  ]));
}

function show(record, recall) {
  const { manifest } = record;
  const order = grouped(record.images).flat();
  const purpose = PURPOSES[record.purpose] ?? record.purpose;
  const viewer = new Viewer(record, order, (image) =>
    `medkiosk export ${manifest.exportId} of ${manifest.created}, picture ${image.id}, SHA-256 ${image.jpeg.sha256}. ` +
    `Signed with ${manifest.signer}. ${purpose}. ${record.dataUse.codes.map(term).join(" ")} ` +
    `${record.dataUse.until ? `Use until ${record.dataUse.until}. ` : ""}${image.statement}; not anonymous. ` +
    `Printed ${today()}.`);
  $("opened-title").textContent = `${count(order.length, "picture")} of ${count(grouped(order).length, "person")}`
    .replace("persons", "people");
  $("notices").replaceChildren(...(recall ? [$("recall")] : []), ...untilNotice(record.dataUse.until));
  $("signed").before($("opened"));
  $("signed-title").textContent = "Whose signature it is";
  showTerms(record);
  showGallery(record, order, viewer);
  $("acknowledge").addEventListener("submit", async (event) => {
    event.preventDefault();
    const by = $("by").value.normalize("NFC").replace(/[\p{C}\p{Z}]+/gu, " ").trim();
    try {
      const bytes = await acknowledgement({
        seed: record.acknowledge,
        exportId: manifest.exportId,
        manifestSha256: manifest.sha256,
        by,
        checkpoint: record.checkpoint,
        seconds: Math.floor(Date.now() / 1000),
      });
      download(bytes, `medkiosk-acknowledgement-${manifest.exportId.slice(0, 8)}.json`, "application/json");
      status("The acknowledgement is in your downloads. Copy it to the top folder of a stick.");
    } catch (error) {
      complain(error);
    }
  });
  for (const id of ["opened", "forget", "signed", "proves"]) $(id).hidden = false;
  status("Opened. Choose a picture to see it full size; each is checked before it is shown.");
  $("opened-title").focus();
  forgetWhenIdle();
}

/** Ask for what opens the bundle until it does; meanwhile the files that it opens are read already. */
function ask(manifest, recall) {
  const sealed = {};
  for (const name of ["record", "checkpoint", ...(manifest.has("identity") ? ["identity"] : [])]) {
    sealed[name] = manifest.read(name);
    sealed[name].catch(() => undefined); // said when somebody waits for it
  }
  const form = manifest.has("identity") ? $("with-passphrase") : $("with-identity");
  const field = form.querySelector("input");
  const button = form.querySelector("button");
  form.hidden = false;
  showClosed(true);
  status("The signature holds. Compare the key, then open the bundle.");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status("Opening …");
    $("alert").replaceChildren();
    showClosed(false);
    await painted();
    try {
      const identities = manifest.has("identity")
        ? await identityOf(await sealed.identity, field.value)
        : identitiesIn(await field.files[0].text());
      show(await Record.open(manifest, await sealed.record, identities, await sealed.checkpoint), recall);
      field.value = "";
    } catch (error) {
      showClosed(true);
      button.disabled = !isWrongKey(error);
      if (isWrongKey(error)) field.focus();
      complain(error);
    }
  });
}

async function main() {
  $("forget").addEventListener("click", () => forget("closed"));
  if (CLOSED[location.hash]) {
    const words = CLOSED[location.hash];
    history.replaceState(null, "", location.href.split("#")[0]);
    $("alert").append(element("p", {}, words));
  }
  if (!globalThis.crypto?.subtle) {
    throw new Refusal("This page", "it came over http, where browsers take the means to check and decrypt away.",
      "Open it over https, or copy the folder to your computer and open index.html there with a double click.");
  }
  const manifest = await Manifest.open();
  showSigner(manifest);
  const recall = await readRecall(manifest);
  if (recall) $("about").after(recallNotice(recall, manifest));
  ask(manifest, recall);
}

main().catch((error) => {
  $("signed").hidden = !$("fingerprint").textContent;
  complain(error);
});
