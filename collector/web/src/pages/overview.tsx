// The overview: this moment and the day so far, how the period went, and who needs a look.
import { useEffect, useState } from 'preact/hooks';
import { PATH, reach, useAnswer, type LiveDocument, type Missing, type OverviewDocument, type TimeseriesDocument, type WaitingNow } from '../api';
import { Controls } from '../controls';
import { OTHER_EXITS } from '../figures';
import { ago, dur, int, moment, pct } from '../format';
import { pathOf } from '../route';
import { useStore } from '../store';
import { useLive } from '../stream';
import { t } from '../text';
import { Answered, Empty, Formula, Grid, Link, Page, Panel, Severity, Spark, Table, Tile, Tiles, Value, type Tone } from '../ui';
import { scopeParams, stepOf, useAlerts, useRatio, useScope, useSpan, useZone, type RatioView, type ScopeView } from '../view';
import { LevelChart, VolumeChart } from './overview_charts';
import { HeatMaps } from './overview_heat';
import { SiteRanking, WorstQueues } from './overview_ranking';
import { tt } from './overview.text';

const FIELDS = ['entered', 'answered', 'abandoned', ...OTHER_EXITS, 'service_level'].join(',');
const WAITS_SHOWN = 8;

export default function OverviewPage() {
  const zone = useZone();
  const scope = useScope();
  const ratio = useRatio();
  const span = useSpan(zone.zone);
  const step = stepOf(span);
  const common = { ...scopeParams(scope), ...ratio.params, zone: zone.param };
  const overview = useAnswer<OverviewDocument>(PATH.overview, common, { every_ms: 10_000 });
  const figures = { ...common, from: span.from, to: span.to ?? 'now' };
  const flow = useAnswer<TimeseriesDocument>(zone.ready ? PATH.timeseries : null, { ...figures, step, fields: FIELDS }, { every_ms: 30_000 });
  const second = zone.ready && (overview.data !== undefined || overview.error !== null); // the tiles come first
  return (
    <Page
      title={t('nav.overview')}
      lead={<Fresh overview={overview.data} scope={scope} zone={zone.zone} />}
      actions={<Controls zone={zone.zone} scope period ratio />}
    >
      <LiveTiles overview={overview.data} scope={scope} ratio={ratio} zone={zone.zone} />
      <FiringStrip />
      <Grid>
        <Panel title={tt('volume')} sub={t(`step.${step}`)} span={8} busy={flow.previous}>
          <Answered of={flow} height="280px">
            {(data) => <VolumeChart data={data} zone={zone.zone} />}
          </Answered>
        </Panel>
        <Panel title={tt('waits')} span={4}>
          <LongestWaits scope={scope} overview={overview.data} />
        </Panel>
        <Panel title={tt('levels')} sub={t(`step.${step}`)} span={8} busy={flow.previous}>
          <Answered of={flow} height="280px">
            {(data) => <LevelChart data={data} zone={zone.zone} target={ratio.target} />}
          </Answered>
        </Panel>
        <WorstQueues ask={second} params={figures} zone={zone.zone} target={ratio.target} />
        <SiteRanking ask={second} params={figures} zone={zone.zone} step={span.days <= 2 ? 'hour' : 'day'} target={ratio.target} />
        <Panel title={tt('standing')} span={4} actions={<Link to="/fleet">{tt('fleet')}</Link>}>
          <Silent overview={overview.data} zone={zone.zone} />
        </Panel>
        <HeatMaps ask={second} params={common} span={span} zone={zone.zone} target={ratio.target} />
      </Grid>
    </Page>
  );
}

// What the stream moves is drawn in pieces of its own, so that a second's news does not draw the page.
function Fresh({ overview, scope, zone }: { overview: OverviewDocument | undefined; scope: ScopeView; zone: string }) {
  const { live, connected } = useLive({ ...scope, limit: WAITS_SHOWN }, overview !== undefined);
  const { away_since } = useStore(reach);
  const asOf = live?.as_of ?? overview?.as_of;
  const on = connected && away_since === null;
  return (
    <span class="fresh">
      <span class={on ? 'live-dot is-on' : 'live-dot'} aria-hidden="true" />
      {on && t('fresh.live') + ' · '}
      {asOf && t('fresh.asof', { time: moment(asOf, zone, 'time') })} · {t('zone.shown', { zone })}
    </span>
  );
}

