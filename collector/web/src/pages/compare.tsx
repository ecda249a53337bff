// /compare: two periods, sites or queues beside each other, B against A.
import type { EChartsCoreOption } from 'echarts/core';
import type { ComponentChildren } from 'preact';
import { PATH, useAnswer, type Answer, type Column, type KpiDocument, type KpiRow, type TimeseriesDocument } from '../api';
import { countAll } from '../bins';
import { base, Chart, column, useLook, type Look } from '../chart';
import { Controls } from '../controls';
import { decimal, dur, int, moment, pct } from '../format';
import { levelFormula } from '../levels';
import { usePlace, useParam } from '../route';
import { lang, t } from '../text';
import { Button, Empty, Formula, Grid, MissingMark, Page, Panel, Select, Tile, Tiles, Value, cls } from '../ui';
import { stepOf, useZone } from '../view';
import { tt } from './compare.text';
import { SidePicker, sideText, spanText, swap, useSide, useWhen, type Side } from './compare_sides';
import { divided, withMarks } from './queue_marks';
import type { Waits } from './queue_subject';
import { labelStyle, stepSeconds, wholeText } from './queue_time';
import { barsOf } from './queue_waits';
import { Shown } from './site_shown';
import './compare.css';

type Format = (value: number | null | undefined) => string;

// ---- figures ----

interface Figure {
  label: string;
  of: (row: KpiRow) => number | null;
  format: Format;
  share?: boolean; // differences are points of a hundred
  good?: 'more' | 'less';
  formula?: (row: KpiRow) => string;
}

function figures(): Figure[] {
  return [
    {
      label: t('f.service_level'),
      of: (row) => row.service_level.value,
      format: pct,
      share: true,
      good: 'more',
      formula: ({ service_level: { method, threshold_s } }) => `${levelFormula(method, lang.get(), threshold_s * 1000, null)} (${method})`,
    },
    { label: t('f.abandon_rate'), of: (row) => row.abandon_rate, format: pct, share: true, good: 'less', formula: () => t('ratio.abandon') },
    { label: t('f.entered'), of: (row) => row.entered, format: int },
    { label: t('f.answered'), of: (row) => row.answered, format: int },
    { label: t('f.abandoned'), of: (row) => row.abandoned, format: int, good: 'less' },
    { label: t('f.asa_ms'), of: (row) => row.asa_ms, format: dur, good: 'less' },
    { label: tt('p90'), of: (row) => row.wait_answered_ms.p90, format: dur, good: 'less' },
    { label: t('f.aht_ms'), of: (row) => row.aht_ms, format: dur },
  ];
}

function signed(figure: Figure, difference: number): string {
  const size = Math.abs(difference);
  const text = figure.share ? tt('points', { n: decimal(size * 100, 1) }) : figure.format(size);
  return (difference > 0 ? '+' : difference < 0 ? '−' : '±') + text;
}

function Difference({ figure, a, b }: { figure: Figure; a: number | null; b: number | null }) {
  if (a === null || b === null) return null;
  const difference = a - b;
  const better = difference !== 0 && figure.good ? difference > 0 === (figure.good === 'more') : null;
  return (
    <span class={cls('difference', better !== null && (better ? 'tone-ok' : 'tone-bad'))} title={tt('difference')}>
      {signed(figure, difference)} {better !== null && (better ? tt('better') : tt('worse'))}
    </span>
  );
}

interface Pair<T> {
  a: Answer<T>;
  b: Answer<T>;
}

function FigurePairs({ a, b, zone }: { a: KpiDocument; b: KpiDocument; zone: string }) {
  const [rowA, rowB] = [a.rows[0], b.rows[0]];
  if (!rowA && !rowB) return <Empty>{tt('nothing')}</Empty>;
  const judged = (row: KpiRow | undefined) => row && `${row.service_level.method} ${row.service_level.threshold_s}`;
  const differs = rowA && rowB && judged(rowA) !== judged(rowB);
  return (
    <>
      <div class="pairs">
        <Tiles label={tt('figures')}>
          {figures().map((figure) => {
            const [x, y] = [rowA ? figure.of(rowA) : null, rowB ? figure.of(rowB) : null];
            const row = rowA ?? rowB;
            return (
              <Tile
                key={figure.label}
                label={figure.label}
                value={<Value v={x} f={figure.format} />}
                missing={a}
                zone={zone}
                sub={
                  <>
                    <span class="pair-b">
                      {tt('sideB')}: <Value v={y} f={figure.format} /> {!b.complete && <MissingMark missing={b} zone={zone} />}
                    </span>
                    <Difference figure={figure} a={x} b={y} />
                    {figure.formula && row && <Formula text={figure.formula(row)} />}
                  </>
                }
              />
            );
          })}
        </Tiles>
      </div>
      {differs && <p class="notice">{tt('differs')}</p>}
    </>
  );
}

// ---- over time ----

const METRICS = ['service_level', 'entered', 'answered', 'abandoned', 'abandon_rate', 'asa_ms', 'wait_p90_ms'] as const;
type Metric = (typeof METRICS)[number];

