// queue_time: how waits, service level and outcomes went over the period.
import type { EChartsCoreOption } from 'echarts/core';
import { PATH, useAnswer, type Answer, type Column, type ServiceLevelSetting, type TimeseriesDocument } from '../api';
import { base, Chart, column, fillSteps, pick, targetLine, type Look, type Step } from '../chart';
import { dur, int, moment, pct, UNKNOWN, type Style } from '../format';
import { levelFormula } from '../levels';
import { lang, t } from '../text';
import { Empty, Formula, Panel } from '../ui';
import { stepOf, type Span } from '../view';
import { tt } from './queue.text';
import { divided, withMarks } from './queue_marks';
import type { Asking } from './queue_subject';
import { Shown } from './site_shown';

export const OUTCOMES = ['exit_timeout', 'exit_empty', 'exit_key', 'withdrawn', 'lost'] as const;
const FIELDS = ['answered', 'abandoned', 'abandoned_short', ...OUTCOMES, 'service_level', 'wait_p50_ms', 'wait_p90_ms', 'wait_p95_ms'];

export function useCourse(asking: Asking): Answer<TimeseriesDocument> {
  const step = stepOf(asking.span);
  return useAnswer<TimeseriesDocument>(
    PATH.timeseries,
    { ...asking.params, step, by: asking.subject.queue === undefined ? 'total' : 'queue', fields: FIELDS.join(',') },
    { every_ms: 60_000 },
  );
}

export interface Course {
  steps: Step[];
  labels: string[];
  complete: (boolean | null)[];
  of: (field: string) => Column;
}

export function stepSeconds(document: TimeseriesDocument): number {
  return document.step === 'day' ? 86_400 : document.step === 'hour' ? 3600 : document.interval_s;
}

export function labelStyle(document: TimeseriesDocument, span: Span): Style {
  return document.step === 'day' ? 'day' : span.days > 1 ? 'hour' : 'minute';
}

function courseOf(document: TimeseriesDocument, asking: Asking): Course {
  const series = document.series[0];
  const steps = fillSteps(series?.start ?? [], stepSeconds(document));
  return {
    steps,
    labels: steps.map((step) => moment(step.start, asking.zone.zone, labelStyle(document, asking.span))),
    complete: pick(series?.complete, steps),
    of: (field) => pick(column(series, field), steps),
  };
}

interface Line {
  name: string;
  values: Column;
  color: string;
  dash?: boolean;
}

function notesOf(course: Course, i: number): string[] {
  return course.complete[i] === false ? [t('missing.short')] : [];
}

function linesOption(look: Look, course: Course, lines: Line[], format: (value: number | null | undefined) => string, more: { max?: number; line?: Record<string, unknown> } = {}): EChartsCoreOption {
  const option = base(look, {
      labels: course.labels,
      format,
      zoom: true,
      ...(lines.length > 1 ? { legend: lines.map((line) => line.name) } : {}),
      ...(more.max === undefined ? {} : { max: more.max }),
      tip: (i) => ({
        title: course.labels[i] ?? '',
        rows: lines.map((line) => ({ label: line.name, value: format(line.values[i]), color: line.color })),
        notes: notesOf(course, i),
      }),
    });
  const drawn = {
    ...option,
    yAxis: divided(option['yAxis'], more.max === 1 ? 'share' : 'duration', lines.flatMap((line) => line.values)),
    series: lines.map((line, i) => ({
      name: line.name,
      type: 'line',
      data: line.values,
      showSymbol: course.steps.length < 3,
      symbolSize: 5,
      itemStyle: { color: line.color },
      lineStyle: { color: line.color, width: 2, type: line.dash ? 'dashed' : 'solid' },
      ...(i === 0 ? (more.line ?? {}) : {}),
    })),
  };
  return withMarks(look, drawn, course.complete);
}

// Of a step in which nothing is held nobody says whether it is whole.
export function wholeText(complete: boolean | null | undefined): string {
  return complete == null ? UNKNOWN : complete ? t('yes') : t('no');
}

function tableOf(caption: string, course: Course, lines: { name: string; values: Column }[], format: (value: number | null | undefined) => string) {
  return {
    caption,
    columns: [t('chart.time'), ...lines.map((line) => line.name), t('chart.complete')],
    rows: course.labels.map((label, i) => [label, ...lines.map((line) => format(line.values[i])), wholeText(course.complete[i])]),
  };
}

