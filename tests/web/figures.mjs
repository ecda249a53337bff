// What the pages show is what the collector answers: tiles, tables, the tables behind charts, the threshold that moves,
// the marks of what is missing, the export and the print.
import { readFileSync } from 'node:fs';
import { api, assert, close, panel, settled, shown, tableOf, tile, until, visit, withBrowser } from './page.mjs';

const { int, pct, dur } = shown;

// The addresses that the page asks, newest last.
function listen(page) {
  const asked = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.pathname.startsWith('/api/')) asked.push(url.pathname + url.search);
  });
  return { asked, last: (path, has = '') => asked.findLast((one) => one.startsWith(path + '?') && one.includes(has)) };
}

async function open(page, path) {
  await page.goto(new URL(path, page.url()).href);
  await settled(page);
}

// ---- tiles and tables ----

async function overview(page, heard) {
  await open(page, '/?group=iberia&lang=en&period=7d');
  const { today } = await api(heard.last('/api/v1/overview'));
  const { row } = today;
  const level = await tile(page, 'Service level today');
  assert.equal(level.value, pct(row.service_level.value));
  assert.ok(level.sub.includes(row.service_level.method) && level.sub.includes(`${row.service_level.threshold_s} s`), level.sub);
  const abandon = await tile(page, 'Abandon rate today');
  assert.equal(abandon.value, pct(row.abandon_rate));
  assert.ok(abandon.sub.includes('abandoned / entered'), abandon.sub);
  assert.equal((await tile(page, 'Offered today')).value, int(row.entered));
  await behindChart(page, heard, 'Calls', (series) => [series.entered, series.answered, series.abandoned].map((one) => one.map(int)));
  await behindChart(page, heard, 'Service level', (series) => [series.service_level.map((value) => pct(value)), series.entered.map(int)]);
}

// The rows of the table, holes left out, are the series, step by step.
async function behindChart(page, heard, title, columns) {
  const at = panel(page, title);
  const address = heard.last('/api/v1/timeseries', 'entered');
  await at.getByRole('button', { name: 'As table' }).click();
  const [head, ...rows] = await tableOf(at.locator('table'));
  const [series] = (await api(address)).series;
  const wanted = columns(series);
  const told = rows.filter((row) => row[1] !== '–' || row[2] !== '–');
  assert.equal(told.length, series.start.filter((_, i) => wanted.some((one) => one[i] !== '–')).length, head.join());
  const known = series.start.map((_, i) => i).filter((i) => wanted.some((one) => one[i] !== '–'));
  told.forEach((row, i) => assert.deepEqual(row.slice(1, 1 + wanted.length), wanted.map((one) => one[known[i]]), `${title}: ${row}`));
  assert.ok(known.length > 100, `${title}: ${known.length} steps`);
}

async function sites(page, heard) {
  await open(page, '/sites?lang=en&period=7d');
  const [, ...rows] = await tableOf(page.locator('main table').first());
  const { rows: figures } = await api(heard.last('/api/v1/kpi', 'by=site'));
  assert.equal(rows.length, 4);
  for (const row of rows) {
    const one = figures.find(({ site }) => site === row[0]);
    assert.ok(row.includes(int(one.entered)) && row.some((text) => text.startsWith(pct(one.service_level.value)))
      && row.includes(pct(one.abandon_rate)), `${row}: ${JSON.stringify(one.service_level)}`);
  }
}

async function queues(page, heard) {
  await open(page, '/site/vigo?lang=en&period=7d');
  const [row] = (await api(heard.last('/api/v1/kpi', 'by=total'))).rows;
  const figures = '[aria-label="Figures of the period"]';
  const shownBy = { 'Service level': pct(row.service_level.value), Offered: int(row.entered), Answered: int(row.answered),
    Abandoned: int(row.abandoned), 'Abandon rate': pct(row.abandon_rate), 'Speed of answer': dur(row.asa_ms),
    'Wait, 90th percentile': dur(row.wait_answered_ms.p90), 'Handle time': dur(row.aht_ms) };
  for (const [label, value] of Object.entries(shownBy)) assert.equal((await tile(page, label, figures)).value, value, label);
  const sub = (await tile(page, 'Service level', figures)).sub;
  assert.ok(sub.includes(`(${row.service_level.method})`) && sub.includes(' / '), sub);
  const [head, ...rows] = await tableOf(panel(page, 'Queues').locator('table'));
  const byQueue = (await api(heard.last('/api/v1/kpi', 'by=queue'))).rows;
  assert.equal(rows.length, byQueue.length);
  const cell = (cells, name) => cells[head.indexOf(name)];
  for (const cells of rows) {
    const one = byQueue.find(({ queue }) => queue === cells[0]);
    assert.equal(cell(cells, 'Offered'), int(one.entered));
    assert.equal(cell(cells, 'Answered'), int(one.answered));
    assert.ok(cell(cells, 'Service level').startsWith(pct(one.service_level.value)), cells.join());
    assert.equal(cell(cells, 'Speed of answer'), dur(one.asa_ms));
  }
}