function metricName(metric: Metric): string {
  return metric === 'wait_p90_ms' ? tt('p90') : t(`f.${metric}`);
}

function metricFormat(metric: Metric): Format {
  return metric === 'service_level' || metric === 'abandon_rate' ? pct : metric.endsWith('_ms') ? dur : int;
}

interface Aligned {
  values: Column;
  complete: (boolean | null)[];
  starts: (string | null)[];
}

// By how many steps after the beginning of the side's period.
function align(document: TimeseriesDocument, metric: Metric, side: Side, length: number): Aligned {
  const out: Aligned = { values: Array(length).fill(null), complete: Array(length).fill(null), starts: Array(length).fill(null) };
  const series = document.series[0];
  const values = column(series, metric);
  series?.start.forEach((start, i) => {
    const at = Math.round((Date.parse(start) - side.span.from_ms) / (stepSeconds(document) * 1000));
    if (at < 0 || at >= length) return;
    out.values[at] = values[i] ?? null;
    out.complete[at] = series.complete[i] ?? null;
    out.starts[at] = start;
  });
  return out;
}

function lengthOf(document: TimeseriesDocument, side: Side): number {
  const starts = document.series[0]?.start ?? [];
  const last = starts[starts.length - 1];
  return last === undefined ? 0 : Math.round((Date.parse(last) - side.span.from_ms) / (stepSeconds(document) * 1000)) + 1;
}

function CourseChart({ a, b, sides, metric }: { a: TimeseriesDocument; b: TimeseriesDocument; sides: [Side, Side]; metric: Metric }) {
  const length = Math.max(lengthOf(a, sides[0]), lengthOf(b, sides[1]));
  if (length === 0) return <Empty />;
  const [x, y] = [align(a, metric, sides[0], length), align(b, metric, sides[1], length)];
  const format = metricFormat(metric);
  const zone = sides[0].zone;
  const style = labelStyle(a, sides[0].span);
  const labels = x.values.map((_, i) => moment(sides[0].span.from_ms + i * stepSeconds(a) * 1000, zone, style));
  const startB = (i: number) => (y.starts[i] ? moment(y.starts[i], zone, 'stamp') : '');
  const whole = x.complete.map((complete, i) => (complete === false || y.complete[i] === false ? false : complete ?? y.complete[i] ?? null));
  const nameOf = (i: 0 | 1) => `${tt(i === 0 ? 'sideA' : 'sideB')}: ${sideText(sides[i])}`;
  const option = (look: Look): EChartsCoreOption => {
    const names = [nameOf(0), nameOf(1)];
    const made = base(look, {
      labels,
      format: (value) => (format === pct ? pct(value, 0) : format(value)),
      legend: names,
      zoom: true,
      ...(metric === 'service_level' ? { max: 1 } : {}),
      tip: (i) => ({
        title: labels[i] ?? '',
        rows: [
          { label: tt('sideA'), value: format(x.values[i]), color: look.series[0] ?? '' },
          { label: `${tt('sideB')} ${startB(i)}`, value: format(y.values[i]), color: look.series[1] ?? '' },
        ],
        notes: whole[i] === false ? [t('missing.short')] : [],
      }),
    });
    const axis = metric === 'service_level' ? 'share' : metric.endsWith('_ms') ? 'duration' : metric === 'abandon_rate' ? null : 'count';
    const line = (name: string | undefined, values: Column, color: string | undefined, dashed: boolean) => ({
      name,
      type: 'line',
      data: values,
      showSymbol: length < 3,
      itemStyle: { color },
      lineStyle: { color, width: 2, type: dashed ? 'dashed' : 'solid' },
    });
    const drawn = {
      ...made,
      ...(axis ? { yAxis: divided(made['yAxis'], axis, [...x.values, ...y.values]) } : {}),
      series: [line(names[0], x.values, look.series[0], false), line(names[1], y.values, look.series[1], true)],
    };
    return withMarks(look, drawn, whole);
  };
  return (
    <Chart
      summary={`${metricName(metric)}: ${sideText(sides[0])}, ${sideText(sides[1])}`}
      marked={whole.includes(false)}
      deps={[a, b, metric]}
      option={option}
      table={() => ({
        caption: metricName(metric),
        columns: [tt('sideA'), nameOf(0), tt('sideB'), nameOf(1), t('chart.complete')],
        rows: labels.map((label, i) => [label, format(x.values[i]), startB(i), format(y.values[i]), wholeText(whole[i])]),
      })}
    />
  );
}

function CoursePanel({ sides }: { sides: [Side, Side] }) {
  const [asked, set] = useParam('metric');
  const metric = METRICS.find((name) => name === asked) ?? 'service_level';
  const step = stepOf(sides[0].span.to_ms - sides[0].span.from_ms >= sides[1].span.to_ms - sides[1].span.from_ms ? sides[0].span : sides[1].span);
  const question = (side: Side) => ({ ...side.params, step, by: side.queue ? 'queue' : 'total', fields: METRICS.join(',') });
  const a = useAnswer<TimeseriesDocument>(PATH.timeseries, question(sides[0]));
  const b = useAnswer<TimeseriesDocument>(PATH.timeseries, question(sides[1]));
  return (
    <Panel
      title={tt('overTime')}
      sub={t(`step.${step}`)}
      actions={
        <Select
          label={tt('metric')}
          showLabel={false}
          value={metric}
          onChange={(value) => set(value === 'service_level' ? null : value)}
          options={METRICS.map((value) => ({ value, label: metricName(value) }))}
        />
      }
    >
      <Both pair={{ a, b }} height="320px">
        {(x, y) => <CourseChart a={x} b={y} sides={sides} metric={metric} />}
      </Both>
    </Panel>
  );
}

