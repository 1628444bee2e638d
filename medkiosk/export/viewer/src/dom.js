/** The page's elements. Text from files only ever becomes text. */
import { Refusal } from "./refusal.js";

export const $ = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const status = (words) => ($("status").textContent = words);

/** A box for something that went wrong: which file, what it means, what to do. */
export function complaint(error) {
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal("This page", `something happened that it was not made for (${error.message}).`,
          "Try it in a current Chromium, Edge, Firefox or Safari, or open the bundle with age as VERIFY.txt says.");
  return element("div", { class: "bad" }, element("strong", {}, refusal.file), refusal.means, " ", refusal.todo);
}

/** Say loudly what went wrong; only another try takes it away. */
export function complain(error) {
  status("");
  $("alert").replaceChildren(complaint(error));
  $("proves").hidden = false;
  $("alert").scrollIntoView({ block: "nearest" });
}

export function download(bytes, name, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
