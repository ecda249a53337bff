// queue_waits: how long callers waited, with a threshold that can be moved: the service level follows at once, computed
// from the bins as the collector would (levels.ts).
import type { EChartsCoreOption } from 'echarts/core';
import { useEffect, useRef, useState } from 'preact/hooks';
import { PATH, useAnswer } from '../api';
import { countAll, isExactLimit, percentile, regroup } from '../bins';
import { base, Chart, type ChartTable, type Look } from '../chart';
import { decimal, dur, int, pct } from '../format';
import { isLevelMethod, LEVEL_METHODS, LEVEL_PRODUCTS, levelFormula, levelOf, shortAbandons, type Level, type LevelMethod } from '../levels';
import { setParams, usePlace } from '../route';
import { lang } from '../text';
import { Button, Empty, Field, Formula, Notice, Panel, Scroll, Select, Unknown, cls } from '../ui';
import { divided } from './queue_marks';
import { tt } from './queue.text';
import { countsOf, type Asking, type Waits } from './queue_subject';
import { Shown } from './site_shown';
import './queue_waits.css';

const SLIDER_MAX_S = 300;
const THRESHOLD_MAX_S = 9990;
const PRESETS_S = [10, 20, 30, 60, 120];
const COMMIT_MS = 300;

// Fine where most waits are, coarse above: a bar each.
const EDGES_S = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300, 420, 600, 900, 1200, 1800, 3600];

// ---- the threshold ----

interface Threshold {
  ms: number;
  settled: boolean; // the address and so the questions follow
  move: (ms: number) => void;
}

function useThreshold(asking: Asking, waits: Waits): Threshold {
  const [moving, setMoving] = useState<number | null>(null);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const told_s = asking.ratio.threshold_s ?? waits.settings.threshold_s;
  const move = (ms: number) => {
    setMoving(ms);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setParams({ threshold: String(ms / 1000) });
      setMoving(null);
    }, COMMIT_MS);
  };
  return { ms: moving ?? told_s * 1000, settled: moving === null && waits.settings.threshold_s === told_s, move };
}

function clampSeconds(text: string): number | null {
  const value = Math.round(Number(text));
  return text.trim() === '' || !Number.isFinite(value) ? null : Math.min(THRESHOLD_MAX_S, Math.max(0, value));
}

function ThresholdControl({ threshold }: { threshold: Threshold }) {
  const s = threshold.ms / 1000;
  const take = (text: string) => {
    const value = clampSeconds(text);
    if (value !== null) threshold.move(value * 1000);
  };
  return (
    <div class="threshold">
      <label class="field threshold-slide">
        <span class="field-label">{tt('threshold')}</span>
        <input
          type="range"
          min="1"
          max={SLIDER_MAX_S}
          step="1"
          value={Math.min(SLIDER_MAX_S, Math.max(1, s))}
          aria-valuetext={`${s} s`}
          onInput={(event) => take(event.currentTarget.value)}
        />
      </label>
      <Field label={tt('thresholdSeconds')}>
        <input type="number" class="seconds" min="0" max={THRESHOLD_MAX_S} step="1" value={s} onInput={(event) => take(event.currentTarget.value)} />
      </Field>
      <div class="presets" role="group" aria-label={tt('threshold')}>
        {PRESETS_S.map((preset) => (
          <button key={preset} type="button" class={cls('preset', preset === s && 'is-on')} aria-pressed={preset === s} onClick={() => threshold.move(preset * 1000)}>
            {preset} s
          </button>
        ))}
      </div>
    </div>
  );
}

function MethodControl({ asking, method, short_s }: { asking: Asking; method: string; short_s: number }) {
  const { query } = usePlace();
  const own = { value: '', label: asking.ratio.method ? tt('reset') : tt('methodDefault', { method }) };
  return (
    <div class="threshold-method">
      <Select
        label={tt('method')}
        value={asking.ratio.method ?? ''}
        onChange={(value) => setParams({ method: value })}
        options={[own, ...LEVEL_METHODS.map((name) => ({ value: name as string, label: `${name} – ${LEVEL_PRODUCTS[name]}` }))]}
      />
      <Field label={tt('short')}>
        <input
          type="number"
          class="seconds"
          min="0"
          max="600"
          step="1"
          value={short_s}
          onChange={(event) => setParams({ short: event.currentTarget.value })}
        />
      </Field>
      {(query.has('threshold') || query.has('method') || query.has('short')) && (
        <Button tone="quiet" onClick={() => setParams({ threshold: null, method: null, short: null })}>
          {tt('reset')}
        </Button>
      )}
    </div>
  );
}

// ---- the level ----