// ---- waits ----

function WaitsPair({ a, b, sides }: { a: Waits; b: Waits; sides: [Side, Side] }) {
  const bars = barsOf(a.wait_answered_ms.bins, b.wait_answered_ms.bins, null);
  const share = (counts: readonly number[], total: number) => counts.map((count) => (total === 0 ? null : count / total));
  const totals = [countAll(a.wait_answered_ms.bins), countAll(b.wait_answered_ms.bins)] as const;
  const [x, y] = [share(bars.answered, totals[0]), share(bars.abandoned, totals[1])];
  if (totals[0] + totals[1] === 0) return <Empty />;
  const names = [`${tt('sideA')}: ${sideText(sides[0])}`, `${tt('sideB')}: ${sideText(sides[1])}`];
  return (
    <Chart
      summary={tt('waitsCaption')}
      deps={[a, b]}
      option={(look) => ({
        ...base(look, {
          labels: bars.labels,
          legend: names,
          format: (value) => pct(value, 0),
          tip: (i) => ({
            title: `${tt('waitUpTo')} ${bars.labels[i]}`,
            rows: [
              { label: tt('sideA'), value: `${pct(x[i])} · ${int(bars.answered[i])}`, color: look.series[0] ?? '' },
              { label: tt('sideB'), value: `${pct(y[i])} · ${int(bars.abandoned[i])}`, color: look.series[1] ?? '' },
            ],
          }),
        }),
        series: [x, y].map((data, i) => ({ name: names[i], type: 'bar', data, barGap: '8%', barCategoryGap: '24%', itemStyle: { color: look.series[i] } })),
      })}
      table={() => ({
        caption: tt('waitsCaption'),
        columns: [tt('waitUpTo'), names[0] ?? '', names[1] ?? ''],
        rows: bars.labels.map((label, i) => [label, `${pct(x[i])} (${int(bars.answered[i])})`, `${pct(y[i])} (${int(bars.abandoned[i])})`]),
      })}
    />
  );
}

function WaitsPanel({ sides }: { sides: [Side, Side] }) {
  const a = useAnswer<Waits>(PATH.distribution, sides[0].params);
  const b = useAnswer<Waits>(PATH.distribution, sides[1].params);
  return (
    <Panel title={tt('waits')} note={<Formula text={tt('share')} />}>
      <Both pair={{ a, b }} height="320px">
        {(x, y) => <WaitsPair a={x} b={y} sides={sides} />}
      </Both>
    </Panel>
  );
}

// ---- the page ----

function Both<T>({ pair, height, children }: { pair: Pair<T>; height: string; children: (a: T, b: T) => ComponentChildren }) {
  return (
    <Shown of={pair.a} height={height}>
      {(a) => (
        <Shown of={pair.b} height={height}>
          {(b) => children(a, b)}
        </Shown>
      )}
    </Shown>
  );
}

function Legend({ sides }: { sides: [Side, Side] }) {
  const look = useLook();
  return (
    <ul class="sides-legend">
      {sides.map((side, i) => (
        <li key={side.name}>
          <span class="side-dot" style={{ background: look.series[i] ?? '' }} aria-hidden="true" />
          <strong>{tt(i === 0 ? 'sideA' : 'sideB')}</strong> {sideText(side)} <span class="muted">{spanText(side)}</span>
        </li>
      ))}
    </ul>
  );
}

export default function ComparePage() {
  const { query } = usePlace();
  const zone = useZone().zone;
  const when = useWhen();
  const sides: [Side, Side] = [useSide('a'), useSide('b')];
  const question = (side: Side) => ({ ...side.params, by: side.queue ? 'queue' : 'total' });
  const a = useAnswer<KpiDocument>(PATH.kpi, question(sides[0]));
  const b = useAnswer<KpiDocument>(PATH.kpi, question(sides[1]));
  return (
    <Page
      title={t('nav.compare')}
      lead={tt('lead')}
      actions={
        <>
          <Button onClick={() => swap(query, when, sides[1].span, zone)}>⇄ {tt('swap')}</Button>
          <Controls zone={zone} ratio />
        </>
      }
    >
      <Grid>
        <SidePicker side={sides[0]} when={when} />
        <SidePicker side={sides[1]} when={when} />
      </Grid>
      <Legend sides={sides} />
      <Both pair={{ a, b }} height="240px">
        {(x, y) => <FigurePairs a={x} b={y} zone={zone} />}
      </Both>
      <CoursePanel sides={sides} />
      <WaitsPanel sides={sides} />
    </Page>
  );
}