// ---- tiles ----

interface Sample {
  waiting: number | null;
  longest: number | null;
}

const SAMPLES_KEPT = 90;
const SAMPLE_MS = 2000;

// How waiting went while the page was open.
function useTrend(live: LiveDocument | null): Sample[] {
  const [samples, set] = useState<{ at: number; list: Sample[] }>({ at: 0, list: [] });
  useEffect(() => {
    if (!live || Date.now() - samples.at < SAMPLE_MS) return;
    const next = { waiting: live.totals.waiting, longest: live.totals.longest_wait_ms };
    set({ at: Date.now(), list: [...samples.list.slice(1 - SAMPLES_KEPT), next] });
  }, [live]);
  return samples.list;
}

function levelTone(value: number | null | undefined, target: number): Tone | undefined {
  if (value == null) return undefined;
  return value >= target ? 'ok' : value >= target - 0.1 ? 'warn' : 'bad';
}

function dayMissing(overview: OverviewDocument | undefined): Missing | null {
  if (!overview || overview.today.complete) return null;
  const { today, sites, silent } = overview;
  const notes: string[] = [];
  if (!today.behind && sites.behind > 0) notes.push(tt('behind', { n: sites.behind }));
  if (!today.gaps && sites.with_gaps > 0) notes.push(tt('gaps', { n: sites.with_gaps }));
  const known = silent.filter((item) => item.last_seen !== null).map((item) => ({ site: item.site, since: item.last_seen ?? '' }));
  return { ...today, complete: false, silent: today.silent ?? known, notes };
}

interface LiveTilesProps {
  overview: OverviewDocument | undefined;
  scope: ScopeView;
  ratio: RatioView;
  zone: string;
}

function LiveTiles({ overview, scope, ratio, zone }: LiveTilesProps) {
  const { live } = useLive({ ...scope, limit: WAITS_SHOWN }, overview !== undefined);
  const trend = useTrend(live);
  const now = live?.totals ?? overview?.live;
  const row = overview?.today.row;
  const missing = dayMissing(overview);
  const silent = overview?.sites.silent;
  const none = overview && !row;
  const stale = now && now.sites_stale > 0 ? tt('stale', { n: now.sites_stale }) : null;
  return (
    <Tiles label={tt('tiles')}>
      <Tile
        label={tt('waiting')}
        value={now && <Value v={now.waiting} f={int} />}
        sub={<span>{stale ?? (now?.talking != null ? tt('talking', { n: now.talking }) : '')}</span>}
        spark={<Trend values={trend.map((item) => item.waiting)} />}
      />
      <Tile
        label={tt('longest')}
        value={now && <Value v={now.waiting === 0 ? 0 : now.longest_wait_ms} f={dur} />}
        sub={<span>{now?.waiting === 0 ? tt('waitingNone') : now?.ready != null ? tt('ready', { n: now.ready }) : ''}</span>}
        spark={<Trend values={trend.map((item) => item.longest ?? (item.waiting === 0 ? 0 : null))} />}
      />
      <Tile
        label={tt('level')}
        tone={levelTone(row?.service_level.value, ratio.target)}
        value={none ? <Value v={null} f={pct} /> : row && <Value v={row.service_level.value} f={(v) => pct(v)} />}
        sub={
          <>
            <span>{tt('target', { target: pct(ratio.target, 0) })}</span>
            {row && <Formula level={row.service_level} short />}
          </>
        }
        missing={missing}
        zone={zone}
      />
      <Tile
        label={tt('abandon')}
        value={none ? <Value v={null} f={pct} /> : row && <Value v={row.abandon_rate} f={(v) => pct(v)} />}
        sub={
          <>
            <span>{row && tt('lost', { n: row.abandoned })}</span>
            <Formula text={t('ratio.abandon.short')} />
          </>
        }
        missing={missing}
        zone={zone}
      />
      <Tile
        label={tt('offered')}
        value={none ? '0' : row && int(row.entered)}
        sub={<span>{row && tt('answered', { n: row.answered })}</span>}
        missing={missing}
        zone={zone}
      />
      <Tile
        label={tt('silent')}
        to="/fleet"
        tone={silent ? 'bad' : undefined}
        value={silent !== undefined ? int(silent) : undefined}
        sub={<span>{overview && tt('of', { n: overview.sites.joined })}</span>}
      />
    </Tiles>
  );
}