// What the counts do not tell the collector does, once it was asked with this threshold.
function levelHere(method: LevelMethod, waits: Waits, threshold: Threshold): Level | 'asking' | { told: number | null } {
  const level = levelOf(method, countsOf(waits), threshold.ms, waits.settings.short_abandon_s * 1000);
  if (level) return level;
  const told = threshold.settled ? waits.service_levels.find((one) => one.method === method) : undefined;
  return told ? { told: told.value } : 'asking';
}

// With the digits that the collector writes.
function asTold(value: number | null): string {
  return value === null ? '' : String(Number(value.toPrecision(15)));
}

function LevelShown({ method, waits, threshold, target }: { method: string; waits: Waits; threshold: Threshold; target: number }) {
  const s = threshold.ms / 1000;
  const short_ms = waits.settings.short_abandon_s * 1000;
  const found = isLevelMethod(method) ? levelHere(method, waits, threshold) : 'asking';
  const value = found === 'asking' ? null : 'told' in found ? found.told : found.value;
  const counted = found !== 'asking' && 'above' in found ? `${int(found.above)} / ${int(found.below)}` : null;
  return (
    <div class="level">
      <output class="level-value" aria-live="polite" aria-busy={found === 'asking' ? 'true' : 'false'}>
        <span class="level-label">{tt('levelIs', { s: decimal(s, 3) })}</span>
        <span class={cls('level-number', value !== null && (value >= target ? 'tone-ok' : 'tone-bad'))} data-level={asTold(value)} data-threshold={s}>
          {value === null ? <Unknown /> : pct(value, 2)}
        </span>
      </output>
      <div class="level-how">
        <Formula text={`${levelFormula(method, lang.get(), threshold.ms, short_ms)} (${method})`} />
        {counted && <span class="level-counts">= {counted}</span>}
        {found === 'asking' && <span>{tt('levelAsking')}</span>}
        {found !== 'asking' && value === null && <span>{tt('levelNone')}</span>}
        <span>{tt('shortAbandons', { s: decimal(short_ms / 1000, 3), n: shortAbandons(countsOf(waits), short_ms) })}</span>
        {!isExactLimit(threshold.ms) && <span class="tone-warn">{tt('notExact', { s: decimal(s, 3) })}</span>}
      </div>
    </div>
  );
}

