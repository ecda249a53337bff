// Volume and service level by hour of the week.
import { PATH, useAnswer, type HeatmapDocument, type Params } from '../api';
import { HeatMap, LEVELS, type HeatCell } from '../chart';
import { levelOf } from '../figures';
import { midnight, pct, weekdayNames } from '../format';
import { useParam } from '../route';
import { t } from '../text';
import { Answered, Formula, Notice, Panel, Segmented } from '../ui';
import type { Span } from '../view';
import { tt } from './overview.text';

type Wish = '4w' | '12w' | 'period';

interface HeatMapsProps {
  ask: boolean;
  params: Params;
  span: Span;
  zone: string;
  target: number;
}

export function HeatMaps({ ask, params, span, zone, target }: HeatMapsProps) {
  const [asked, set] = useParam('heat');
  const wish: Wish = asked === '12w' || asked === 'period' ? asked : '4w';
  const days = wish === '12w' ? -84 : -28;
  const times = wish === 'period' ? { from: span.from, to: span.to ?? 'now' } : { from: midnight(zone, days), to: midnight(zone) };
  const answer = useAnswer<HeatmapDocument>(ask ? PATH.heatmap : null, { ...params, ...times, fields: 'entered,service_level' }, { every_ms: 600_000 });
  const picker = (
    <Segmented<Wish>
      label={tt('heatSpan')}
      value={wish}
      onChange={(value) => set(value === '4w' ? null : value)}
      options={[
        { value: '4w', label: tt('heat4') },
        { value: '12w', label: tt('heat12') },
        { value: 'period', label: tt('heatPeriod') },
      ]}
    />
  );
  return (
    <>
      <Panel title={tt('heatVolume')} span={6} actions={picker} busy={answer.previous}>
        <Answered of={answer} height="210px">
          {(data) => (
            <>
              <HeatMap {...names()} caption={tt('heatVolume')} scale="volume" less={t('chart.less')} more={t('chart.more')} cells={volumeCells(data)} />
              <Notice missing={data} zone={zone} />
            </>
          )}
        </Answered>
      </Panel>
      <Panel title={tt('heatLevel')} span={6} busy={answer.previous}>
        <Answered of={answer} height="210px">
          {(data) => (
            <>
              <HeatMap {...names()} caption={tt('heatLevel')} scale="level" less={tt('worse')} more={tt('better')} cells={levelCells(data, target)} />
              <div class="foot">
                <span class="formula">{tt('target', { target: pct(target, 0) })}</span>
                <Formula level={levelOf(data)} />
                <Notice missing={data} zone={zone} />
              </div>
            </>
          )}
        </Answered>
      </Panel>
    </>
  );
}

function names() {
  return { days: weekdayNames('long'), short: weekdayNames('short') };
}

function column(data: HeatmapDocument, field: string): (number | null)[] {
  return (data.cells[field] ?? []) as (number | null)[];
}

const clock = (hour: number) => String(hour).padStart(2, '0') + ':00';

function cellsOf(data: HeatmapDocument, values: (number | null)[], level: (value: number) => number, text: (value: number) => string): HeatCell[] {
  const days = weekdayNames('long');
  return Array.from({ length: 168 }, (_, at) => {
    const value = values[at] ?? null;
    const hour = at % 24;
    const figure = value === null ? tt('heatUnknown') : text(value);
    const say = tt('heatSay', { day: days[Math.floor(at / 24)] ?? '', from: clock(hour), to: clock(hour + 1), value: figure });
    const complete = data.cells.complete[at] !== false;
    return { level: value === null ? null : level(value), text: figure, say: complete ? say : `${say} (${t('missing.short')})`, complete };
  });
}

function volumeCells(data: HeatmapDocument): HeatCell[] {
  const values = column(data, 'entered');
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  return cellsOf(
    data,
    values,
    (value) => Math.min(LEVELS - 1, Math.floor((value / most) * LEVELS)),
    (value) => tt('heatCalls', { n: value }),
  );
}

// How far below the target the five classes below it begin; three above share the rest.
const BELOW = [0.05, 0.1, 0.2, 0.35];

function levelClass(value: number, target: number): number {
  if (value >= target) return 5 + Math.min(2, Math.floor(((value - target) / Math.max(0.01, 1 - target)) * 3));
  const steps = BELOW.filter((below) => target - value > below).length;
  return 4 - steps;
}

function levelCells(data: HeatmapDocument, target: number): HeatCell[] {
  const entered = column(data, 'entered');
  const cells = cellsOf(data, column(data, 'service_level'), (value) => levelClass(value, target), (value) => pct(value));
  cells.forEach((cell, at) => {
    if (cell.level !== null) cell.say += ' · ' + tt('heatCalls', { n: entered[at] ?? 0 });
  });
  return cells;
}
