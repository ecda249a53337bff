// Alerts: what fires and what is about to, what came and went, the rules, and whether anybody is told.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, PATH, send, type Alert, type AlertMute, type AlertNews, type AlertRule, type AlertsDocument } from '../api';
import { ageNow } from '../figures';
import { ago, int, moment } from '../format';
import { pathOf } from '../route';
import { t } from '../text';
import { Answered, Button, Empty, Grid, Link, Loading, Page, Panel, Pill, SEVERITY_TONES, Severity, Table, Unknown, Value, type ColumnOf } from '../ui';
import { useLive } from '../stream';
import { isAdmin, useAbout, useAlerts, useZone } from '../view';
import { MuteForm, type MuteWish } from './alerts_mute';
import { tt } from './alerts.text';

export default function AlertsPage() {
  const about = useAbout();
  const { zone } = useZone();
  const answer = useAlerts();
  useLive({ limit: 1 }); // the stream also tells when alerts change
  if (about && !about.features.alerts) {
    return (
      <Page title={t('nav.alerts')}>
        <Empty>{tt('off')}</Empty>
      </Page>
    );
  }
  const firing = answer.data?.alerts.filter((alert) => alert.phase === 'firing').length ?? 0;
  const pending = (answer.data?.alerts.length ?? 0) - firing;
  const lead = answer.data && (
    <span>
      {tt('summary', { firing, pending })} · {t('fresh.asof', { time: moment(answer.data.as_of, zone, 'time') })}
    </span>
  );
  return (
    <Page title={t('nav.alerts')} lead={lead}>
      {about ? (
        <Answered of={answer} height="50vh">
          {(data) => <Content data={data} zone={zone} admin={isAdmin(about)} again={answer.again} />}
        </Answered>
      ) : (
        <Loading height="50vh" />
      )}
    </Page>
  );
}

interface ContentProps {
  data: AlertsDocument;
  zone: string;
  admin: boolean;
  again: () => void;
}

function useTick(every_ms: number): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

function Content({ data, zone, admin, again }: ContentProps) {
  const now = useTick(10_000);
  const [wish, setWish] = useState<MuteWish | null>(null);
  const [said, say] = useState('');
  const status = useRef<HTMLParagraphElement>(null);
  const firing = data.alerts.filter((alert) => alert.phase === 'firing');
  const pending = data.alerts.filter((alert) => alert.phase === 'pending');
  const ask = admin ? (alert: Alert) => setWish({ rule: alert.rule, site: alert.site || null }) : undefined;
  const done = (text: string) => {
    setWish(null);
    say(text);
    status.current?.focus();
    again();
  };
  const end = async (mute: AlertMute) => {
    try {
      await send(PATH.mute, { rule: mute.rule, site: mute.site ?? '', until: null, why: '' });
      done(tt('muteEnded', { rule: mute.rule }));
    } catch (error) {
      say(error instanceof ApiError ? error.what : String(error));
    }
  };
  return (
    <Grid>
      <p class="said" role="status" tabIndex={-1} ref={status}>
        {said}
      </p>
      <Panel title={tt('firing')} span={12}>
        {wish && <MuteForm key={wish.rule + wish.site} wish={wish} done={done} cancel={() => setWish(null)} />}
        <AlertTable caption={tt('firing')} rows={firing} empty={tt('firingNone')} zone={zone} now={now} ask={ask} />
      </Panel>
      <Panel title={tt('pending')} sub={tt('pendingSub')} span={12}>
        <AlertTable caption={tt('pending')} rows={pending} empty={tt('pendingNone')} zone={zone} now={now} ask={ask} />
      </Panel>
      <Panel title={tt('recent')} span={8}>
        <RecentTable rows={data.recent} zone={zone} />
      </Panel>
      <div class="span-4 stack">
        <Panel title={tt('receivers')}>
          <Receivers data={data} zone={zone} />
        </Panel>
        <Panel title={tt('mutes')}>
          <Mutes mutes={data.mutes} zone={zone} end={admin ? (mute) => void end(mute) : undefined} />
        </Panel>
      </div>
      <Panel title={tt('rules')} span={12}>
        <Rules rules={data.rules} ask={admin ? (rule) => setWish({ rule, site: null }) : undefined} />
      </Panel>
    </Grid>
  );
}

