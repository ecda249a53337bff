// queue_marks: what is missing as hatched bands behind a chart, one band a step. (An area between two categories has no
// width of its own where only one step is incomplete.)
import type { EChartsCoreOption } from 'echarts/core';
import { hatch, type Look } from '../chart';

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
