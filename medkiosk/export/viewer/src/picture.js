/** One picture at a time, full size, in a dialog: checked before it is shown, zoomed, moved, printed, saved. */
import { $, complaint, download, element } from "./dom.js";

const MOST_KEPT = 3;
const [LEAST_ZOOM, MOST_ZOOM, STEP, SHIFT] = [1, 40, 1.25, 80];

/** Keeps the few pictures around the one that is shown; what falls out is overwritten. */
class Kept {
  #record;
  #held = new Map();

  constructor(record) {
    this.#record = record;
  }

  /** A picture as bytes and URL; a refused one rejects, every time it is asked for. */
  get(image) {
    const held = this.#held.get(image.id) ?? this.#load(image);
    this.#held.delete(image.id);
    this.#held.set(image.id, held);
    for (const [id, old] of this.#held) {
      if (this.#held.size <= MOST_KEPT) break;
      this.#held.delete(id);
      old.then(({ jpeg, url }) => {
        URL.revokeObjectURL(url);
        jpeg.fill(0);
      }, () => undefined); // one that was refused left nothing behind
    }
    return held;
  }

  async #load(image) {
    const jpeg = await this.#record.picture(image);
    return { jpeg, url: URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" })) };
  }
}

/** The dialog and what its buttons, keys and pointers do. */
export class Viewer {
  #record;
  #order;
  #kept;
  #provenance;
  #at = 0;
  #turn = 0;
  #shown = null;
  #zoom = 1;
  #x = 0;
  #y = 0;
  #pointers = new Map();

  /**
   * @param record the opened record
   * @param order its images in the order of the page
   * @param provenance gives the line that is printed under a picture
   */
  constructor(record, order, provenance) {
    this.#record = record;
    this.#order = order;
    this.#provenance = provenance;
    this.#kept = new Kept(record);
    const dialog = $("picture");
    dialog.addEventListener("keydown", (event) => this.#key(event));
    dialog.addEventListener("click", (event) => this.#do(event.target.dataset?.do));
    // the event comes a while after the closing: another picture may be in the dialog by then
    dialog.addEventListener("close", () => dialog.open || this.#clear());
    const stage = $("stage");
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#zoomTo(this.#zoom * (event.deltaY < 0 ? STEP : 1 / STEP), event.clientX, event.clientY);
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
    });
    stage.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    new ResizeObserver(() => this.#place()).observe(stage);
  }

  async show(at) {
    const image = this.#order[at];
    if (!image) return;
    this.#at = at;
    const turn = ++this.#turn;
    const over = () => this.#turn !== turn || !dialog.open;
    const dialog = $("picture");
    if (!dialog.open) dialog.showModal();
    this.#clear();
    $("picture-title").textContent = `Picture ${at + 1} of ${this.#order.length}`;
    $("checked").textContent = "Opening and checking …";
    this.#buttons();
    if (!dialog.contains(document.activeElement) || document.activeElement.disabled) $("stage").focus();
    let picture;
    try {
      picture = await this.#kept.get(image);
      if (over()) return;
      const img = element("img", { src: picture.url, alt: `Picture ${at + 1} of ${this.#order.length}`, draggable: "false" });
      await img.decode();
      if (over()) return;
      $("stage").replaceChildren(img);
    } catch (error) {
      if (over()) return;
      $("checked").textContent = "Not shown.";
      $("stage").replaceChildren(complaint(error));
      return;
    }
    this.#shown = picture;
    this.#fit();
    this.#buttons();
    $("checked").textContent =
      `Checked: signed, and byte for byte what entry ${image.leaf_index} of the kiosk's log says. ` +
      `${image.statement[0].toUpperCase()}${image.statement.slice(1)}; not anonymous.` +
      (image.date ? ` Date (shifted, not the true one): ${image.date}.` : "");
    $("provenance").textContent = this.#provenance(image);
    const next = this.#order[at + 1];
    if (next) setTimeout(() => over() || this.#kept.get(next).catch(() => undefined), 0); // said when it is shown
  }

  #clear() {
    this.#shown = null;
    $("stage").replaceChildren();
    $("checked").textContent = $("provenance").textContent = "";
  }

  #buttons() {
    const off = { previous: this.#at === 0, next: this.#at === this.#order.length - 1 };
    for (const name of ["save", "print", "in", "out", "fit"]) off[name] = !this.#shown;
    for (const button of $("picture").querySelectorAll("[data-do]")) {
      button.disabled = Boolean(off[button.dataset.do]);
    }
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [SHIFT, 0], ArrowRight: [-SHIFT, 0], ArrowUp: [0, SHIFT], ArrowDown: [0, -SHIFT] };
    const names = { n: "next", p: "previous", "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (moves[event.key]) {
      this.#x += moves[event.key][0];
      this.#y += moves[event.key][1];
      this.#place();
    } else if (names[event.key]) {
      this.#do(names[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }

  #do(name) {
    const image = this.#order[this.#at];
    if (name === "close") $("picture").close();
    else if (name === "next") this.show(this.#at + 1);
    else if (name === "previous") this.show(this.#at - 1);
    else if (!this.#shown) return;
    else if (name === "in") this.#zoomTo(this.#zoom * STEP);
    else if (name === "out") this.#zoomTo(this.#zoom / STEP);
    else if (name === "fit") this.#fit();
    else if (name === "save") download(this.#shown.jpeg, `${image.id}.jpg`, "image/jpeg");
    else if (name === "print") print();
  }

  #fit() {
    [this.#zoom, this.#x, this.#y] = [1, 0, 0];
    this.#place();
  }

  /** Zoom so that the point of the picture under (x, y) on the screen stays where it is. */
  #zoomTo(zoom, x, y) {
    const box = $("stage").getBoundingClientRect();
    const wanted = Math.min(Math.max(zoom, LEAST_ZOOM), MOST_ZOOM);
    const [dx, dy] = x === undefined ? [0, 0] : [x - box.x - box.width / 2, y - box.y - box.height / 2];
    this.#x = dx - ((dx - this.#x) * wanted) / this.#zoom;
    this.#y = dy - ((dy - this.#y) * wanted) / this.#zoom;
    this.#zoom = wanted;
    this.#place();
  }

  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, pointer]) => pointer);
    this.#pointers.set(event.pointerId, event);
    if (other) {
      const apart = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      this.#zoomTo((this.#zoom * apart(event)) / apart(before), ...middle);
    } else {
      this.#x += event.clientX - before.clientX;
      this.#y += event.clientY - before.clientY;
      this.#place();
    }
  }

  /** Put the picture where it belongs: at zoom 1 it fits the stage, and a part of it always stays in sight. */
  #place() {
    const img = $("stage").querySelector("img");
    if (!img || !img.naturalWidth) return;
    const { clientWidth: width, clientHeight: height } = $("stage");
    const scale = Math.min(width / img.naturalWidth, height / img.naturalHeight, 1) * this.#zoom;
    const most = (size, room) => Math.max(0, (size * scale - room) / 2);
    const [right, down] = [most(img.naturalWidth, width), most(img.naturalHeight, height)];
    this.#x = Math.min(Math.max(this.#x, -right), right);
    this.#y = Math.min(Math.max(this.#y, -down), down);
    img.style.transform = `translate(-50%, -50%) translate(${this.#x}px, ${this.#y}px) scale(${scale})`;
  }
}