function EveryMethod({ waits, threshold }: { waits: Waits; threshold: Threshold }) {
  const short_ms = waits.settings.short_abandon_s * 1000;
  return (
    <details class="every-method">
      <summary>{tt('allMethods')}</summary>
      <Scroll label={tt('allMethods')}>
        <table class="table">
          <caption class="sr">{tt('allMethods')}</caption>
          <thead>
            <tr>
              <th scope="col">{tt('method')}</th>
              <th scope="col" class="num">
                {tt('value')}
              </th>
              <th scope="col" class="num">
                {tt('counts')}
              </th>
              <th scope="col">{tt('formula')}</th>
            </tr>
          </thead>
          <tbody>
            {LEVEL_METHODS.map((method) => {
              const found = levelHere(method, waits, threshold);
              const value = found === 'asking' ? null : 'told' in found ? found.told : found.value;
              return (
                <tr key={method}>
                  <th scope="row" title={LEVEL_PRODUCTS[method]}>
                    {method}
                  </th>
                  <td class="num">{found === 'asking' ? '…' : value === null ? <Unknown /> : pct(value, 2)}</td>
                  <td class="num">{found !== 'asking' && 'above' in found ? `${int(found.above)} / ${int(found.below)}` : ''}</td>
                  <td class="formula-cell">{levelFormula(method, lang.get(), threshold.ms, short_ms)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

// ---- the chart ----

interface Bars {
  labels: string[];
  answered: number[];
  abandoned: number[];
  within: boolean[]; // all of the bar is within the threshold
  share: (number | null)[]; // of the answered, up to here
}

// The threshold is an edge of its own, so that a bar lies on one side of it.
export function barsOf(answered: readonly number[], abandoned: readonly number[], threshold_ms: number | null): Bars {
  const edges_ms = [...new Set([...EDGES_S.map((s) => s * 1000), ...(threshold_ms ? [threshold_ms] : [])])].sort((a, b) => a - b);
  const a = regroup(answered, edges_ms);
  const b = regroup(abandoned, edges_ms);
  let last = a.length - 1;
  const keep = threshold_ms === null ? 0 : edges_ms.indexOf(threshold_ms) + 1;
  while (last > Math.max(keep, 8) && a[last] === 0 && b[last] === 0) last--;
  const total = countAll(answered);
  let sum = 0;
  const share = a.map((n) => (total === 0 ? null : (sum += n) / total));
  const labels = a.map((_, i) => (i < edges_ms.length ? edgeText(edges_ms[i]!) : '> ' + edgeText(edges_ms[edges_ms.length - 1]!)));
  const within = a.map((_, i) => threshold_ms !== null && i < edges_ms.length && edges_ms[i]! <= threshold_ms);
  const cut = <T,>(list: T[]): T[] => list.slice(0, last + 1);
  return { labels: cut(labels), answered: cut(a), abandoned: cut(b), within: cut(within), share: cut(share) };
}

function edgeText(ms: number): string {
  const s = ms / 1000;
  return s < 60 || s % 60 !== 0 ? `${s} s` : `${s / 60} min`;
}

function optionOf(look: Look, bars: Bars, threshold_s: number): EChartsCoreOption {
  const names = [tt('withinBar', { s: threshold_s }), tt('laterBar'), tt('abandonedBar'), tt('shareBar')];
  const option = base(look, {
    labels: bars.labels,
    legend: names,
    format: int,
    tip: (i) => ({
      title: `${tt('waitUpTo')} ${bars.labels[i]}`,
      rows: [
        { label: bars.within[i] ? names[0]! : names[1]!, value: int(bars.answered[i]), color: bars.within[i] ? look.answered : look.other },
        { label: names[2]!, value: int(bars.abandoned[i]), color: look.abandoned },
        { label: names[3]!, value: pct(bars.share[i]), color: look.text },
      ],
    }),
  });
  const bar = (name: string, data: (number | null)[], color: string) => ({ name, type: 'bar', stack: 'callers', barCategoryGap: '12%', data, itemStyle: { color } });
  return {
    ...option,
    yAxis: [
      divided(option['yAxis'], 'count'),
      {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        splitLine: { show: false },
        axisLabel: { color: look.muted, fontSize: 11, formatter: (value: number) => pct(value, 0) },
      },
    ],
    series: [
      bar(names[0]!, bars.answered.map((n, i) => (bars.within[i] ? n : null)), look.answered),
      bar(names[1]!, bars.answered.map((n, i) => (bars.within[i] ? null : n)), look.other),
      bar(names[2]!, bars.abandoned, look.abandoned),
      { name: names[3], type: 'line', yAxisIndex: 1, data: bars.share, symbol: 'none', step: false, lineStyle: { color: look.text, width: 1.5 }, itemStyle: { color: look.text } },
    ],
  };
}

function tableOf(bars: Bars): ChartTable {
  return {
    caption: tt('waitsCaption'),
    columns: [tt('waitUpTo'), tt('answered'), tt('abandoned'), tt('shareBar')],
    rows: bars.labels.map((label, i) => [label, int(bars.answered[i]), int(bars.abandoned[i]), pct(bars.share[i])]),
  };
}

function WaitsShown({ asking, waits }: { asking: Asking; waits: Waits }) {
  const threshold = useThreshold(asking, waits);
  const method = asking.ratio.method ?? waits.settings.method;
  const { wait_answered_ms: answered, wait_abandoned_ms: abandoned } = waits;
  const bars = barsOf(answered.bins, abandoned.bins, threshold.ms);
  const summary = tt('waitsSummary', {
    answered: answered.count,
    abandoned: abandoned.count,
    p50: dur(percentile(answered.bins, 0.5, answered.max)),
    p95: dur(percentile(answered.bins, 0.95, answered.max)),
  });
  return (
    <>
      <div class="waits-head">
        <LevelShown method={method} waits={waits} threshold={threshold} target={asking.ratio.target} />
        <div class="waits-controls">
          <ThresholdControl threshold={threshold} />
          <MethodControl asking={asking} method={waits.settings.method} short_s={waits.settings.short_abandon_s} />
        </div>
      </div>
      {answered.count + abandoned.count === 0 ? (
        <Empty>{tt('noWaits')}</Empty>
      ) : (
        <>
          <p class="waits-summary">{summary}</p>
          <Chart summary={summary} height={280} deps={[waits, threshold.ms]} option={(look) => optionOf(look, bars, threshold.ms / 1000)} table={() => tableOf(bars)} />
        </>
      )}
      <EveryMethod waits={waits} threshold={threshold} />
    </>
  );
}

export function WaitsPanel({ asking }: { asking: Asking }) {
  const answer = useAnswer<Waits>(PATH.distribution, asking.params, { every_ms: 60_000 });
  return (
    <Panel title={tt('waits')} class="waits-panel" note={answer.data && !answer.data.complete && <Notice missing={answer.data} zone={asking.zone.zone} />}>
      <Shown of={answer} height="420px">
        {(waits) => <WaitsShown asking={asking} waits={waits} />}
      </Shown>
    </Panel>
  );
}
