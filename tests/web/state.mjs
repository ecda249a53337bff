// The address is all of what is looked at; the keyboard is enough; times are those of the chosen zone.
import { assert, close, panel, settled, tableOf, until, visit, withBrowser } from './page.mjs';

const content = async (page) => ({ ticked: await page.locator('input:checked').evaluateAll((all) => all.map((one) => one.value)),
  table: await tableOf(page.locator('main table').first()), title: await page.title() });

// What was clicked together is there again after a reload, and at somebody else's.
async function deepLinks(browser) {
  const visited = await visit(browser, { path: '/sites?lang=en' });
  const { page } = visited;
  await settled(page);
  await page.locator('input[value="7d"]').check();
  await page.locator('input[value=utc]').check();
  await page.getByRole('button', { name: 'Offered' }).click();
  await page.getByLabel('Group').selectOption('iberia');
  await settled(page);
  const there = await content(page);
  assert.equal(there.table.length, 3); // madrid, vigo
  const offered = there.table.slice(1).map((row) => Number(row[there.table[0].indexOf('Offered')].replace(/\D/g, '')));
  assert.ok(offered[0] > offered[1], String(offered));
  const address = new URL(page.url());
  for (const name of ['period', 'zone', 'group', 'sort']) assert.ok(address.searchParams.get(name), name);
  await page.reload();
  await settled(page);
  assert.deepEqual(await content(page), there);
  const other = await visit(browser, { path: address.pathname + address.search });
  await settled(other.page);
  assert.deepEqual(await content(other.page), there);
  await close(other);
  await page.getByRole('link', { name: 'vigo' }).click();
  await settled(page);
  assert.equal(new URL(page.url()).searchParams.get('period'), '7d');
  await page.goBack();
  await settled(page);
  assert.deepEqual(await content(page), there);
  await page.goForward();
  await settled(page);
  assert.ok(page.url().includes('/site/vigo'));
  await close(visited);
}

// Steps of the table behind a chart, each once, in the words of the zone: with the day of 25 or of 23 hours.
async function clockChange(browser) {
  const { from, to, hours, days } = JSON.parse(process.env.CLOCK_CHANGE);
  const visited = await visit(browser, { zone: 'Asia/Shanghai' });
  const { page } = visited;
  const first = async (zone) => {
    await page.goto(new URL(`/site/madrid?lang=en&period=custom&from=${from}&to=${to}${zone ? `&zone=${zone}` : ''}`, page.url()).href);
    await settled(page);
    const at = panel(page, 'Service level over time');
    await at.getByRole('button', { name: 'As table' }).click();
    return (await tableOf(at.locator('table'))).slice(1).map(([label]) => label);
  };
  assert.deepEqual(await first(''), hours.site);
  assert.deepEqual(await first('viewer'), hours.viewer);
  assert.deepEqual(await first('utc'), hours.utc);
  await page.goto(new URL(`/site/madrid?lang=en&period=custom&from=${days.from}&to=${days.to}`, page.url()).href);
  await settled(page);
  const at = panel(page, 'Service level over time');
  await at.getByRole('button', { name: 'As table' }).click();
  assert.deepEqual((await tableOf(at.locator('table'))).slice(1).map(([label]) => label), days.labels);
  await close(visited);
}

const focused = (page) => page.evaluate(() => {
  const one = document.activeElement;
  const ring = one.closest('.segment') ?? one;
  const style = getComputedStyle(ring);
  return { tag: one.tagName, text: (one.textContent || one.value || '').trim().slice(0, 40), name: one.getAttribute('aria-label'),
    href: one.getAttribute('href'), visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
      || style.boxShadow !== 'none' };
});

// Tab until the wanted is reached; everything on the way shows that it has the focus.
async function tabTo(page, what, is) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab');
    const found = await focused(page);
    assert.ok(found.tag !== 'BODY', `${what}: the focus left the page`);
    assert.ok(found.visible, `the focus is not to be seen: ${JSON.stringify(found)}`);
    if (is(found)) return found;
  }
  throw new Error(`not reached with Tab: ${what}`);
}

async function keyboard(browser) {
  const visited = await visit(browser, { path: '/?lang=en' });
  const { page } = visited;
  await settled(page);
  await tabTo(page, 'the skip link', ({ text }) => text === 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal((await page.evaluate(() => document.activeElement.closest('main') !== null)), true);
  await page.reload();
  await settled(page);
  await tabTo(page, 'Sites', ({ href }) => href?.startsWith('/sites'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/sites?*');
  await settled(page);
  assert.equal((await focused(page)).tag, 'H1');
  await tabTo(page, 'the period', ({ tag, text }) => tag === 'INPUT' && text === 'today');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.waitForURL('**period=7d*');
  await tabTo(page, 'a column', ({ tag, text }) => tag === 'BUTTON' && text.startsWith('Offered'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**sort=entered*');
  assert.equal(await page.locator('th[aria-sort=descending]').innerText().then((text) => text.split('\n')[0]), 'Offered');
  assert.ok((await focused(page)).text.startsWith('Offered'));
  await tabTo(page, 'a site', ({ href }) => href?.startsWith('/site/vigo'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/site/vigo*');
  await settled(page);
  assert.equal((await focused(page)).tag, 'H1');
  await tabTo(page, 'the table of a chart', ({ text }) => text === 'As table');
  const tables = await page.locator('main table').count();
  await page.keyboard.press('Space');
  await until('the table', () => page.locator('main table').count(), (count) => count === tables + 1);
  assert.equal((await focused(page)).text, 'As table');
  await close(visited);
}

const PARTS = { deepLinks, clockChange, keyboard };
await withBrowser(async (browser) => {
  for (const name of process.env.ONLY?.split(',') ?? Object.keys(PARTS)) await PARTS[name](browser);
});
