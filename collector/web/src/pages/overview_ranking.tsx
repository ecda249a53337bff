// Which sites and queues are worst, and how that went.
import { PATH, useAnswer, type Params, type RankingDocument, type RankingRow } from '../api';
import { dur, int, pct } from '../format';
import { pathOf, useParam } from '../route';
import { t } from '../text';
import { Answered, Formula, Link, MissingMark, Notice, Panel, Segmented, Select, Spark, Table, Value, type ColumnOf } from '../ui';
import { tt } from './overview.text';

const METRICS = ['service_level', 'abandon_rate', 'asa_ms', 'entered'] as const;
type Metric = (typeof METRICS)[number];

const CALLS_MIN = 10;

interface RankingProps {
  ask: boolean;
  params: Params;
  zone: string;
  target: number;
}

function shown(metric: string, value: number): string {
  return metric === 'service_level' || metric === 'abandon_rate' ? pct(value) : metric.endsWith('_ms') ? dur(value) : int(value);
}

function MetricNote({ data, metric }: { data: RankingDocument; metric: Metric }) {
  const first = data.rows[0]?.service_level;
  if (!first) return null;
  const alike = data.rows.every((row) => row.service_level.method === first.method && row.service_level.threshold_s === first.threshold_s);
  if (metric === 'abandon_rate') return <Formula text={t('ratio.abandon')} />;
  if (metric === 'asa_ms') return <Formula text={tt('asaFormula')} />;
  return <Formula level={alike ? first : null} />;
}

const figure = (metric: Metric): ((row: RankingRow) => number | null) => {
  if (metric === 'service_level') return (row) => row.service_level.value;
  if (metric === 'abandon_rate') return (row) => row.abandon_rate;
  return metric === 'asa_ms' ? (row) => row.asa_ms : (row) => row.entered;
};

function figureColumn(metric: Metric, on: boolean, zone: string, data: RankingDocument): ColumnOf<RankingRow> {
  const value = figure(metric);
  return {
    key: metric,
    label: t(`f.${metric}`),
    numeric: true,
    wide: !on,
    sort: value,
    cell: (row) => (
      <>
        {on && !row.complete && <MissingMark missing={{ ...ofSite(data, row.site), complete: false }} zone={zone} short />}{' '}
        <span class={on ? 'strong' : ''}>
          <Value v={value(row)} f={(v) => shown(metric, v)} />
        </span>
      </>
    ),
  };
}

// What is missing of one site.
function ofSite(data: RankingDocument, site: string) {
  const own = <T extends { site: string }>(list: T[] | undefined) => (list ?? []).filter((item) => item.site === site);
  return { gaps: own(data.gaps), silent: own(data.silent), behind: own(data.behind) };
}

function sparkColumn(metric: Metric, target: number): ColumnOf<RankingRow> {
  const ratio = metric === 'service_level' || metric === 'abandon_rate';
  return {
    key: 'spark',
    label: tt('course'),
    wide: true,
    cell: (row) =>
      row.spark && (
        <Spark
          values={row.spark.values}
          {...(ratio ? { spread: metric === 'service_level' ? 0.3 : 0.1 } : { low: 0 })}
          {...(metric === 'service_level' ? { target } : {})}
          label={tt('courseSay', { metric: t(`f.${metric}`) })}
        />
      ),
  };
}

export function SiteRanking({ ask, params, zone, step, target }: RankingProps & { step: 'hour' | 'day' }) {
  const [asked, setMetric] = useParam('metric');
  const [order, setOrder] = useParam('order');
  const metric: Metric = METRICS.find((name) => name === asked) ?? 'service_level';
  const turn = order === 'best' ? 'best' : 'worst';
  const wish = { ...params, metric, order: metric === 'entered' ? (turn === 'best' ? 'lowest' : 'highest') : turn, of: 'site', limit: 12, 'calls-min': CALLS_MIN, spark: step };
  const answer = useAnswer<RankingDocument>(ask ? PATH.ranking : null, wish, { every_ms: 60_000 });
  const actions = (
    <>
      <Segmented
        label={tt('order')}
        value={turn}
        onChange={(value) => setOrder(value === 'worst' ? null : value)}
        options={[
          { value: 'worst', label: tt('worst') },
          { value: 'best', label: tt('best') },
        ]}
      />
      <Select
        label={tt('metric')}
        showLabel={false}
        value={metric}
        onChange={(value) => setMetric(value === 'service_level' ? null : value)}
        options={METRICS.map((name) => ({ value: name, label: t(`f.${name}`) }))}
      />
      <Link to="/sites">{tt('sitesAll')}</Link>
    </>
  );
  return (
    <Panel title={tt('ranking')} span={8} actions={actions} busy={answer.previous}>
      <Answered of={answer} height="300px">
        {(data) => (
          <>
            <Table
              caption={`${tt('ranking')}: ${t(`f.${metric}`)}`}
              rows={data.rows}
              empty={tt('rankNone', { min: CALLS_MIN })}
              keyOf={(row) => row.site}
              columns={[
                { key: 'rank', label: '#', title: tt('rank'), numeric: true, sort: (row) => row.rank, first: 'up', cell: (row) => int(row.rank) },
                { key: 'site', label: t('f.site'), head: true, sort: (row) => row.site, cell: (row) => <Link to={pathOf('site', row.site)}>{row.site}</Link> },
                figureColumn(metric, true, zone, data),
                sparkColumn(metric, target),
                ...METRICS.filter((name) => name !== metric).map((name) => figureColumn(name, false, zone, data)),
              ]}
            />
            <div class="foot">
              <span class="formula">{tt('compared', { n: data.compared, min: CALLS_MIN })}</span>
              <MetricNote data={data} metric={metric} />
              <Notice missing={data} zone={zone} />
            </div>
          </>
        )}
      </Answered>
    </Panel>
  );
}

export function WorstQueues({ ask, params, zone, target }: RankingProps) {
  const wish = { ...params, metric: 'service_level', order: 'worst', of: 'queue', limit: 8, 'calls-min': CALLS_MIN };
  const answer = useAnswer<RankingDocument>(ask ? PATH.ranking : null, wish, { every_ms: 60_000 });
  return (
    <Panel title={tt('worstQueues')} span={4} busy={answer.previous}>
      <Answered of={answer} height="240px">
        {(data) => (
          <>
            <Table
              caption={tt('worstQueues')}
              rows={data.rows}
              empty={tt('queuesNone', { min: CALLS_MIN })}
              keyOf={(row) => row.site + ' ' + row.queue}
              columns={[
                {
                  key: 'queue',
                  label: t('f.queue'),
                  head: true,
                  cell: (row) => <Link to={pathOf('site', row.site, 'queue', row.queue ?? '*')}>{row.label || row.queue}</Link>,
                },
                { key: 'site', label: t('f.site'), cell: (row) => <Link to={pathOf('site', row.site)}>{row.site}</Link> },
                { key: 'calls', label: t('f.calls'), numeric: true, cell: (row) => int(row.entered) },
                {
                  key: 'level',
                  label: t('f.service_level'),
                  numeric: true,
                  cell: (row) => (
                    <>
                      {!row.complete && <MissingMark missing={{ ...ofSite(data, row.site), complete: false }} zone={zone} short />}{' '}
                      <span class={row.value < target - 0.1 ? 'tone-bad strong' : 'strong'}>{pct(row.value)}</span>
                    </>
                  ),
                },
              ]}
            />
            <div class="foot">
              <MetricNote data={data} metric="service_level" />
              <Notice missing={data} zone={zone} />
            </div>
          </>
        )}
      </Answered>
    </Panel>
  );
}
