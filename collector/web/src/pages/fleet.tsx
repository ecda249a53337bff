// /fleet: how every site's agent and its connection do, trouble first.
import type { ComponentChildren } from 'preact';
import { PATH, useAnswer, type SiteListed, type SitesDocument, type StoreDocument } from '../api';
import { ago, bytes, int, moment } from '../format';
import { pathOf, setParams, useParam } from '../route';
import { t } from '../text';
import { Link, Page, Panel, Tile, Tiles, Unknown, Value, cls, type ColumnOf, type Tone } from '../ui';
import { useScope, useZone } from '../view';
import { tt } from './fleet.text';
import { GroupPicker, Search, States, useSearch } from './sites_parts';
import { PagedTable } from './sites_table';
import { certificateLeft, isClockOff, newestVersion, troubleOf, type Troubled, type TroubleName } from './sites_trouble';
import { Shown } from './site_shown';
import './fleet.css';

const FILTERS = ['all', 'silent', 'behind', 'expiring', 'old', 'gaps', 'wrong', 'added'] as const;
type Filter = (typeof FILTERS)[number];

const FILTER_OF: Record<Exclude<Filter, 'all'>, readonly TroubleName[]> = {
  silent: ['silent', 'offline'],
  behind: ['behind'],
  expiring: ['expiring', 'expired'],
  old: ['old'],
  gaps: ['gap', 'gaps'],
  wrong: ['refused', 'conflicts', 'unbalanced'],
  added: ['added'],
};

interface FleetRow {
  site: SiteListed;
  trouble: Troubled;
  left_ms: number | null;
}

function passes(row: FleetRow, filter: Filter): boolean {
  return filter === 'all' || row.trouble.names.some((name) => FILTER_OF[filter].includes(name));
}

function Toned({ tone, children }: { tone: Tone | false; children: ComponentChildren }) {
  return <span class={cls(tone && 'tone-' + tone)}>{children}</span>;
}

function Certificate({ row }: { row: FleetRow }) {
  if (row.left_ms === null) return <Unknown />;
  const tone = row.trouble.names.includes('expired') ? 'bad' : row.trouble.names.includes('expiring') && 'warn';
  return <Toned tone={tone}>{row.left_ms <= 0 ? tt('over') : ago(row.left_ms)}</Toned>;
}

function Gaps({ site, zone }: { site: SiteListed; zone: string }) {
  const last = site.last_gap;
  const title = last ? tt('lastGap', { from: moment(last.from, zone), to: moment(last.to, zone), reason: last.reason }) : undefined;
  return (
    <span title={title}>
      {int(site.gaps)}
      {site.gaps_open > 0 && <span class="tone-warn"> · {tt('gapsOpen', { n: site.gaps_open })}</span>}
    </span>
  );
}

function columnsOf(zone: string): ColumnOf<FleetRow>[] {
  const number = (key: string, label: string, value: (site: SiteListed) => number, title?: string): ColumnOf<FleetRow> => ({
    key,
    label,
    ...(title ? { title } : {}),
    numeric: true,
    wide: true,
    sort: (row) => value(row.site),
    cell: (row) => <Toned tone={value(row.site) > 0 && 'warn'}>{int(value(row.site))}</Toned>,
  });
  return [
    {
      key: 'site',
      label: tt('site'),
      head: true,
      sort: (row) => row.site.site,
      cell: (row) => <Link to={pathOf('site', row.site.site)}>{row.site.site}</Link>,
    },
    {
      key: 'state',
      label: tt('state'),
      sort: (row) => row.trouble.weight,
      first: 'down',
      cell: (row) => <States names={row.trouble.names} />,
    },
    {
      key: 'contact',
      label: tt('contact'),
      numeric: true,
      sort: (row) => row.site.last_seen_age_ms,
      cell: (row) =>
        row.site.last_seen ? <span title={moment(row.site.last_seen, zone, 'full')}>{ago(row.site.last_seen_age_ms)}</span> : tt('never'),
    },
    {
      key: 'lag',
      label: tt('lag'),
      title: tt('lagTitle'),
      numeric: true,
      sort: (row) => row.site.lag_ms,
      cell: (row) => <Value v={row.site.lag_ms} f={ago} />,
    },
    {
      key: 'backlog',
      label: tt('backlog'),
      title: tt('backlogTitle'),
      numeric: true,
      sort: (row) => row.site.backlog,
      cell: (row) => (
        <Toned tone={row.site.behind && 'warn'}>
          <Value v={row.site.backlog} f={int} />
        </Toned>
      ),
    },
    {
      key: 'version',
      label: tt('version'),
      sort: (row) => row.site.agent_version,
      cell: (row) => (row.site.agent_version === null ? <Unknown /> : <Toned tone={row.trouble.names.includes('old') && 'warn'}>{row.site.agent_version}</Toned>),
    },
    {
      key: 'certificate',
      label: tt('certificate'),
      title: tt('certificateTitle'),
      numeric: true,
      first: 'up',
      sort: (row) => row.left_ms,
      cell: (row) => (
        <span title={row.site.certificate_end ? moment(row.site.certificate_end, zone, 'full') : undefined}>
          <Certificate row={row} />
        </span>
      ),
    },
    {
      key: 'gaps',
      label: tt('gaps'),
      title: tt('gapsTitle'),
      numeric: true,
      sort: (row) => row.site.gaps_open * 1e6 + row.site.gaps,
      cell: (row) => <Gaps site={row.site} zone={zone} />,
    },
    {
      key: 'clock',
      label: tt('clock'),
      title: tt('clockTitle'),
      numeric: true,
      sort: (row) => (row.site.clock_offset_ms === null ? null : Math.abs(row.site.clock_offset_ms)),
      cell: (row) => (
        <Toned tone={isClockOff(row.site) && 'warn'}>
          <Value v={row.site.clock_offset_ms} f={ago} />
        </Toned>
      ),
    },
    number('refused', tt('refused'), (site) => site.refused, tt('wrongTitle')),
    number('conflicts', tt('conflicts'), (site) => site.conflicts, tt('wrongTitle')),
    number('unbalanced', tt('unbalanced'), (site) => site.unbalanced),
  ];
}

