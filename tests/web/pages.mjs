// Every page in both languages, both themes, on a desk and on a telephone: whole, quiet, readable by everybody.
import { assert, accessibility, close, PATIENCE_MS, picture, settled, tell, visit, withBrowser } from './page.mjs';

const PAGES = {
  overview: '/',
  sites: '/sites?period=7d',
  site: '/site/madrid?period=7d',
  silent: '/site/chengdu?period=7d',
  'site-queue': '/site/lima/queue/sales?period=7d',
  queue: '/queue/sales?period=7d',
  compare: '/compare?period=7d',
  fleet: '/fleet',
  alerts: '/alerts',
  lost: '/no/such/page',
};
const WIDTHS = [1440, 390, 360];
const UNTOLD = /\{\w+\}|\bundefined\b|\bNaN\b|\[object |\bInfinity\b|\bnull\b/;
const KEYS = new Set(JSON.parse(process.env.KEYS));

function withLang(path, lang) {
  return path + (path.includes('?') ? '&' : '?') + `lang=${lang}`;
}

// Every text that a reader can see or is read out.
async function texts(page) {
  return page.evaluate(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) found.push(walker.currentNode.textContent.trim());
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
      for (const name of ['aria-label', 'title', 'placeholder']) found.push(element.getAttribute(name) ?? '');
    }
    return [...new Set(found)].filter(Boolean);
  });
}

// Labels are words of the page; names of sites, queues and formulas are the same in every language.
async function labels(page) {
  return page.locator('h1, h2, h3, th[scope=col], button:not(.preset), legend, label > .field-label, dt, .tile-label, summary, nav a')
    .evaluateAll((all) => [...new Set(all.map((one) => one.textContent.trim()))]);
}

// Goes on after a fault, so that one run tells all of them.
const faults = [];
function none(found, what) {
  if (found.length > 0) faults.push({ what, found });
}

async function holds(name, what, page, lang) {
  assert.equal(await page.locator('h1').count(), 1, `${what}: headings`);
  assert.equal(await page.evaluate(() => document.documentElement.lang), lang === 'zh' ? 'zh-Hans' : 'en', what);
  assert.ok((await page.title()).endsWith('Ringside') && (await page.title()).length > 11, `${what}: title`);
  const said = await texts(page);
  none(said.filter((text) => UNTOLD.test(text) || KEYS.has(text)), `${what}: texts`);
  if (lang === 'zh') return;
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.waitForFunction((dark) => dark === (Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0]) < 128),
      theme === 'dark', { timeout: PATIENCE_MS });
    none(await accessibility(page), `${what}: ${theme}: axe`);
    await picture(page, `${name}-${lang}-${theme}`, { fullPage: true });
  }
}

// What reaches beyond the screen's edge, unless it is in a box that scrolls.
async function tooWide(page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const scrolls = (one) => one !== document.body && one !== null
      && (getComputedStyle(one).overflowX !== 'visible' || scrolls(one.parentElement));
    const found = [...document.body.querySelectorAll('*')]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !scrolls(one.parentElement))
      .map((one) => `${one.tagName}.${one.className} to ${Math.round(one.getBoundingClientRect().right)}`);
    return [`${document.documentElement.scrollWidth} px`, ...found];
  });
}

async function fits(name, what, page, lang) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width > 1000 ? 900 : 844 });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    none(await tooWide(page), `${what}: wider than a screen of ${width}`);
    if (width !== 360) await picture(page, `${name}-${lang}-${width}`, { fullPage: true });
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

await withBrowser(async (browser) => {
  const visited = await visit(browser, { path: '/?lang=en' });
  const { page } = visited;
  await settled(page);
  tell('first contentful paint, ms', await page.evaluate(() =>
    performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null));
  const english = {};
  for (const lang of ['en', 'zh']) {
    for (const [name, path] of Object.entries(PAGES)) {
      const what = `${name}, ${lang}`;
      await page.goto(new URL(withLang(path, lang), page.url()).href);
      await settled(page);
      await holds(name, what, page, lang);
      const words = await labels(page);
      if (lang === 'en') english[name] = new Set(words);
      else {
        const same = words.filter((word) => english[name].has(word) && /[A-Za-z]{4}/.test(word) && !/^Ringside|^(madrid|vigo|lima|chengdu|sales|support|billing)$/.test(word));
        none(same, `${what}: not translated`);
      }
      await fits(name, what, page, lang);
      none(visited.problems.splice(0), what);
    }
  }
  await close(visited);
  assert.deepEqual(faults, []);
});