function Trend({ values }: { values: (number | null)[] }) {
  return values.length < 3 ? null : <Spark values={values} width={72} height={28} low={0} />;
}

// ---- alerts ----

function FiringStrip() {
  const { data } = useAlerts();
  const firing = data?.alerts.filter((alert) => alert.phase === 'firing' && !alert.muted) ?? [];
  if (firing.length === 0) return null;
  return (
    <section class="strip" aria-label={tt('firing')}>
      <ul>
        {firing.slice(0, 4).map((alert) => (
          <li key={alert.id}>
            <Severity of={alert.severity} />
            <Link to="/alerts">{alert.text}</Link>
          </li>
        ))}
      </ul>
      <Link to="/alerts" class="strip-more">
        {firing.length > 4 ? t('more', { n: firing.length - 4 }) : tt('firingAll')}
      </Link>
    </section>
  );
}

// ---- lists ----

function longestOf(live: LiveDocument | null, overview: OverviewDocument | undefined): WaitingNow[] | undefined {
  if (!live) return overview?.live.worst.slice(0, WAITS_SHOWN);
  const waiting = live.rows.filter((row) => !row.stale && row.queue !== null && (row.longest_wait_ms ?? 0) > 0);
  waiting.sort((a, b) => (b.longest_wait_ms ?? 0) - (a.longest_wait_ms ?? 0));
  return waiting.slice(0, WAITS_SHOWN);
}

function LongestWaits({ scope, overview }: { scope: ScopeView; overview: OverviewDocument | undefined }) {
  const rows = longestOf(useLive({ ...scope, limit: WAITS_SHOWN }, overview !== undefined).live, overview);
  if (!rows) return <Empty>{t('app.loading')}</Empty>;
  return (
    <Table
      caption={tt('waits')}
      rows={rows}
      keyOf={(row) => row.site + ' ' + row.queue}
      empty={tt('waitsNone')}
      columns={[
        {
          key: 'queue',
          label: t('f.queue'),
          head: true,
          cell: (row) => <Link to={pathOf('site', row.site, 'queue', row.queue)}>{row.queue}</Link>,
        },
        { key: 'site', label: t('f.site'), cell: (row) => <Link to={pathOf('site', row.site)}>{row.site}</Link> },
        { key: 'waiting', label: t('f.waiting'), numeric: true, cell: (row) => <Value v={row.waiting} f={int} /> },
        { key: 'wait', label: t('f.wait'), numeric: true, cell: (row) => <Value v={row.longest_wait_ms} f={dur} /> },
      ]}
    />
  );
}

const STATES = ['online', 'behind', 'with_gaps', 'unbalanced', 'expiring'] as const;

function Standing({ sites }: { sites: OverviewDocument['sites'] }) {
  return (
    <dl class="facts">
      {STATES.map((name) => (
        <div key={name}>
          <dt>{tt(`state.${name}`)}</dt>
          <dd class={name !== 'online' && sites[name] > 0 ? 'tone-warn' : ''}>
            {int(sites[name])}
            {name === 'online' && ' / ' + int(sites.joined)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Silent({ overview, zone }: { overview: OverviewDocument | undefined; zone: string }) {
  if (!overview) return <Empty>{t('app.loading')}</Empty>;
  return (
    <>
      <Standing sites={overview.sites} />
      <Table
        caption={tt('silentList')}
        rows={overview.silent}
        keyOf={(row) => row.site}
        limit={8}
        empty={tt('silentNone')}
        columns={[
          { key: 'site', label: t('f.site'), head: true, cell: (row) => <Link to={pathOf('site', row.site)}>{row.site}</Link> },
          {
            key: 'seen',
            label: tt('lastSeen'),
            cell: (row) => <span title={moment(row.last_seen, zone, 'full')}>{moment(row.last_seen, zone)}</span>,
          },
          { key: 'age', label: tt('age'), numeric: true, cell: (row) => <Value v={row.last_seen_age_ms} f={ago} /> },
        ]}
      />
    </>
  );
}
