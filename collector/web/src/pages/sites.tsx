// /sites: every site, what happens there now and how the period went.
import { useMemo } from 'preact/hooks';
import { column } from '../chart';
import { Controls } from '../controls';
import { PATH, useAnswer, type Column, type KpiDocument, type KpiRow, type SiteListed, type SitesDocument, type TimeseriesDocument } from '../api';
import { ago, dur, int, midnight, moment, pct } from '../format';
import { pathOf } from '../route';
import { t } from '../text';
import { Formula, Link, Notice, Page, Panel, Spark, Trouble, Value, type ColumnOf } from '../ui';
import { useRatio, useScope, useSpan, useZone } from '../view';
import { tt } from './sites.text';
import { GroupPicker, Level, Search, States, useSearch } from './sites_parts';
import { PagedTable } from './sites_table';
import { newestVersion, troubleOf } from './sites_trouble';
import { Shown } from './site_shown';

const SPARK_DAYS_MAX = 14;
const SPARK_POINTS_MAX = 15_000; // of all sites together

interface SiteRow {
  site: SiteListed;
  figures: KpiRow | undefined;
  trend: Column;
}

// Each site's service level along the same days.
function trendsOf(document: TimeseriesDocument | undefined): Map<string, Column> {
  const days = [...new Set(document?.series.flatMap((one) => one.start) ?? [])].sort();
  const at = new Map(days.map((day, i) => [day, i]));
  const out = new Map<string, Column>();
  for (const one of document?.series ?? []) {
    const values: Column = days.map(() => null);
    const levels = column(one, 'service_level');
    one.start.forEach((start, i) => (values[at.get(start) ?? 0] = levels[i] ?? null));
    if (one.site) out.set(one.site, values);
  }
  return out;
}

function trendText(trend: Column, days: number): string {
  const known = trend.filter((value): value is number => value !== null);
  if (known.length === 0) return tt('trendNone');
  return tt('trendOf', { n: days, from: pct(known[0]), to: pct(known[known.length - 1]) });
}

function figureColumns(days: number, target: number): ColumnOf<SiteRow>[] {
  return [
    { key: 'entered', label: t('f.entered'), numeric: true, sort: (row) => row.figures?.entered, cell: (row) => <Value v={row.figures?.entered} f={int} /> },
    {
      key: 'level',
      label: t('f.service_level'),
      numeric: true,
      first: 'up',
      sort: (row) => row.figures?.service_level.value,
      cell: (row) => <Level row={row.figures} target={target} />,
    },
    {
      key: 'abandoned',
      label: t('f.abandon_rate'),
      numeric: true,
      sort: (row) => row.figures?.abandon_rate,
      cell: (row) => <Value v={row.figures?.abandon_rate} f={pct} />,
    },
    {
      key: 'trend',
      label: tt('trend', { n: days }),
      wide: true,
      cell: (row) => <Spark values={row.trend} low={0} high={1} target={target} label={trendText(row.trend, days)} />,
    },
  ];
}

function stateColumns(document: SitesDocument, zone: string): ColumnOf<SiteRow>[] {
  const now_ms = Date.parse(document.as_of);
  const newest = newestVersion(document.sites);
  const troubles = (site: SiteListed) => troubleOf(site, now_ms, newest);
  return [
    {
      key: 'site',
      label: t('f.site'),
      head: true,
      sort: (row) => row.site.site,
      cell: (row) => <Link to={pathOf('site', row.site.site)}>{row.site.site}</Link>,
    },
    { key: 'group', label: t('f.group'), wide: true, sort: (row) => row.site.group, cell: (row) => row.site.group ?? tt('noGroup') },
    {
      key: 'state',
      label: t('f.state'),
      sort: (row) => troubles(row.site).weight,
      first: 'down',
      cell: (row) => (
        <span title={row.site.last_seen ? moment(row.site.last_seen, zone, 'full') + ' · ' + ago(row.site.last_seen_age_ms) : undefined}>
          <States names={troubles(row.site).names.filter((name) => name !== 'old' && name !== 'gaps')} most={2} />
        </span>
      ),
    },
    { key: 'waiting', label: t('f.waiting'), numeric: true, sort: (row) => row.site.waiting, cell: (row) => <Value v={row.site.waiting} f={int} /> },
    {
      key: 'longest',
      label: t('f.longest_wait'),
      numeric: true,
      sort: (row) => row.site.oldest_wait_ms,
      cell: (row) => <Value v={row.site.oldest_wait_ms} f={dur} />,
    },
    {
      key: 'talking',
      label: t('f.talking'),
      numeric: true,
      wide: true,
      sort: (row) => row.site.talking,
      cell: (row) => <Value v={row.site.talking} f={int} />,
    },
  ];
}

export default function SitesPage() {
  const { group } = useScope();
  const zone = useZone();
  const span = useSpan(zone.zone);
  const ratio = useRatio();
  const common = { group, ...ratio.params, zone: zone.param };
  const sites = useAnswer<SitesDocument>(PATH.sites, { group }, { every_ms: 10_000 });
  const figures = useAnswer<KpiDocument>(PATH.kpi, { ...common, by: 'site', from: span.from, to: span.to ?? 'now' }, { every_ms: 60_000 });
  const count = sites.data?.sites.length ?? 0;
  const days = Math.max(2, Math.min(SPARK_DAYS_MAX, Math.floor(SPARK_POINTS_MAX / Math.max(1, count))));
  const trends = useAnswer<TimeseriesDocument>(
    count > 0 ? PATH.timeseries : null,
    { ...common, by: 'site', step: 'day', fields: 'service_level', from: midnight(zone.zone, 1 - days) },
    { every_ms: 600_000 },
  );
  const [found, find] = useSearch(sites.data?.sites);
  const rows = useMemo(() => {
    const byId = new Map(figures.data?.rows.map((row) => [row.site, row]));
    const trendOf = trendsOf(trends.data);
    return found.map((site) => ({ site, figures: byId.get(site.site), trend: trendOf.get(site.site) ?? [] }));
  }, [found, figures.data, trends.data]);
  const level = figures.data?.rows.find((row) => row.entered > 0)?.service_level;
  const note = (
    <>
      {level && (
        <p>
          <Formula level={level} /> · <Formula text={t('ratio.abandon')} />
        </p>
      )}
      <p>{tt('sparkNote')}</p>
      <Notice missing={figures.data} zone={zone.zone} />
    </>
  );
  return (
    <Page title={t('nav.sites')} lead={group} actions={<Controls zone={zone.zone} period ratio />}>
      <div class="page-tools">
        <Search value={find} />
        <GroupPicker group={group} />
      </div>
      {figures.error && !figures.error.passing && <Trouble error={figures.error} again={figures.again} />}
      <Panel title={tt('table')} busy={figures.loading} note={note}>
        <Shown of={sites} height="480px">
          {(data) => (
            <PagedTable
              caption={tt('caption')}
              columns={[...stateColumns(data, zone.zone), ...figureColumns(days, ratio.target)]}
              rows={rows}
              keyOf={(row) => row.site.site}
              first={{ key: 'site', down: false }}
              empty={data.sites.length === 0 ? tt('nothing') : tt('noMatch')}
            />
          )}
        </Shown>
      </Panel>
    </Page>
  );
}