// ---- alerts ----

function Where({ of }: { of: Pick<Alert, 'site' | 'group' | 'queue'> }) {
  if (!of.site && !of.queue) return <>{of.group || tt('everywhere')}</>;
  return (
    <>
      {of.site && <Link to={pathOf('site', of.site)}>{of.site}</Link>}
      {of.site && of.queue && ' · '}
      {of.queue && <Link to={of.site ? pathOf('site', of.site, 'queue', of.queue) : pathOf('queue', of.queue)}>{of.queue}</Link>}
    </>
  );
}

interface AlertTableProps {
  caption: string;
  rows: Alert[];
  empty: string;
  zone: string;
  now: number;
  ask: ((alert: Alert) => void) | undefined;
}

function AlertTable({ caption, rows, empty, zone, now, ask }: AlertTableProps) {
  const columns: ColumnOf<Alert>[] = [
    { key: 'severity', label: tt('severity'), sort: (row) => row.severity, cell: (row) => <Severity of={row.severity} /> },
    {
      key: 'text',
      label: tt('alert'),
      head: true,
      cell: (row) => (
        <>
          {row.text} {row.muted && <Pill>{tt('muted')}</Pill>} {row.stale && <Pill tone="warn">{tt('stale')}</Pill>}
        </>
      ),
    },
    { key: 'where', label: tt('where'), wide: true, sort: (row) => row.site || row.group, cell: (row) => <Where of={row} /> },
    { key: 'value', label: tt('value'), numeric: true, wide: true, sort: (row) => row.value, cell: (row) => row.value_text || <Unknown /> },
    { key: 'rule', label: tt('rule'), wide: true, sort: (row) => row.rule, cell: (row) => row.rule },
    {
      key: 'since',
      label: t('f.since'),
      wide: true,
      sort: (row) => row.since ?? row.begun,
      cell: (row) => <span title={moment(row.since ?? row.begun, zone, 'full')}>{moment(row.since ?? row.begun, zone)}</span>,
    },
    {
      key: 'age',
      label: tt('duration'),
      numeric: true,
      sort: (row) => ageNow(row.begun ?? row.since, now),
      cell: (row) => <Value v={ageNow(row.begun ?? row.since, now)} f={ago} />,
    },
  ];
  if (ask) columns.push({ key: 'mute', label: tt('action'), cell: (row) => !row.muted && <MuteButton what={row.rule} onClick={() => ask(row)} /> });
  return <Table caption={caption} rows={rows} keyOf={(row) => row.id} empty={empty} columns={columns} limit={50} />;
}

function MuteButton({ what, onClick }: { what: string; onClick: () => void }) {
  return (
    <Button tone="quiet" onClick={onClick} title={tt('muteTitle', { rule: what })}>
      {tt('mute')}
      <span class="sr"> {what}</span>
    </Button>
  );
}

function RecentTable({ rows, zone }: { rows: AlertNews[]; zone: string }) {
  return (
    <Table
      caption={tt('recent')}
      rows={rows}
      keyOf={(row) => row.id + row.at + row.news}
      limit={12}
      empty={tt('recentNone')}
      columns={[
        { key: 'at', label: tt('at'), cell: (row) => <span title={moment(row.at, zone, 'full')}>{moment(row.at, zone)}</span> },
        {
          key: 'news',
          label: tt('news'),
          cell: (row) => <Pill tone={row.news === 'resolved' ? 'ok' : (SEVERITY_TONES[row.severity] ?? 'warn')}>{tt(`news.${row.news}`)}</Pill>,
        },
        { key: 'text', label: tt('alert'), head: true, cell: (row) => row.text },
        { key: 'where', label: tt('where'), wide: true, cell: (row) => <Where of={row} /> },
      ]}
    />
  );
}

// ---- who is told, what is quiet ----

