// chart: a drawn chart with the same data as a table one switch away.
//
//   <Chart summary="what it shows, in a sentence" table={{caption, columns, rows}} height={260}
//          option={(look) => ({...base(look, {...}), series: [...]})} deps={[what the option is made from]} />
//     `option` is called anew when deps, theme or language change. No inline HTML: tooltips are made by tip().
//   base(look, {starts, labels})     grid, axes, tooltip and legend in the page's style
//   incompleteArea(look, complete)   markArea for a bar series that carries it: hatched spans where data is missing
//   incompleteSeries(look, complete) a series of its own for charts of lines, whose markAreas end amid the step
//   targetLine(look, value, label)   markLine
//   fillSteps(starts, step_s)        every step from the first to the last, with the position in the answer or -1
//   pick(column, places)             the column along those steps, null where nothing is held
//   LEVELS, <HeatMap/>               hours by weekdays as a real table, coloured
import type { ComponentChildren } from 'preact';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { createStore, useStore } from './store';
import { Button, Scroll, Skeleton, cls } from './ui';
import { t } from './text';

// ---- colours ----

export type Theme = 'light' | 'dark';
export const theme = createStore<Theme>('light');

export interface Look {
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  ok: string;
  warn: string;
  bad: string;
  series: string[]; // told apart by the colour-blind as well
  answered: string;
  abandoned: string;
  other: string;
  entered: string;
  hatch: string;
  font: string;
}

function readLook(): Look {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue('--' + name).trim();
  return {
    text: of('text'),
    muted: of('muted'),
    line: of('line'),
    surface: of('surface'),
    accent: of('accent'),
    ok: of('ok'),
    warn: of('warn'),
    bad: of('bad'),
    series: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => of('series-' + n)),
    answered: of('c-answered'),
    abandoned: of('c-abandoned'),
    other: of('c-other'),
    entered: of('c-entered'),
    hatch: of('c-hatch'),
    font: style.fontFamily,
  };
}

export function useLook(): Look {
  const now = useStore(theme);
  return useMemo(readLook, [now]);
}

// ---- steps of time ----

export interface Step {
  start: string;
  at: number; // position in the answer; -1: nothing is held
}

// Days are not all as long: half a step too much is still the next one.
export function fillSteps(starts: readonly string[], step_s: number): Step[] {
  const out: Step[] = [];
  let expected_ms = NaN;
  starts.forEach((start, at) => {
    const start_ms = Date.parse(start);
    while (start_ms - expected_ms > step_s * 500 && out.length < 20_000) {
      out.push({ start: new Date(expected_ms).toISOString(), at: -1 });
      expected_ms += step_s * 1000;
    }
    out.push({ start, at });
    expected_ms = start_ms + step_s * 1000;
  });
  return out;
}

export function pick<T>(column: readonly (T | null)[] | undefined, steps: readonly Step[]): (T | null)[] {
  return steps.map((step) => (step.at < 0 ? null : (column?.[step.at] ?? null)));
}

// A column of a series by its name.
export function column(series: Record<string, unknown> | undefined, field: string): (number | null)[] {
  const found = series?.[field];
  return Array.isArray(found) ? (found as (number | null)[]) : [];
}

// ---- options ----

export interface BaseWish {
  labels: string[]; // of the category axis
  format: (value: number) => string; // of the axis of values
  tip: (index: number) => TipContent;
  legend?: string[];
  max?: number;
  zoom?: boolean;
}

export interface TipContent {
  title: string;
  rows: { label: string; value: string; color?: string }[];
  notes?: string[];
}

// A tooltip as elements: the page's policy allows no inline style in markup.
export function tip(content: TipContent): HTMLElement {
  const root = document.createElement('div');
  root.className = 'chart-tip';
  const add = (parent: HTMLElement, tag: string, name: string, text?: string) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };
  add(root, 'div', 'chart-tip-title', content.title);
  for (const row of content.rows) {
    const line = add(root, 'div', 'chart-tip-row');
    const dot = add(line, 'span', 'chart-tip-dot');
    if (row.color) dot.style.background = row.color;
    add(line, 'span', 'chart-tip-label', row.label);
    add(line, 'span', 'chart-tip-value', row.value);
  }
  for (const note of content.notes ?? []) add(root, 'div', 'chart-tip-note', note);
  return root;
}

