/** Canonical JSON (docs/format.md, section 1), and shapes that values must have to the member. */
import { text, utf8 } from "./bytes.js";

export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error("a number that is none here");
    return JSON.stringify(value);
  }
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** Parse bytes that must be canonical JSON of this shape. */
export function parse(bytes, shape) {
  const said = text(bytes);
  const value = JSON.parse(said);
  if (canonical(value) !== said) throw new Error("it is not in canonical form");
  check(value, shape, "it");
  return value;
}

export const encode = (value) => utf8.encode(canonical(value));

function check(value, shape, where) {
  if (typeof shape === "function") {
    if (!shape(value)) throw new Error(`${where} is not as it should be`);
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw new Error(`${where} is no list`);
    value.forEach((item) => check(item, shape[0], `${where}[]`));
  } else {
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${where} is no object`);
    if (Object.keys(value).sort().join() !== Object.keys(shape).sort().join())
      throw new Error(`${where} has other members`);
    for (const key of Object.keys(shape)) check(value[key], shape[key], key);
  }
}

const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);
export const id = matches(/^[0-9a-f]{32}$/);
export const hash = matches(/^[0-9a-f]{64}$/);
export const date = matches(/^\d{4}-\d{2}-\d{2}$/);
export const string = (value) => typeof value === "string";
export const count = (value) => Number.isSafeInteger(value) && value >= 0;
export const exactly = (...values) => (value) => values.includes(value);
export const or = (one, other) => (value) => one(value) || other(value);
export const like = (shape) => (value) => {
  try {
    check(value, shape, "");
    return true;
  } catch {
    return false;
  }
};
export const ascending = (values) => values.every((value, at) => !at || values[at - 1] < value);
