/** Why the page does not go on: which file, what that means, what to do. Plain words; people read them. */
export class Refusal extends Error {
  constructor(file, means, todo) {
    super(`${file}: ${means}`);
    this.file = file;
    this.means = means;
    this.todo = todo;
  }
}

const AGAIN =
  "Do not use this bundle. Ask the department that gave it to you for a new one, and keep this stick for them to look at.";

export const missing = (file) =>
  new Refusal(file, "it is not there or cannot be read, so the bundle was not copied whole or the stick is worn out.",
    "Copy the whole folder from the stick again, with index.html and the folder view in it, and open the copy.");
export const changed = (file) =>
  new Refusal(file, "it is not the file that was signed: somebody or something changed it.", AGAIN);
export const unsigned = (file, why) => new Refusal(file, `the signature does not hold (${why}).`, AGAIN);
export const broken = (file, why) => new Refusal(file, `it is not what a kiosk writes (${why}).`, AGAIN);
export const undecipherable = (file) =>
  new Refusal(file, "it was signed, but what it is encrypted to does not open it, or it is damaged inside.", AGAIN);
