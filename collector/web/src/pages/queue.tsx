// /site/ID/queue/NAME and /queue/NAME: one queue, at a site or over all of them.
import { Controls } from '../controls';
import { PATH, useAnswer, type KpiDocument, type SiteDocument } from '../api';
import { pathOf } from '../route';
import { useLive } from '../stream';
import { t } from '../text';
import { Empty, Grid, Link, Page, Panel } from '../ui';
import { isAdmin, useAbout, useScope } from '../view';
import { tt } from './queue.text';
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

function SitesOfQueue({ asking }: { asking: Asking }) {
  const answer = useAnswer<KpiDocument>(PATH.kpi, { ...asking.params, by: 'site,queue' }, { every_ms: 60_000 });
  const { live } = useLive({ group: asking.subject.group, queue: asking.subject.queue });
  return (
    <Panel title={tt('sitesOf')}>
      <Shown of={answer}>
        {(data) => <PartsTable of="sites" rows={data.rows} live={live} queue={asking.subject.queue} target={asking.ratio.target} />}
      </Shown>
    </Panel>
  );
}

function QueueFigures({ asking, data }: { asking: Asking; data: KpiDocument }) {
  const course = useCourse(asking);
  const row = data.rows[0];
  const zone = asking.zone.zone;
  if (!row) return <Empty>{tt('noFigures')}</Empty>;
  return (
    <div class="stack">
      <FigureTiles row={row} missing={data} zone={zone} target={asking.ratio.target} />
      <WaitsPanel asking={asking} />
      <Grid>
        <LevelPanel asking={asking} answer={course} level={row.service_level} />
        <PercentilesPanel asking={asking} answer={course} />
        <OutcomesPanel asking={asking} row={row} answer={course} />
      </Grid>
      <Panel title={tt('balance')}>
        <BalanceShown row={row} document={data} zone={zone} />
        <GapsTable gaps={data.gaps ?? []} more={data.gaps_left_out ?? 0} zone={zone} />
      </Panel>
    </div>
  );
}

export default function QueuePage({ queue, site }: { queue: string; site?: string }) {
  const scope = useScope();
  const own = useAnswer<SiteDocument>(site === undefined ? null : PATH.site(site));
  const subject = { site, group: site === undefined ? scope.group : undefined, queue };
  const asking = useAsking(subject, own.data?.zone);
  const figures = useAnswer<KpiDocument>(PATH.kpi, { ...asking.params, by: 'queue' }, { every_ms: 60_000 });
  const admin = isAdmin(useAbout());
  const label = figures.data?.rows[0]?.label || queue;
  if (own.error?.code === 404) return <NotThere what={tt('noSite')} title={tt('queue', { queue })} />;
  if (figures.error?.code === 404) return <NotThere what={tt('noQueue')} title={tt('queue', { queue })} />;
  const lead =
    site !== undefined ? (
      <>
        {t('f.site')} <Link to={pathOf('site', site)}>{site}</Link> · <Link to={pathOf('queue', queue)}>{tt('allSites')}</Link>
      </>
    ) : scope.group ? (
      tt('inGroup', { group: scope.group })
    ) : (
      tt('allSites')
    );
  return (
    <Page
      title={tt('queue', { queue: label })}
      lead={lead}
      actions={
        <>
          <CompareLink subject={subject} />
          <ExportButton asking={asking} by="queue" />
        </>
      }
    >
      <Controls zone={asking.zone.zone} period ratio />
      <LivePanel subject={subject} zone={asking.zone.zone} />
      <Shown of={figures} height="480px">
        {(data) => <QueueFigures asking={asking} data={data} />}
      </Shown>
      {site === undefined && <SitesOfQueue asking={asking} />}
      {admin && site !== undefined && <OperatorsPanel subject={subject} />}
    </Page>
  );
}
