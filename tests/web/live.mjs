// What moves without anybody loading the page anew: callers, alerts, a collector that goes away and comes back.
import { assert, base, close, host, PATIENCE_MS, settled, tile, tokens, until, visit, withBrowser } from './page.mjs';

const AWAY = [/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_NETWORK|ERR_SOCKET|Failed to fetch/];

const waiting = (page) => until.bind(null, 'the waiting tile', async () => (await tile(page, 'Waiting now')).value);
const mark = (page) => page.evaluate(() => (globalThis.sameDocument = true));
const isSame = (page) => page.evaluate(() => globalThis.sameDocument === true);

async function callersAndAlerts(page, openAlerts) {
  const before = Number(await waiting(page)((text) => /^\d+$/.test(text)));
  const calls = await host('enter', 5);
  await waiting(page)((text) => text === String(before + 5));
  await page.locator('.strip').getByText(/madrid.*waiting/).waitFor({ timeout: PATIENCE_MS });
  const alerts = await openAlerts();
  await alerts.locator('main').getByRole('row').filter({ hasText: 'queue is full' }).filter({ hasText: 'madrid' }).first().waitFor({ timeout: PATIENCE_MS });
  await mutes(alerts);
  await page.locator('.strip').getByText(/madrid.*waiting/).waitFor({ state: 'detached', timeout: PATIENCE_MS });
  await host('give_up', calls);
  await waiting(page)((text) => text === String(before));
}

// An admin quiets a rule and lets it speak again.
async function mutes(page) {
  await page.locator('main').getByRole('button', { name: /^Mute queue is full/ }).first().click();
  await page.getByRole('textbox').last().fill('known');
  await page.locator('form.mute button[type=submit]').click();
  const { mutes: list } = await until('the mute', () => state(), (found) => found.mutes.length === 1);
  assert.equal(list[0].rule, 'queue is full');
  assert.equal(list[0].why, 'known');
  await page.locator('main table').filter({ hasText: 'known' }).waitFor({ timeout: PATIENCE_MS });
}

async function state() {
  const answer = await fetch(`${base}/api/v1/alerts`, { headers: { Authorization: `Bearer ${tokens.view}` } });
  return answer.json();
}

async function noMutesForViewers(browser) {
  const visited = await visit(browser, { path: '/alerts?lang=en' });
  await settled(visited.page);
  await visited.page.getByText('site away').first().waitFor();
  assert.equal(await visited.page.locator('main').getByRole('button', { name: /mute/i }).count(), 0);
  await close(visited);
}

async function restart(page, reader) {
  await host('stop');
  await page.getByText(/Connection lost since/).waitFor({ timeout: PATIENCE_MS });
  assert.equal(await page.locator('.live-dot.is-on').count(), 0);
  await reader.locator('.is-stale').first().waitFor({ timeout: PATIENCE_MS });
  await host('start');
  await page.getByText(/Connection lost since/).waitFor({ state: 'detached', timeout: PATIENCE_MS });
  await page.locator('.live-dot.is-on').waitFor({ timeout: PATIENCE_MS });
  await until('the live view at the queue', () => reader.locator('.is-stale').count(), (count) => count === 0);
  const before = Number(await waiting(page)((text) => /^\d+$/.test(text)));
  const calls = await host('enter', 2);
  await waiting(page)((text) => text === String(before + 2));
  await host('give_up', calls);
  await waiting(page)((text) => text === String(before));
}

await withBrowser(async (browser) => {
  const expected = AWAY;
  const overview = await visit(browser, { path: '/?group=iberia&lang=en', expected });
  const queue = await visit(browser, { path: '/site/madrid?lang=en', expected });
  for (const { page } of [overview, queue]) {
    await settled(page);
    await mark(page);
  }
  let admin;
  await callersAndAlerts(overview.page, async () => {
    admin = await visit(browser, { path: '/alerts?lang=en', token: tokens.admin, expected });
    await settled(admin.page);
    await mark(admin.page);
    return admin.page;
  });
  await noMutesForViewers(browser);
  await restart(overview.page, queue.page);
  for (const { page } of [overview, queue, admin]) assert.ok(await isSame(page), page.url());
  for (const visited of [overview, queue, admin]) await close(visited);
});
