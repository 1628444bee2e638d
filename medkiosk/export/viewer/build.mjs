/** Build the page: one file, the same bytes each time. Usage: node build.mjs [OUT] */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "built/index.html");
const source = (name) => readFileSync(join(here, "src", name), "utf8");
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const bundled = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.js"],
  bundle: true,
  format: "iife",
  minify: true,
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  metafile: true,
  write: false,
});
const script = bundled.outputFiles[0].text.trim();
if (/<\/script|<!--/i.test(script)) throw new Error("the script would end early");
const style = (await transform(source("style.css"), { loader: "css", minify: true, charset: "ascii" })).code.trim();

/** The licence of each package of which something is in the page, and our own. */
function licences() {
  const folders = new Set(
    Object.keys(Object.values(bundled.metafile.outputs)[0].inputs)
      .map((input) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0])
      .filter(Boolean),
  );
  const texts = [...folders].sort().map((folder) => {
    const about = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
    const file = readdirSync(join(here, folder)).find((name) => /^licen[cs]e/i.test(name));
    if (!file) throw new Error(`${folder} has no licence text`);
    const words = readFileSync(join(here, folder, file), "utf8").replaceAll("\r", "").trim();
    return `${about.name} ${about.version} (${about.license})\n\n${words}`;
  });
  return ["The page itself: medkiosk, Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0", ...texts].join("\n\n----\n\n");
}

const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  // Style sheets of the same folder carry the data; where there is no server, the folder is file:.
  `style-src 'self' file: ${hash(style)}`,
  "img-src blob:",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const parts = { policy, style, script, licences: escape(licences()) };
const page = source("page.html").replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, page);
console.log(createHash("sha256").update(page).digest("hex"));
