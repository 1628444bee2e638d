/** Drive one real browser for the tests: a JSON command a line on stdin, a JSON answer a line on stdout.
 * Usage: node drive.mjs chrome|firefox EXECUTABLE DOWNLOADS */
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [browser, executablePath, downloads] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run",
  "--disable-sync", "--host-resolver-rules=MAP another-host.test 127.0.0.1", "--disable-domain-reliability", "--disable-features=OptimizationHints,MediaRouter,Translate"];
const preferences = {
  "browser.download.dir": downloads, "browser.download.folderList": 2, "browser.download.useDownloadDir": true,
  "browser.helperApps.neverAsk.saveToDisk": "application/json,image/jpeg", "app.update.enabled": false,
  "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false, "services.settings.server": "data:,#remote-settings-dummy/v1",
};
const running = await puppeteer.launch({
  browser, executablePath, headless: true, acceptInsecureCerts: true,
  ...(browser === "chrome" ? { args: quiet, pipe: true, downloadBehavior: { policy: "allow", downloadPath: downloads } }
    : { extraPrefsFirefox: preferences }),
});
let page;
let requests;
let said;

async function fresh() {
  await page?.close();
  page = await running.newPage();
  [requests, said] = [[], []];
  page.on("request", (request) => requests.push(request.url().slice(0, 200)));
  page.on("console", (message) => said.push(`${message.type()}: ${message.text().slice(0, 300)}`));
  page.on("pageerror", (error) => said.push(`pageerror: ${String(error).slice(0, 300)}`));
}

const commands = {
  open: async ({ url, before }) => {
    await fresh();
    if (before) await page.evaluateOnNewDocument(before);
    await page.goto(url, { waitUntil: "load" });
  },
  size: ({ width, height }) => page.setViewport({ width, height }),
  wait: ({ until, ms = 30000 }) => page.waitForFunction(until, { timeout: ms, polling: 20 }).then(() => true),
  run: ({ code }) => page.evaluate(code),
  press: async ({ keys }) => {
    for (const key of keys) await page.keyboard.press(key);
  },
  type: ({ text }) => page.keyboard.type(text),
  click: ({ at }) => page.click(at),
  choose: async ({ at, file }) => (await page.$(at)).uploadFile(file),
  picture: ({ file, whole }) => page.screenshot({ path: file, fullPage: Boolean(whole) }).then(() => true),
  pdf: ({ file }) => page.pdf({ path: file }).then(() => true),
  axe: async () => {
    await page.evaluate(axe);
    const found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
    return found.violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
  },
  seen: () => ({ requests, said }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[op](options)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await running.close();
