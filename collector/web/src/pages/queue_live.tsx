// queue_live: what happens there this moment, as the collector tells it, and who is at work.
import { useEffect, useState } from 'preact/hooks';
import { PATH, useAnswer, type LiveDocument, type LiveOperator } from '../api';
import { ago, dur, int, moment } from '../format';
import { useLive, type Live } from '../stream';
import { t } from '../text';
import { Link, Panel, Pill, Table, Tile, Tiles, Value, type ColumnOf, type Tone } from '../ui';
import { pathOf } from '../route';
import { tt } from './queue.text';
import type { Subject } from './queue_subject';
import { Shown } from './site_shown';

// Between two words of the collector a wait goes on.
function useSecond(): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function longestNow(told: Live, now_ms: number): number | null {
  const totals = told.live?.totals;
  if (!totals || totals.longest_wait_ms === null) return null;
  const runs = told.connected && (totals.waiting ?? 0) > 0;
  return totals.longest_wait_ms + (runs ? Math.max(0, now_ms - told.at) : 0);
}

export function LivePanel({ subject, zone }: { subject: Subject; zone: string }) {
  const told = useLive({ site: subject.site, group: subject.site ? undefined : subject.group, queue: subject.queue });
  const now_ms = useSecond();
  const live = told.live;
  const stale = live !== null && live.totals.sites_telling > 0 && live.totals.sites_stale === live.totals.sites_telling;
  const oldest = stale ? live.rows[0]?.age_ms : null;
  const figure = (label: string, value: number | null | undefined, tone?: Tone) => (
    <Tile label={label} value={live ? <Value v={value} f={int} /> : undefined} tone={tone} stale={stale || !told.connected} />
  );
  const totals = live?.totals;
  const note = !live ? null : !told.connected ? tt('notConnected') : totals?.sites_telling === 0 ? tt('untold') : stale && oldest != null ? tt('stale', { ago: ago(oldest) }) : null;
  return (
    <Panel
      title={tt('now')}
      class="live-panel"
      sub={live ? tt('asOf', { at: moment(live.as_of, zone, 'time') }) : tt('waitingForLive')}
      note={note && <p role="status">{note}</p>}
    >
      <Tiles label={tt('now')}>
        {figure(t('f.waiting'), totals?.waiting, (totals?.waiting ?? 0) > 0 ? 'accent' : undefined)}
        <Tile
          label={t('f.longest_wait')}
          value={live ? <Value v={longestNow(told, now_ms)} f={dur} /> : undefined}
          stale={stale || !told.connected}
        />
        {figure(t('f.talking'), totals?.talking)}
        {figure(t('f.ready'), totals?.ready)}
        {figure(t('f.paused'), totals?.paused)}
        {figure(t('f.logged_in'), totals?.logged_in)}
      </Tiles>
    </Panel>
  );
}

const STATES = ['talk', 'hold', 'ring', 'wrap', 'paused', 'unavailable', 'busy', 'ready'] as const;
const STATE_TONES: Record<(typeof STATES)[number], Tone> = {
  talk: 'accent',
  hold: 'accent',
  ring: 'warn',
  wrap: 'quiet',
  paused: 'quiet',
  unavailable: 'bad',
  busy: 'quiet',
  ready: 'ok',
};

function OperatorState({ state }: { state: string }) {
  const known = STATES.find((name) => name === state);
  return <Pill tone={known ? STATE_TONES[known] : 'quiet'}>{known ? tt(`st_${known}`) : state}</Pill>;
}

function operatorColumns(withSite: boolean): ColumnOf<LiveOperator>[] {
  const site: ColumnOf<LiveOperator> = {
    key: 'site',
    label: t('f.site'),
    sort: (row) => row.site,
    cell: (row) => <Link to={pathOf('site', row.site)}>{row.site}</Link>,
  };
  return [
    { key: 'operator', label: tt('operator'), head: true, sort: (row) => row.operator, cell: (row) => row.operator },
    ...(withSite ? [site] : []),
    { key: 'state', label: tt('state'), sort: (row) => row.state, cell: (row) => <OperatorState state={row.state} /> },
    { key: 'since', label: tt('since'), numeric: true, sort: (row) => row.in_state_ms, cell: (row) => <Value v={row.in_state_ms} f={dur} /> },
    { key: 'queue', label: t('f.queue'), sort: (row) => row.queue, cell: (row) => row.queue ?? '' },
    { key: 'reason', label: tt('reason'), sort: (row) => row.reason, cell: (row) => row.reason ?? '' },
  ];
}

// Only an admin is told names.
export function OperatorsPanel({ subject }: { subject: Subject }) {
  const answer = useAnswer<LiveDocument>(
    PATH.live,
    { site: subject.site, group: subject.site ? undefined : subject.group, queue: subject.queue, operators: 'yes' },
    { every_ms: 5000 },
  );
  return (
    <Panel title={tt('operators')}>
      <Shown of={answer}>
        {(data) => (
          <>
            <Table
              caption={tt('operatorsRows')}
              columns={operatorColumns(subject.site === undefined)}
              rows={data.operators ?? []}
              keyOf={(row) => row.site + '/' + row.operator}
              limit={30}
              empty={data.totals.logged_in === null ? tt('operatorsUntold') : tt('operatorsNone')}
            />
            {(data.operators_more ?? 0) > 0 && <p class="muted">{tt('operatorsMore', { n: data.operators_more ?? 0 })}</p>}
          </>
        )}
      </Shown>
    </Panel>
  );
}
