// queue_marks: what is missing as hatched bands behind a chart, one band a step. (An area between two categories has no
// width of its own where only one step is incomplete.)
import type { EChartsCoreOption } from 'echarts/core';
import { hatch, type Look } from '../chart';

const NICE_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

// An axis of durations is divided as clocks are; one of shares in quarters; one of callers in whole ones.
export function divided(axis: unknown, of: 'share' | 'duration' | 'count', values: readonly (number | null)[] = []): Record<string, unknown> {
  if (of === 'share') return { ...(axis as object), interval: 0.25 };
  if (of === 'count') return { ...(axis as object), minInterval: 1 };
  const largest_s = Math.max(0, ...values.map((value) => value ?? 0)) / 1000;
  const step_s = NICE_S.find((s) => s * 6 >= largest_s) ?? 86_400;
  return { ...(axis as object), interval: step_s * 1000, max: Math.max(1, Math.ceil(largest_s / step_s)) * step_s * 1000 };
}

const MARK = '\u00a0'; // its name, which no legend shows

// The option with a second axis of values that nobody sees and the bands on it; `option` has one grid.
export function withMarks(look: Look, option: EChartsCoreOption, complete: readonly (boolean | null)[]): EChartsCoreOption {
  if (!complete.includes(false)) return option;
  const axes = ([] as unknown[]).concat(option['yAxis'] ?? []);
  const series = ([] as unknown[]).concat(option['series'] ?? []);
  const band = {
    name: MARK,
    type: 'bar',
    yAxisIndex: axes.length,
    data: complete.map((whole) => (whole === false ? 1 : null)),
    barWidth: '100%',
    barGap: '-100%',
    silent: true,
    z: 1,
    itemStyle: { color: hatch(look.hatch) },
  };
  return { ...option, yAxis: [...axes, { type: 'value', show: false, min: 0, max: 1 }], series: [...series, band] };
}
