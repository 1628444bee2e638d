/** Ask Lighthouse about the page: while it loads, while it is opened, and open. One JSON line.
 * Usage: node lighthouse.mjs MODULES CHROMIUM URL PASSPHRASE
 * MODULES is the node_modules folder that has lighthouse. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, executablePath, url, passphrase] = process.argv.slice(2);
const from = (path) => import(pathToFileURL(join(modules, path)));
const { default: puppeteer } = await from("puppeteer-core/lib/esm/puppeteer/puppeteer-core.js");
const { startFlow, desktopConfig } = await from("lighthouse/core/index.js");

const config = {
  ...desktopConfig,
  settings: {
    ...desktopConfig.settings,
    onlyCategories: ["performance", "accessibility", "best-practices"],
    // They count what each line of a script did, which is slow. (While Lighthouse looks, scrypt takes many seconds
    // even so: `make viewer-bench` says how long a person waits.)
    skipAudits: ["unused-javascript", "script-treemap-data"],
    maxWaitForLoad: 120_000,
  },
};
const running = await puppeteer.launch({ executablePath, headless: true, acceptInsecureCerts: true, args: ["--no-sandbox"], protocolTimeout: 300_000 });
const page = await running.newPage();
const until = (expression) => page.waitForFunction(expression, { timeout: 120_000 });
const flow = await startFlow(page, { name: "viewer", config });

await flow.navigate(url);
await until("!document.getElementById('locked').hidden");
await page.type("#passphrase", passphrase);
await flow.startTimespan();
await page.keyboard.press("Enter");
await until("!document.getElementById('opened').hidden");
await page.click(".grid button");
await until("document.getElementById('checked').textContent.startsWith('Checked')");
await flow.endTimespan();
await flow.snapshot();
await page.keyboard.press("Escape");
await until("!document.getElementById('picture').open");
await flow.snapshot();

const { steps } = await flow.createFlowResult();
const names = ["loading", "opening", "a picture", "the pictures"];
const said = steps.map(({ lhr: { categories, audits } }, at) => ({
  step: names[at],
  ...Object.fromEntries(Object.values(categories).map(({ id, score }) => [id, score])),
  shift: audits["cumulative-layout-shift"]?.numericValue ?? 0,
  blocked_ms: Math.round(audits["total-blocking-time"]?.numericValue ?? 0),
  lacking: Object.values(categories).filter(({ id }) => id !== "performance").flatMap(({ auditRefs }) =>
    auditRefs.map(({ id }) => audits[id]).filter(({ score }) => score !== null && score < 1).map(({ id }) => id)),
}));
process.stdout.write(`${JSON.stringify(said)}\n`);
await running.close();