export function PercentilesPanel({ asking, answer }: { asking: Asking; answer: Answer<TimeseriesDocument> }) {
  return (
    <Panel title={tt('percentiles')} span={6} sub={answer.data && t(`step.${answer.data.step}`)} note={<Formula text={tt('percentilesNote')} />}>
      <Shown of={answer} height="300px">
        {(data) => {
          const course = courseOf(data, asking);
          if (course.steps.length === 0) return <Empty />;
          const lines = (look: Look | null): Line[] => [
            { name: 'p95', values: course.of('wait_p95_ms'), color: look?.series[3] ?? '' },
            { name: 'p90', values: course.of('wait_p90_ms'), color: look?.series[1] ?? '' },
            { name: 'p50', values: course.of('wait_p50_ms'), color: look?.series[0] ?? '' },
          ];
          return (
            <Chart
              summary={tt('percentilesCaption')}
              marked={course.complete.includes(false)}
              deps={[data]}
              option={(look) => linesOption(look, course, lines(look), dur)}
              table={() => tableOf(tt('percentilesCaption'), course, lines(null), dur)}
            />
          );
        }}
      </Shown>
    </Panel>
  );
}

interface LevelPanelProps {
  asking: Asking;
  answer: Answer<TimeseriesDocument>;
  level: ServiceLevelSetting | undefined;
}

export function LevelPanel({ asking, answer, level }: LevelPanelProps) {
  return (
    <Panel
      title={tt('levelTime')}
      span={6}
      sub={answer.data && t(`step.${answer.data.step}`)}
      note={level && <Formula text={`${levelFormula(level.method, lang.get(), level.threshold_s * 1000, null)} (${level.method})`} />}
    >
      <Shown of={answer} height="300px">
        {(data) => {
          const course = courseOf(data, asking);
          if (course.steps.length === 0) return <Empty />;
          const target = asking.ratio.target;
          const lines = (look: Look | null): Line[] => [{ name: t('f.service_level'), values: course.of('service_level'), color: look?.accent ?? '' }];
          return (
            <Chart
              summary={tt('levelTime')}
              marked={course.complete.includes(false)}
              deps={[data, target]}
              option={(look) =>
                linesOption(look, course, lines(look), (value) => pct(value, 0), { max: 1, line: targetLine(look, target, t('f.target') + ' ' + pct(target, 0)) })
              }
              table={() => tableOf(tt('levelTime'), course, lines(null), pct)}
            />
          );
        }}
      </Shown>
    </Panel>
  );
}

export function OutcomesChart({ asking, data }: { asking: Asking; data: TimeseriesDocument }) {
  const course = courseOf(data, asking);
  if (course.steps.length === 0) return <Empty />;
  const short = course.of('abandoned_short');
  const long = course.of('abandoned').map((value, i) => (value === null ? null : value - (short[i] ?? 0)));
  const bars = (look: Look | null): Line[] => [
    { name: t('f.answered'), values: course.of('answered'), color: look?.answered ?? '' },
    { name: tt('abandonedLong'), values: long, color: look?.abandoned ?? '' },
    { name: tt('abandonedShort'), values: short, color: look?.series[3] ?? '' },
    ...OUTCOMES.map((field, i) => ({ name: tt(field), values: course.of(field), color: look?.series[[4, 5, 6, 7, 2][i] ?? 2] ?? '' })),
  ].filter((line) => line.values.some((value) => value !== null && value !== 0));
  return (
    <Chart
      summary={tt('outcomesCaption')}
      marked={course.complete.includes(false)}
      height={300}
      deps={[data]}
      option={(look) => {
        const lines = bars(look);
        const option = base(look, {
            labels: course.labels,
            format: int,
            zoom: true,
            legend: lines.map((line) => line.name),
            tip: (i) => ({
              title: course.labels[i] ?? '',
              rows: lines.map((line) => ({ label: line.name, value: int(line.values[i]), color: line.color })),
              notes: notesOf(course, i),
            }),
          });
        const drawn = {
          ...option,
          yAxis: divided(option['yAxis'], 'count'),
          series: lines.map((line) => ({
            name: line.name,
            type: 'bar',
            stack: 'all',
            barWidth: '78%',
            data: line.values,
            itemStyle: { color: line.color },
          })),
        };
        return withMarks(look, drawn, course.complete);
      }}
      table={() => tableOf(tt('outcomesCaption'), course, bars(null), int)}
    />
  );
}
