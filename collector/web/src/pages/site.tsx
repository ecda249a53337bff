// /site/ID: one site: now, its figures, its queues, how good its data is and how its connection does.
import { Controls } from '../controls';
import { PATH, useAnswer, type KpiDocument, type SiteDocument } from '../api';
import { ago, int, moment } from '../format';
import { useLive } from '../stream';
import { t } from '../text';
import { Empty, Grid, Page, Panel, Table, Value, type ColumnOf } from '../ui';
import { isAdmin, useAbout } from '../view';
import { qualityName, tt } from './queue.text';
import { ExportButton } from './queue_export';
import { LivePanel, OperatorsPanel } from './queue_live';
import { BalanceShown, GapsTable, OutcomesPanel } from './queue_outcomes';
import { PartsTable } from './queue_rows';
import { useAsking, type Asking } from './queue_subject';
import { FigureTiles } from './queue_tiles';
import { LevelPanel, PercentilesPanel, useCourse } from './queue_time';
import { WaitsPanel } from './queue_waits';
import { CompareLink, NotThere } from './site_parts';
import { Shown } from './site_shown';
import './site.css';

function SiteFigures({ asking, data, about }: { asking: Asking; data: KpiDocument; about: SiteDocument }) {
  const course = useCourse(asking);
  const zone = asking.zone.zone;
  const row = data.rows[0];
  return (
    <div class="stack">
      {row ? <FigureTiles row={row} missing={data} zone={zone} target={asking.ratio.target} /> : <Empty>{tt('noFigures')}</Empty>}
      <QueuesOfSite asking={asking} />
      {row && (
        <>
          <WaitsPanel asking={asking} />
          <Grid>
            <LevelPanel asking={asking} answer={course} level={row.service_level} />
            <PercentilesPanel asking={asking} answer={course} />
            <OutcomesPanel asking={asking} row={row} answer={course} />
          </Grid>
        </>
      )}
      <Grid>
        <Panel title={tt('balance')} span={6}>
          {row && <BalanceShown row={row} document={data} zone={zone} />}
          <GapsTable gaps={about.gaps ?? []} zone={zone} />
        </Panel>
        <Quality about={about} />
      </Grid>
    </div>
  );
}

function QueuesOfSite({ asking }: { asking: Asking }) {
  const answer = useAnswer<KpiDocument>(PATH.kpi, { ...asking.params, by: 'queue' }, { every_ms: 60_000 });
  const { live } = useLive({ site: asking.subject.site });
  return (
    <Panel title={tt('queues')}>
      <Shown of={answer}>
        {(data) => <PartsTable of="queues" rows={data.rows} live={live} site={asking.subject.site} target={asking.ratio.target} />}
      </Shown>
    </Panel>
  );
}

// ---- how good the data is ----

interface Count {
  name: string;
  count: number;
}

const OF_THE_CENTRE = ['conflicts', 'refused', 'unbalanced', 'flood_refusals', 'site_refused', 'stale', 'repeated'] as const;

function Quality({ about }: { about: SiteDocument }) {
  const own: Count[] = Object.entries(about.quality ?? {}).map(([name, count]) => ({ name: qualityName(name), count }));
  const centre: Count[] = OF_THE_CENTRE.filter((name) => about.counters?.[name] !== undefined).map((name) => ({
    name: tt(`c_${name}`),
    count: about.counters?.[name] ?? 0,
  }));
  const columns: ColumnOf<Count>[] = [
    { key: 'counter', label: tt('counter'), head: true, cell: (row) => row.name },
    { key: 'count', label: tt('count'), numeric: true, sort: (row) => row.count, cell: (row) => int(row.count) },
  ];
  const rows = [...own, ...centre].filter((row) => row.count > 0);
  return (
    <Panel title={tt('quality')} span={6} note={<p>{tt('qualityNote')}</p>}>
      <Table caption={tt('qualityRows')} columns={columns} rows={rows} keyOf={(row) => row.name} empty={tt('qualityZero')} />
      {rows.length > 0 && <p class="muted">{tt('qualityZero')}</p>}
    </Panel>
  );
}

// ---- its connection ----

function Connection({ about, zone }: { about: SiteDocument; zone: string }) {
  const at = (value: string | null | undefined) => (value ? moment(value, zone, 'full') : tt('never'));
  return (
    <Panel title={tt('site_facts')}>
      <dl class="facts facts-wide">
        <dt>{t('f.state')}</dt>
        <dd>{about.state}</dd>
        <dt>{tt('lastSeen')}</dt>
        <dd>
          {at(about.last_seen)} {about.last_seen_age_ms !== null && `(${tt('ago', { ago: ago(about.last_seen_age_ms) })})`}
        </dd>
        <dt>{tt('lag')}</dt>
        <dd>
          <Value v={about.lag_ms} f={ago} />
        </dd>
        <dt>{tt('backlog')}</dt>
        <dd>
          <Value v={about.backlog} f={(n) => tt('intervals', { n })} />
        </dd>
        <dt>{tt('version')}</dt>
        <dd>{about.agent_version ?? '–'}</dd>
        <dt>{tt('clockOffset')}</dt>
        <dd>
          <Value v={about.clock_offset_ms} f={ago} />
        </dd>
        <dt>{tt('certificate')}</dt>
        <dd>{at(about.certificate_end)}</dd>
        <dt>{tt('zone')}</dt>
        <dd>{about.zone ?? '–'}</dd>
        <dt>{tt('joined')}</dt>
        <dd>{at(about.joined)}</dd>
        {about.address && (
          <>
            <dt>{tt('address')}</dt>
            <dd>{about.address}</dd>
          </>
        )}
      </dl>
      {about.events && about.events.length > 0 && (
        <>
          <h3>{tt('events')}</h3>
          <Table
            caption={tt('events')}
            columns={[
              { key: 'at', label: tt('at'), head: true, cell: (row) => moment(row.at, zone, 'full') },
              { key: 'kind', label: tt('kind'), cell: (row) => row.kind },
              { key: 'text', label: tt('text'), cell: (row) => row.text },
            ]}
            rows={about.events}
            keyOf={(row) => row.at + row.kind + row.text}
            limit={10}
          />
        </>
      )}
    </Panel>
  );
}

export default function SitePage({ id }: { id: string }) {
  const about = useAnswer<SiteDocument>(PATH.site(id), {}, { every_ms: 15_000 });
  const subject = { site: id };
  const asking = useAsking(subject, about.data?.zone);
  const figures = useAnswer<KpiDocument>(PATH.kpi, { ...asking.params, by: 'total' }, { every_ms: 60_000 });
  const admin = isAdmin(useAbout());
  if (about.error?.code === 404) return <NotThere what={tt('noSite')} title={tt('site', { site: id })} />;
  return (
    <Page
      title={tt('site', { site: id })}
      lead={about.data?.group && `${t('f.group')} ${about.data.group}`}
      actions={
        <>
          <CompareLink subject={subject} />
          <ExportButton asking={asking} by="queue" />
        </>
      }
    >
      <Controls zone={asking.zone.zone} period ratio />
      <LivePanel subject={subject} zone={asking.zone.zone} />
      <Shown of={about} height="640px">
        {(site) => (
          <div class="stack">
            <Shown of={figures} height="480px">
              {(data) => <SiteFigures asking={asking} data={data} about={site} />}
            </Shown>
            {admin && <OperatorsPanel subject={subject} />}
            <Connection about={site} zone={asking.zone.zone} />
          </div>
        )}
      </Shown>
    </Page>
  );
}
