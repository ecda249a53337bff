// How long a reader waits for the overview: a new browser profile each time, nothing kept. Tells the medians in ms.
import { assert, base, tell, tokens, visit, withBrowser } from '../web/page.mjs';

const ROUNDS = 7;
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

await withBrowser(async (browser) => {
  const painted = [];
  const tiles = [];
  const charts = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { page, context, problems } = await visit(browser, { token: '' });
    await page.evaluate((token) => sessionStorage.setItem('ringside.token', token), tokens.view);
    await page.goto('about:blank');
    await page.goto(`${base}/?period=30d#token=${tokens.view}`);
    await page.waitForFunction(() => document.querySelectorAll('canvas').length >= 2);
    const times = await page.evaluate(() => ({
      painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      now: performance.now(),
      tiles: Math.max(0, ...performance.getEntriesByType('resource').filter(({ name }) => name.includes('/overview'))
        .map(({ responseEnd }) => responseEnd)),
      bytes: performance.getEntriesByType('resource').reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    }));
    painted.push(times.painted);
    tiles.push(times.tiles);
    charts.push(times.now);
    bytes = times.bytes;
    assert.deepEqual(problems, []);
    await context.close();
  }
  tell('painted_ms', median(painted));
  tell('figures_ms', median(tiles));
  tell('charts_ms', median(charts));
  tell('bytes', bytes);
});
