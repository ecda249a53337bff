// Calls and service level of the period, step by step.
import { useMemo } from 'preact/hooks';
import type { Series, TimeseriesDocument } from '../api';
import { Chart, base, column, fillSteps, incompleteArea, incompleteSeries, pick, targetLine, type Look, type Step } from '../chart';
import { levelOf, otherExits } from '../figures';
import { UNKNOWN, int, moment, pct } from '../format';
import { t } from '../text';
import { Empty, Formula, Notice, missingBetween, missingReasons } from '../ui';
import { tt } from './overview.text';

interface Course {
  series: Series;
  steps: Step[];
  labels: string[];
  complete: (boolean | null)[];
}

const STEP_S = { interval: 0, hour: 3600, day: 86_400 };

function courseOf(data: TimeseriesDocument, zone: string): Course | null {
  const series = data.series[0];
  if (!series || series.start.length === 0) return null;
  const steps = fillSteps(series.start, STEP_S[data.step] || data.interval_s);
  const days = data.step === 'day';
  const oneDay = Date.parse(data.to) - Date.parse(data.from) <= 26 * 3_600_000;
  const labels = steps.map((step) => moment(step.start, zone, days ? 'day' : oneDay ? 'minute' : 'stamp'));
  const complete = pick(series.complete, steps);
  return { series, steps, labels, complete };
}

function useCourse(data: TimeseriesDocument, zone: string): Course | null {
  return useMemo(() => courseOf(data, zone), [data, zone]);
}

function titleOf(course: Course, data: TimeseriesDocument, zone: string, at: number): string {
  return moment(course.steps[at]?.start, zone, data.step === 'day' ? 'day' : 'hour');
}

const REASONS_SHOWN = 4;

function notesOf(course: Course, data: TimeseriesDocument, zone: string, at: number): string[] {
  if (course.complete[at] !== false) return [];
  const from_ms = Date.parse(course.steps[at]?.start ?? '');
  const to_ms = from_ms + (STEP_S[data.step] || data.interval_s) * 1000;
  const reasons = missingReasons(missingBetween(data, from_ms, to_ms), zone);
  const more = reasons.length - REASONS_SHOWN;
  return [t('missing.title'), ...reasons.slice(0, REASONS_SHOWN), ...(more > 0 ? [t('more', { n: more })] : [])];
}

function total(values: (number | null)[]): number {
  return values.reduce((sum: number, value) => sum + (value ?? 0), 0);
}

export function VolumeChart({ data, zone }: { data: TimeseriesDocument; zone: string }) {
  const course = useCourse(data, zone);
  if (!course) return <Empty />;
  const of = (field: string) => pick(column(course.series, field), course.steps);
  const entered = of('entered');
  const answered = of('answered');
  const abandoned = of('abandoned');
  const other = pick(otherExits(course.series), course.steps);
  const parts = (look: Look) =>
    [
      ['f.answered', answered, look.answered],
      ['f.abandoned', abandoned, look.abandoned],
      ['f.other', other, look.other],
    ] as const;
  const bars = (look: Look) =>
    parts(look).map(([key, values, color], i) => ({
      name: t(key),
      type: 'bar',
      stack: 'calls',
      data: values,
      itemStyle: { color },
      barCategoryGap: '18%',
      ...(i === 0 ? incompleteArea(look, course.complete) : {}),
    }));
  const option = (look: Look) => ({
    ...base(look, {
      labels: course.labels,
      format: int,
      legend: [t('f.entered'), ...parts(look).map(([key]) => t(key))],
      tip: (at) => ({
        title: titleOf(course, data, zone, at),
        rows: [
          { label: t('f.entered'), value: int(entered[at]), color: look.entered },
          ...parts(look).map(([key, values, color]) => ({ label: t(key), value: int(values[at]), color })),
        ],
        notes: notesOf(course, data, zone, at),
      }),
    }),
    series: [
      ...bars(look),
      { name: t('f.entered'), type: 'line', step: 'middle', symbol: 'none', data: entered, itemStyle: { color: look.entered }, lineStyle: { color: look.entered, width: 1.25 } },
    ],
  });
  const summary = tt('volumeSay', {
    step: t(`step.${data.step}`),
    entered: total(entered),
    answered: total(answered),
    abandoned: total(abandoned),
  });
  return (
    <Chart
      summary={summary}
      option={option}
      deps={[course]}
      height={250}
      foot={<Notice missing={data} zone={zone} />}
      table={() => ({
        caption: tt('volume'),
        columns: [t('chart.time'), t('f.entered'), t('f.answered'), t('f.abandoned'), t('f.other'), t('chart.complete')],
        rows: course.steps.map((_, at) => [
          titleOf(course, data, zone, at),
          int(entered[at]),
          int(answered[at]),
          int(abandoned[at]),
          int(other[at]),
          completeText(course, at),
        ]),
      })}
    />
  );
}

function completeText(course: Course, at: number): string {
  const complete = course.complete[at];
  return complete == null ? UNKNOWN : complete ? t('yes') : t('no');
}

export function LevelChart({ data, zone, target }: { data: TimeseriesDocument; zone: string; target: number }) {
  const course = useCourse(data, zone);
  if (!course) return <Empty />;
  const values = pick(column(course.series, 'service_level'), course.steps);
  const entered = pick(column(course.series, 'entered'), course.steps);
  const level = levelOf(course.series);
  const known = values.filter((value): value is number => value !== null);
  const option = (look: Look) => ({
    ...base(look, {
      labels: course.labels,
      format: (value) => pct(value, 0),
      max: Math.max(1, ...known),
      tip: (at) => ({
        title: titleOf(course, data, zone, at),
        rows: [
          { label: t('f.service_level'), value: pct(values[at]), color: look.series[0] ?? look.accent },
          { label: t('f.target'), value: pct(target, 0) },
          { label: t('f.entered'), value: int(entered[at]) },
        ],
        notes: notesOf(course, data, zone, at),
      }),
    }),
    series: [
      {
        name: t('f.service_level'),
        type: 'line',
        data: values,
        symbol: 'circle',
        symbolSize: 4,
        showSymbol: values.length < 120,
        connectNulls: false,
        itemStyle: { color: look.series[0] },
        lineStyle: { color: look.series[0], width: 2 },
        ...targetLine(look, target, `${t('f.target')} ${pct(target, 0)}`),
      },
      incompleteSeries(look, course.complete),
    ],
  });
  const low = Math.min(...known);
  const summary =
    known.length === 0
      ? tt('levelNone', { step: t(`step.${data.step}`) })
      : tt('levelSay', {
          step: t(`step.${data.step}`),
          target: pct(target, 0),
          low: pct(low),
          at: titleOf(course, data, zone, values.indexOf(low)),
        });
  return (
    <Chart
      summary={summary}
      option={option}
      deps={[course, target]}
      height={230}
      foot={
        <>
          <Formula level={level} />
          <Notice missing={data} zone={zone} />
        </>
      }
      table={() => ({
        caption: tt('levels'),
        columns: [t('chart.time'), t('f.service_level'), t('f.entered'), t('chart.complete')],
        rows: course.steps.map((_, at) => [titleOf(course, data, zone, at), pct(values[at]), int(entered[at]), completeText(course, at)]),
      })}
    />
  );
}
