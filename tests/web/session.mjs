// Signing in and out: with a good token, a wrong, an expired and a revoked one; where the token is, and where it is not.
import { assert, close, host, PATIENCE_MS, settled, tokens, until, visit, withBrowser } from './page.mjs';

const REFUSED = [/status of 401/];

const kept = (page) => page.evaluate(() => ({ session: sessionStorage.getItem('ringside.token'),
  device: Object.values({ ...localStorage }), address: location.href, cookie: document.cookie }));

async function enter(page, token) {
  await page.getByLabel('Access token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const refusal = (page) => page.getByRole('alert').filter({ hasText: /expired or was revoked/ }).waitFor({ timeout: PATIENCE_MS });

async function signedIn(page, path) {
  await page.locator('header.top').waitFor({ timeout: PATIENCE_MS });
  await settled(page);
  const url = new URL(page.url());
  assert.equal(url.pathname + url.search + url.hash, path);
}

// From a deep link without a token to the page, by way of a wrong one.
async function wrongThenRight(browser) {
  const path = '/site/madrid?period=7d&lang=en';
  const visited = await visit(browser, { path, token: null, expected: REFUSED });
  const { page } = visited;
  assert.equal(await page.getByLabel('Access token').evaluate((field) => field === document.activeElement && field.type), 'password');
  await enter(page, '');
  await page.getByRole('alert').filter({ hasText: 'Enter a token' }).waitFor();
  await enter(page, 'rs_wrong');
  await refusal(page);
  await enter(page, tokens.view);
  await signedIn(page, path);
  const where = await kept(page);
  assert.equal(where.session, tokens.view);
  assert.ok(!where.device.some((text) => text.includes(tokens.view)) && !where.address.includes(tokens.view) && where.cookie === '');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Access token').waitFor();
  assert.equal((await kept(page)).session, null);
  await page.getByLabel('Remember on this device').check();
  await enter(page, tokens.view);
  await signedIn(page, path);
  assert.ok((await kept(page)).device.includes(tokens.view) && (await kept(page)).session === null);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Access token').waitFor();
  assert.ok(!(await kept(page)).device.includes(tokens.view));
  await close(visited);
}

// The token of the address is in no entry of the history, and no request but in its header.
async function fromTheAddress(browser) {
  const visited = await visit(browser, { path: '/sites?lang=en' });
  const { page } = visited;
  const urls = [];
  page.on('request', (request) => urls.push(request.url(), JSON.stringify(request.headers().referer ?? '')));
  await signedIn(page, '/sites?lang=en');
  await page.getByRole('link', { name: 'Fleet' }).click();
  await settled(page);
  await page.goBack();
  await settled(page);
  assert.ok(!page.url().includes(tokens.view));
  const client = await page.context().newCDPSession(page);
  const { entries } = await client.send('Page.getNavigationHistory');
  assert.ok(entries.length >= 2);
  assert.deepEqual(entries.filter(({ url }) => url.includes('token')).map(({ url }) => url), []);
  assert.deepEqual(urls.filter((url) => url.includes(tokens.view)), []);
  assert.ok(!(await kept(page)).device.some((text) => text.includes(tokens.view)));
  await close(visited);
}

// A page that is open when its token ends says so, and goes on where it was.
async function endsWhileOpen(browser) {
  const revoked = await host('token', 'short-lived');
  const path = '/site/vigo/queue/sales?period=7d&threshold=30&lang=en';
  const visited = await visit(browser, { path, token: revoked, expected: REFUSED });
  const { page } = visited;
  await signedIn(page, path);
  await host('revoke', 'short-lived');
  await refusal(page);
  assert.equal((await kept(page)).session, null);
  const soon = new Date(Date.now() + 3000).toISOString().replace(/\.\d+/, '');
  const expiring = await host('token', 'expiring', '--expires', soon);
  await until('the token to have expired', async () => Date.now() > Date.parse(soon) + 1000, (over) => over);
  await enter(page, expiring);
  await refusal(page);
  await enter(page, tokens.view);
  await signedIn(page, path);
  await close(visited);
}

await withBrowser(async (browser) => {
  await Promise.all([wrongThenRight, fromTheAddress, endsWhileOpen].map((part) => part(browser)));
});