function Totals({ rows, newest }: { rows: readonly FleetRow[]; newest: string | null }) {
  const store = useAnswer<StoreDocument>(PATH.store, {}, { every_ms: 60_000 }).data;
  const joined = rows.filter((row) => row.site.state === 'joined');
  const count = (filter: Filter) => rows.filter((row) => passes(row, filter)).length;
  const waiting = joined.reduce((sum, row) => sum + (row.site.behind ? (row.site.backlog ?? 0) : 0), 0);
  const tile = (filter: Filter, tone: Tone, sub?: string) => {
    const n = count(filter);
    return <Tile label={tt(filter)} value={int(n)} tone={n > 0 ? tone : undefined} {...(sub ? { sub } : {})} />;
  };
  return (
    <div class="tight">
    <Tiles label={tt('totals')}>
      <Tile label={tt('online')} value={int(joined.filter((row) => row.site.online).length)} sub={tt('ofJoined', { n: joined.length })} />
      {tile('silent', 'bad')}
      {tile('behind', 'warn', waiting > 0 ? `${tt('intervalsBehind')}: ${int(waiting)}` : undefined)}
      {tile('expiring', 'warn')}
      {tile('gaps', 'warn')}
      {tile('old', 'warn', newest ? tt('newest', { version: newest }) : undefined)}
      {tile('wrong', 'warn')}
      {store && <Tile label={tt('store')} value={bytes(store.used_bytes)} sub={tt('storeUsed', { limit: bytes(store.limit_bytes) })} />}
    </Tiles>
    </div>
  );
}

function Filters({ rows, chosen }: { rows: readonly FleetRow[]; chosen: Filter }) {
  return (
    <div class="chips" role="group" aria-label={tt('only')}>
      {FILTERS.map((filter) => (
        <button
          key={filter}
          type="button"
          class={cls('chip', filter === chosen && 'is-on')}
          aria-pressed={filter === chosen}
          onClick={() => setParams({ only: filter === 'all' ? null : filter, page: null })}
        >
          {tt(filter)} <span class="chip-count">{int(rows.filter((row) => passes(row, filter)).length)}</span>
        </button>
      ))}
    </div>
  );
}

export default function FleetPage() {
  const { group } = useScope();
  const zone = useZone().zone;
  const answer = useAnswer<SitesDocument>(PATH.sites, { group }, { every_ms: 10_000 });
  const [only] = useParam('only');
  const filter: Filter = FILTERS.find((name) => name === only) ?? 'all';
  const [found, find] = useSearch(answer.data?.sites);
  return (
    <Page title={t('nav.fleet')} lead={group}>
      <Shown of={answer} height="640px">
        {(data) => {
          const now_ms = Date.parse(data.as_of);
          const newest = newestVersion(data.sites);
          const rowOf = (site: SiteListed): FleetRow => ({ site, trouble: troubleOf(site, now_ms, newest), left_ms: certificateLeft(site, now_ms) });
          const rows = found.map(rowOf);
          return (
            <div class="stack">
              <Totals rows={data.sites.map(rowOf)} newest={newest} />
              <div class="page-tools">
                <Search value={find} />
                <GroupPicker group={group} />
                <Filters rows={rows} chosen={filter} />
              </div>
              <Panel title={tt('table')} sub={tt('asOf', { at: moment(data.as_of, zone, 'time') })}>
                <PagedTable
                  caption={tt('caption')}
                  columns={columnsOf(zone)}
                  rows={rows.filter((row) => passes(row, filter))}
                  keyOf={(row) => row.site.site}
                  first={{ key: 'state', down: true }}
                  empty={data.sites.length === 0 ? tt('nothing') : tt('noMatch')}
                />
              </Panel>
            </div>
          );
        }}
      </Shown>
    </Page>
  );
}