export function base(look: Look, wish: BaseWish): EChartsCoreOption {
  return {
    animation: false,
    textStyle: { fontFamily: look.font, color: look.text },
    grid: { left: 8, right: 12, top: wish.legend ? 34 : 12, bottom: 4, containLabel: true },
    ...(wish.legend
      ? { legend: { type: 'scroll', pageIconColor: look.muted, pageIconInactiveColor: look.line, pageTextStyle: { color: look.muted }, data: wish.legend, top: 0, left: 4, itemWidth: 10, itemHeight: 10, itemGap: 14, textStyle: { color: look.muted, fontSize: 12 }, inactiveColor: look.line } }
      : {}),
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      backgroundColor: look.surface,
      borderColor: look.line,
      padding: 0,
      axisPointer: { type: 'shadow', shadowStyle: { color: look.muted, opacity: 0.12 } },
      formatter: (items: { dataIndex: number }[]) => {
        const first = Array.isArray(items) ? items[0] : items;
        return first ? tip(wish.tip((first as { dataIndex: number }).dataIndex)) : '';
      },
    },
    xAxis: {
      type: 'category',
      data: wish.labels,
      axisLine: { lineStyle: { color: look.line } },
      axisTick: { show: false, interval: 0 }, // marked areas are laid out by them
      axisLabel: { color: look.muted, fontSize: 11, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: 0,
      ...(wish.max !== undefined ? { max: wish.max } : {}),
      ...(wish.max === 1 ? { interval: 0.25 } : {}),
      axisLabel: { color: look.muted, fontSize: 11, formatter: (value: number) => wish.format(value) },
      splitLine: { lineStyle: { color: look.line, opacity: 0.6 } },
      splitNumber: 4,
    },
    ...(wish.zoom ? { dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true, moveOnMouseWheel: false }] } : {}),
  };
}

const patterns = new Map<string, HTMLCanvasElement>();

// Slanting lines, for what is not whole.
export function hatch(color: string): { image: HTMLCanvasElement; repeat: 'repeat' } {
  let image = patterns.get(color);
  if (!image) {
    image = document.createElement('canvas');
    image.width = image.height = 8;
    const pen = image.getContext('2d');
    if (pen) {
      pen.strokeStyle = color;
      pen.lineWidth = 1.5;
      for (const at of [-8, 0, 8]) {
        pen.moveTo(at, 8);
        pen.lineTo(at + 8, 0);
      }
      pen.stroke();
    }
    patterns.set(color, image);
  }
  return { image, repeat: 'repeat' };
}

// Null counts as not complete where `holes` is set: a step in which nothing is held is then marked as well.
export function incompleteArea(look: Look, complete: readonly (boolean | null)[], holes = false): Record<string, unknown> {
  const data: unknown[] = [];
  const bad = (at: number) => complete[at] === false || (holes && complete[at] === null);
  for (let at = 0; at < complete.length; at++) {
    if (!bad(at)) continue;
    const from = at;
    while (at + 1 < complete.length && bad(at + 1)) at++;
    data.push([{ xAxis: from }, { xAxis: at }]);
  }
  return { markArea: { silent: true, itemStyle: { color: hatch(look.hatch), opacity: 0.9 }, data } };
}

export function incompleteSeries(look: Look, complete: readonly (boolean | null)[], holes = false): Record<string, unknown> {
  return { type: 'bar', name: '', silent: true, data: [], ...incompleteArea(look, complete, holes) };
}

export function targetLine(look: Look, value: number, label: string): Record<string, unknown> {
  return {
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: look.text, type: 'dashed', width: 1.5 },
      label: { formatter: label, position: 'insideEndTop', color: look.text, fontSize: 11, backgroundColor: look.surface, padding: [1, 3] },
      data: [{ yAxis: value }],
    },
  };
}

// ---- the chart ----

export interface ChartTable {
  caption: string;
  columns: string[]; // the first names the row
  rows: string[][];
}

interface ChartProps {
  summary: string;
  option: (look: Look) => EChartsCoreOption;
  deps: readonly unknown[];
  table: () => ChartTable; // called when it is shown
  height?: number;
  marked?: boolean; // some spans are hatched: says what that means
  foot?: ComponentChildren; // formulas and notices, beside the switch
  onReady?: (chart: EChartsType) => void | (() => void);
}

type Library = typeof import('./echarts');
let library: Promise<Library> | null = null;

// After the first paint: the page's figures are there before its charts.
function loadLibrary(): Promise<Library> {
  library ??= new Promise<void>((done) => requestAnimationFrame(() => setTimeout(done))).then(() => import('./echarts'));
  library.catch(() => (library = null));
  return library;
}

export function Chart({ summary, option, deps, table, height = 240, marked, foot, onReady }: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  return (
    <figure class="chart">
      {asTable ? (
        <DataTable {...table()} />
      ) : (
        <Canvas summary={summary} option={option} deps={deps} height={height} {...(onReady ? { onReady } : {})} />
      )}
      <figcaption class="chart-foot">
        {marked && !asTable && (
          <span class="chart-legend">
            <span class="hatch" aria-hidden="true" /> {t('missing.mark')}
          </span>
        )}
        {foot}
        <Button tone="quiet" pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {t('chart.table')}
        </Button>
      </figcaption>
    </figure>
  );
}