// ---- the threshold ----

const LOCAL = ['asterisk_sl', 'amazon', 'genesys', 'genesys_no_short', 'uccx_without_abandon', 'uccx_negative'];
const ASKED = ['ucce_negative', 'genesys_flow_outs', 'newvoicemedia'];

const levelNow = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
  const { level, threshold } = document.querySelector('.level-number').dataset;
  done({ level: Number(level), threshold: Number(threshold), text: document.querySelector('.level-number').textContent,
    slider: Number(document.querySelector('.threshold-slide input').value) });
}))));

async function isTold(address, method, found) {
  const url = new URL(address, 'http://any');
  url.searchParams.set('service_level', `${found.threshold}s`);
  url.searchParams.set('service_level_method', method);
  const { service_levels: levels } = await api(url.pathname + url.search);
  const { value } = levels.find((one) => one.method === method);
  const [row] = (await api(url.href.replace('http://any', '').replace('/distribution', '/kpi'))).rows;
  const what = `${method} at ${found.threshold} s: ${JSON.stringify(found)}, told ${value}`;
  assert.ok(Math.abs(row.service_level.value - value) < 1e-12, what);
  assert.ok(Math.abs(found.level - value) < 1e-12, what);
  assert.equal(found.text, pct(value, 2), what);
}

async function threshold(page, heard) {
  await open(page, '/site/vigo/queue/sales?lang=en&period=7d');
  const address = heard.last('/api/v1/distribution');
  const slider = page.locator('.threshold-slide input');
  const typed = page.locator('.threshold input.seconds');
  const methods = page.locator('.threshold-method select');
  const values = new Set();
  for (const [i, method] of LOCAL.entries()) {
    await methods.selectOption(method);
    await settled(page);
    await page.route('**/api/v1/**', () => undefined); // nothing is answered: what is shown comes from the page
    const found = [];
    if (i % 3 === 0) {
      await slider.focus();
      for (let step = 0; step < 6; step++) {
        await page.keyboard.press(step < 4 ? 'ArrowLeft' : 'PageUp');
        found.push(await levelNow(page));
      }
      assert.equal(new Set(found.map((one) => one.threshold)).size >= 5, true, JSON.stringify(found));
    } else if (i % 3 === 1) {
      const box = await slider.boundingBox();
      for (const share of [0.1, 0.03, 0.35]) {
        await page.mouse.click(box.x + box.width * share, box.y + box.height / 2);
        found.push(await levelNow(page));
      }
      assert.ok(found.every((one) => one.threshold === one.slider), JSON.stringify(found));
    } else {
      for (const seconds of ['3', '33', '9']) {
        await typed.fill(seconds);
        found.push(await levelNow(page));
        assert.equal(found.at(-1).threshold, Number(seconds));
      }
    }
    await page.unroute('**/api/v1/**');
    for (const one of found) await isTold(address, method, one);
    for (const one of found) values.add(one.level);
    await open(page, page.url().split(location_origin(page)).pop());
  }
  assert.ok(values.size > 8, `${values.size} levels`); // a slider that moves nothing is not equal by chance
  for (const method of ASKED) {
    await methods.selectOption(method);
    await typed.fill('7');
    await page.waitForURL((url) => url.searchParams.get('threshold') === '7' && url.searchParams.get('method') === method);
    await settled(page);
    await isTold(address, method, await levelNow(page));
    await typed.fill('20');
    await page.waitForURL((url) => url.searchParams.get('threshold') === '20');
  }
}

