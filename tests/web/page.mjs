// What the browser tests share: a headless Chromium, the page as a reader sees it, and a way to ask the test that
// started the script for things that only it can do (restart the collector, revoke a token).
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const need = createRequire(process.env.RINGSIDE_WEB + '/package.json');
const { chromium } = need('playwright-core');
export { assert };

// Without these Chromium looks for hosts of its maker at every start.
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

export const base = process.env.RINGSIDE_URL;
export const tokens = { view: process.env.RINGSIDE_VIEW, admin: process.env.RINGSIDE_ADMIN };

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Asks the Python test: its function of that name is called with the arguments.
export async function host(name, ...args) {
  process.stdout.write(JSON.stringify({ call: name, args }) + '\n');
  const { value, done } = await answers.next();
  if (done) throw new Error('the test that started this script is gone');
  const answer = JSON.parse(value);
  if (answer.error) throw new Error(answer.error);
  return answer.value;
}

// A figure for the one who started the script.
export function tell(name, value) {
  process.stdout.write(JSON.stringify({ tell: name, value }) + '\n');
}

export async function withBrowser(fn) {
  const browser = await chromium.launch({ executablePath: process.env.RINGSIDE_CHROMIUM, args: ARGS });
  try {
    return await fn(browser);
  } finally {
    await browser.close();
    process.stdin.destroy(); // an open one keeps the script alive
  }
}

// A page with nothing kept from others. `problems` collects what no reader may ever meet: exceptions, what the policy
// blocked, errors on the console, and any request that leaves the collector. Expected refusals (a 401 on purpose) are
// logged by Chromium as errors as well: `expected` has patterns for these.
export async function visit(browser, { path = '/', token = tokens.view, viewport = { width: 1440, height: 900 },
  scheme = 'light', locale = 'en-US', zone = 'UTC', expected = [], more = {} } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: scheme, locale, timezoneId: zone,
    acceptDownloads: true, reducedMotion: 'reduce', ...more });
  const page = await context.newPage();
  const problems = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) problems.push(text);
  };
  page.on('pageerror', (error) => note(`exception: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && note(`console: ${message.text()}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.origin !== base) {
      problems.push(`asked elsewhere: ${url}`);
    }
  });
  await page.goto(base + path + (token ? `#token=${token}` : ''));
  return { page, context, problems };
}

export async function close({ context, problems }) {
  await context.close();
  assert.deepEqual(problems, []);
}

// The same question as the page's, straight to the collector.
export async function api(path, token = tokens.view) {
  const answer = await fetch(base + path, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

// Everything that axe finds at least serious, a line each.
export async function accessibility(page) {
  await page.evaluate(readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8')); // the policy forbids a script tag
  const found = await page.evaluate(async () => (await globalThis.axe.run(document)).violations);
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 5)}`);
}

export async function picture(page, name, options = {}) {
  if (process.env.RINGSIDE_PICTURES) {
    await page.screenshot({ path: `${process.env.RINGSIDE_PICTURES}/${name}.png`, ...options });
  }
}

// Waits until the page has all it asks for: no skeleton, nothing of the question before.
export async function settled(page) {
  const open = () => page.evaluate(() => [...document.querySelectorAll('.skeleton, .loading, [aria-busy="true"], .is-previous')]
    .map((one) => one.closest('section')?.querySelector('h2')?.textContent ?? one.outerHTML.slice(0, 200))
    .concat(document.querySelector('main h1') ? [] : ['no heading']));
  await until(`${page.url()} to be drawn`, open, (left) => left.length === 0);
}

export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60_000);

// Waits until what the function finds satisfies; the last that was found is in the message.
export async function until(what, find, satisfies) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (satisfies(found)) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}; last: ${JSON.stringify(found)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export function panel(page, title) {
  return page.locator('section.panel').filter({ has: page.getByRole('heading', { level: 2, name: title, exact: true }) });
}

// A table as rows of texts, the first of them its head.
export async function tableOf(locator) {
  return locator.locator('tr').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) =>
    cell.innerText.replace(/\s*[▾▴]\s*$/, '').trim())));
}

// What a tile says: its value, and what stands below.
export async function tile(page, label, list = '') {
  const at = page.locator(`${list} .tile`).filter({ has: page.locator('.tile-label', { hasText: new RegExp(`^${label}$`) }) });
  const text = async (part) => (await at.locator(part).textContent()).replace(/\s+/g, " ").trim();
  return { value: await text(".tile-value"), sub: await text(".tile-sub"),
    marked: await at.locator('.missing-mark').count() > 0 };
}

// Numbers as the English page writes them.
const digits = (value, options) => new Intl.NumberFormat('en-GB', options).format(value);

export const shown = {
  int: (value) => (value === null ? '–' : digits(value, { maximumFractionDigits: 0 })),
  pct: (value, places = 1) => {
    if (value === null) return '–';
    const unit = 10 ** -(places + 2); // what is not all is not shown as all, nor as nothing
    const near = value < 1 && value > 1 - unit ? 1 - unit : value > 0 && value < unit ? unit : value;
    return digits(near, { style: 'percent', minimumFractionDigits: places, maximumFractionDigits: places });
  },
  dur: (ms) => {
    if (ms === null) return '–';
    const s = Math.round(ms / 1000);
    const two = (value) => String(value).padStart(2, '0');
    return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
  },
};