export function DataTable({ caption, columns, rows }: ChartTable) {
  return (
    <Scroll label={caption} class="chart-table">
      <table class="table">
        <caption class="sr">{caption}</caption>
        <thead>
          <tr>
            {columns.map((name, i) => (
              <th key={i} scope="col" class={i > 0 ? 'num' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((text, i) =>
                i === 0 ? (
                  <th key={i} scope="row">
                    {text}
                  </th>
                ) : (
                  <td key={i} class="num">
                    {text}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface CanvasProps {
  summary: string;
  option: (look: Look) => EChartsCoreOption;
  deps: readonly unknown[];
  height: number;
  onReady?: (chart: EChartsType) => void | (() => void);
}

function Canvas({ summary, option, deps, height, onReady }: CanvasProps) {
  const host = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<EChartsType | null>(null);
  const look = useLook();
  useEffect(() => {
    let drawn: EChartsType | null = null;
    let gone = false;
    let cleanup: void | (() => void);
    const watcher = new ResizeObserver(() => drawn?.resize());
    void loadLibrary().then(({ init }) => {
      const element = host.current;
      if (gone || !element) return;
      drawn = init(element, null, { renderer: 'canvas' });
      cleanup = onReady?.(drawn);
      watcher.observe(element);
      setChart(drawn);
    }, () => undefined);
    return () => {
      gone = true;
      watcher.disconnect();
      cleanup?.();
      drawn?.dispose();
    };
  }, []);
  useEffect(() => chart?.setOption(option(look), { notMerge: true }), [chart, look, ...deps]);
  return (
    <div class="chart-area" style={{ height: height + 'px' }}>
      {!chart && <Skeleton height={height + 'px'} />}
      <div ref={host} class="chart-host" role="img" aria-label={summary} style={{ height: height + 'px' }} />
    </div>
  );
}

// ---- heat map ----

export const LEVELS = 8; // classes heat-0 .. heat-7; 'volume' and 'level' scales in style.css

export interface HeatCell {
  level: number | null; // 0 .. LEVELS - 1; null: nothing held
  text: string; // the figure
  say: string; // the whole sentence, shown below when pointed at
  complete: boolean;
}

interface HeatMapProps {
  caption: string;
  days: string[]; // long names
  short: string[];
  cells: HeatCell[]; // 7 x 24, Monday midnight first
  scale: 'volume' | 'level';
  less: string;
  more: string;
}

// One cell can be reached with Tab, the others with the arrows.
export function HeatMap({ caption, days, short, cells, scale, less, more }: HeatMapProps) {
  const [at, setAt] = useState<number | null>(null);
  const [home, setHome] = useState(0);
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (event: KeyboardEvent, from: number) => {
    const by: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -24, ArrowDown: 24 };
    const to = from + (by[event.key] ?? 0);
    if (!by[event.key] || to < 0 || to >= cells.length) return;
    event.preventDefault();
    setHome(to);
    body.current?.querySelector<HTMLElement>(`[data-at="${to}"]`)?.focus();
  };
  const cell = at === null ? null : cells[at];
  return (
    <div class="heat">
      <table class={'heat-table heat-' + scale}>
        <caption class="sr">{caption}</caption>
        <thead>
          <tr>
            <td />
            {Array.from({ length: 24 }, (_, hour) => (
              <th key={hour} scope="col">
                <span class={hour % 3 === 0 ? '' : 'sr'}>{hour}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} onMouseLeave={() => setAt(null)}>
          {days.map((day, row) => (
            <tr key={day}>
              <th scope="row">
                <abbr title={day}>{short[row]}</abbr>
              </th>
              {cells.slice(row * 24, row * 24 + 24).map((item, hour) => {
                const index = row * 24 + hour;
                return (
                  <td
                    key={hour}
                    data-at={index}
                    tabIndex={index === home ? 0 : -1}
                    class={cls(item.level === null ? 'heat-none' : 'heat-' + item.level, !item.complete && 'is-incomplete')}
                    onMouseEnter={() => setAt(index)}
                    onFocus={() => {
                      setAt(index);
                      setHome(index);
                    }}
                    onBlur={() => setAt(null)}
                    onKeyDown={(event) => move(event, index)}
                  >
                    <span class="sr">{item.text + (item.complete ? '' : ', ' + t('missing.short'))}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <div class="heat-foot">
        <span class="heat-say" aria-hidden="true">
          {cell ? cell.say : '\u00a0'}
        </span>
        <span class="heat-key" aria-hidden="true">
          {less}
          <span class={'heat-scale heat-' + scale}>
            {Array.from({ length: LEVELS }, (_, level) => (
              <span key={level} class={'heat-' + level} />
            ))}
          </span>
          {more}
        </span>
      </div>
    </div>
  );
}