function Receivers({ data, zone }: { data: AlertsDocument; zone: string }) {
  return (
    <Table
      caption={tt('receivers')}
      rows={data.receivers}
      keyOf={(row) => row.receiver}
      empty={tt('receiversNone')}
      columns={[
        {
          key: 'receiver',
          label: tt('receiver'),
          head: true,
          cell: (row) => (
            <>
              {row.receiver} <span class="formula">{row.type}</span>
              {row.last_error && row.failures > 0 && <span class="reason formula">{row.last_error}</span>}
            </>
          ),
        },
        {
          key: 'state',
          label: tt('health'),
          cell: (row) => {
            const fails = row.waiting > 0 && row.failures > 0;
            return <Pill tone={fails ? 'bad' : row.last_ok ? 'ok' : 'quiet'}>{fails ? tt('failing') : row.last_ok ? tt('healthy') : tt('never')}</Pill>;
          },
        },
        { key: 'waiting', label: tt('waiting'), numeric: true, cell: (row) => int(row.waiting) },
        { key: 'failures', label: tt('failures'), numeric: true, wide: true, cell: (row) => int(row.failures) },
        { key: 'ok', label: tt('lastOk'), cell: (row) => (row.last_ok ? moment(row.last_ok, zone) : <Unknown />) },
      ]}
    />
  );
}

interface MutesProps {
  mutes: AlertMute[];
  zone: string;
  end: ((mute: AlertMute) => void) | undefined;
}

function Mutes({ mutes, zone, end }: MutesProps) {
  const columns: ColumnOf<AlertMute>[] = [
    { key: 'rule', label: tt('rule'), head: true, cell: (row) => row.rule },
    { key: 'site', label: tt('where'), cell: (row) => row.site || tt('everywhere') },
    { key: 'until', label: tt('until'), cell: (row) => moment(row.until, zone) },
    { key: 'why', label: tt('why'), cell: (row) => [row.why, row.by].filter(Boolean).join(' · ') },
  ];
  if (end) {
    columns.push({
      key: 'end',
      label: tt('action'),
      cell: (row) => (
        <Button tone="quiet" onClick={() => end(row)}>
          {tt('unmute')}
          <span class="sr"> {row.rule}</span>
        </Button>
      ),
    });
  }
  return <Table caption={tt('mutes')} rows={mutes} keyOf={(row) => row.rule + ' ' + (row.site ?? '')} empty={tt('mutesNone')} columns={columns} />;
}

// ---- rules ----

function condition(rule: AlertRule): string {
  const metric = rule.metric.replaceAll('_', ' ');
  return rule.below ? tt('below', { metric, limit: rule.below }) : tt('above', { metric, limit: rule.above ?? '' });
}

function Rules({ rules, ask }: { rules: AlertRule[]; ask: ((rule: string) => void) | undefined }) {
  const columns: ColumnOf<AlertRule>[] = [
    {
      key: 'rule',
      label: tt('rule'),
      head: true,
      sort: (row) => row.rule,
      cell: (row) => (
        <>
          {row.rule}
          {row.summary && <span class="reason formula">{row.summary}</span>}
        </>
      ),
    },
    { key: 'severity', label: tt('severity'), sort: (row) => row.severity, cell: (row) => <Severity of={row.severity} /> },
    { key: 'condition', label: tt('condition'), cell: condition },
    { key: 'per', label: tt('per'), wide: true, cell: (row) => row.per },
    { key: 'window', label: tt('window'), numeric: true, wide: true, cell: (row) => (row.window_ms > 0 ? ago(row.window_ms) : tt('now')) },
    { key: 'for', label: tt('forTime'), numeric: true, wide: true, cell: (row) => (row.for_ms > 0 ? ago(row.for_ms) : tt('at_once')) },
    { key: 'calls', label: tt('calls'), numeric: true, wide: true, cell: (row) => int(row.calls_min) },
    { key: 'active', label: tt('active'), cell: (row) => (row.active ? t('yes') : <Pill>{tt('outside')}</Pill>) },
  ];
  if (ask) columns.push({ key: 'mute', label: tt('action'), cell: (row) => <MuteButton what={row.rule} onClick={() => ask(row.rule)} /> });
  return <Table caption={tt('rules')} rows={rules} keyOf={(row) => row.rule} empty={tt('rulesNone')} columns={columns} />;
}