const location_origin = (page) => new URL(page.url()).origin;

// ---- what is missing ----

async function missing(page) {
  await open(page, '/?lang=en&period=7d');
  const today = await tile(page, 'Service level today');
  assert.ok(today.marked && today.sub.includes('chengdu'), today.sub);
  await open(page, '/?lang=en&group=iberia');
  assert.equal((await tile(page, 'Service level today')).marked, false);
  for (const [site, reason] of [['lima', /lima: .*bytes of the log were gone/]]) {
    await open(page, `/site/${site}?lang=en&period=7d`);
    const level = await tile(page, 'Service level', '[aria-label="Figures of the period"]');
    assert.ok(level.marked && reason.test(level.sub), `${site}: ${level.sub}`);
    const course = panel(page, 'Service level over time');
    assert.equal(await course.locator('.chart-legend').count(), 1, site);
    await course.getByRole('button', { name: 'As table' }).click();
    const rows = await tableOf(course.locator('table'));
    assert.ok(rows.some((row) => row.at(-1) === 'No') && rows.some((row) => row.at(-1) === 'Yes'), site);
  }
  await open(page, '/site/chengdu?lang=en&period=7d');
  const silent = await tile(page, 'Service level', '[aria-label="Figures of the period"]');
  assert.ok(silent.marked && silent.sub.includes('chengdu'), `chengdu: ${silent.sub}`);
  await open(page, '/site/vigo?lang=en&period=7d');
  assert.equal((await tile(page, 'Service level', '[aria-label="Figures of the period"]')).marked, false);
  assert.equal(await page.locator('.chart-legend, .notice').count(), 0);
}

// ---- what goes out ----

async function exported(page, heard) {
  await open(page, '/site/vigo?lang=en&period=7d');
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  const download = await coming;
  assert.match(download.suggestedFilename(), /^ringside-kpi-vigo-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const text = readFileSync(await download.path(), 'utf8');
  const [head, ...lines] = text.trim().split('\n').map((line) => line.split(','));
  const { rows } = await api(heard.last('/api/v1/export').replace('/export', '/kpi'));
  assert.equal(lines.length, rows.length);
  for (const line of lines) {
    const row = rows.find(({ queue }) => queue === line[head.indexOf('queue')]);
    for (const name of ['entered', 'answered', 'abandoned', 'lost']) assert.equal(Number(line[head.indexOf(name)]), row[name], name);
  }
}

async function printed(page) {
  await page.emulateMedia({ colorScheme: 'dark', media: 'print', reducedMotion: 'reduce' });
  for (const path of ['/?lang=en&period=7d', '/site/lima?lang=en&period=7d', '/alerts?lang=en']) {
    await open(page, path);
    const found = await page.evaluate(() => ({
      dark: [document.documentElement, document.body, ...document.querySelectorAll('.panel, .tile, table')].filter((one) => {
        const [r, g, b, a = 1] = getComputedStyle(one).backgroundColor.match(/[\d.]+/g).map(Number);
        return a > 0 && r + g + b < 600;
      }).map((one) => one.className),
      controls: [...document.querySelectorAll('.nav, .skip, .settings, .button')]
        .filter((one) => !one.closest('.ratio') && one.getClientRects().length > 0).map((one) => one.outerHTML.slice(0, 80)),
      text: Number(getComputedStyle(document.body).color.match(/\d+/)[0]),
    }));
    assert.deepEqual([found.dark, found.controls], [[], []], path);
    assert.ok(found.text < 100, `${path}: text of ${found.text}`);
    assert.ok((await page.pdf({ format: 'A4' })).length > 10_000, path);
  }
  await page.emulateMedia({ colorScheme: 'light', media: 'screen', reducedMotion: 'reduce' });
}

const PARTS = { overview, sites, queues, threshold, missing, exported, printed };
const wanted = process.env.ONLY?.split(',') ?? Object.keys(PARTS);

await withBrowser(async (browser) => {
  const visited = await visit(browser, { path: '/?lang=en', viewport: { width: 1600, height: 1000 } });
  await settled(visited.page);
  const heard = listen(visited.page);
  for (const name of wanted) await PARTS[name](visited.page, heard);
  await close(visited);
});
