// queue_rows: the parts of what a page is about, one row each: a site's queues, a queue's sites.
import type { KpiRow, LiveDocument, LiveRow } from '../api';
import { dur, int, pct } from '../format';
import { pathOf } from '../route';
import { t } from '../text';
import { Link, Value, type ColumnOf } from '../ui';
import { Incomplete, Level } from './sites_parts';
import { PagedTable } from './sites_table';
import { tt } from './queue.text';

interface PartRow {
  row: KpiRow;
  live: LiveRow | undefined;
}

function columnsOf(of: 'queues' | 'sites', site: string | undefined, queue: string | undefined, target: number): ColumnOf<PartRow>[] {
  const name: ColumnOf<PartRow> =
    of === 'queues'
      ? {
          key: 'queue',
          label: t('f.queue'),
          head: true,
          sort: ({ row }) => row.label || row.queue,
          cell: ({ row }) => (
            <Link to={site === undefined ? pathOf('queue', row.queue) : pathOf('site', site, 'queue', row.queue)} title={row.queue}>
              {row.label || row.queue}
            </Link>
          ),
        }
      : {
          key: 'site',
          label: t('f.site'),
          head: true,
          sort: ({ row }) => row.site,
          cell: ({ row }) => <Link to={pathOf('site', row.site ?? '', 'queue', queue ?? row.queue)}>{row.site}</Link>,
        };
  return [
    name,
    { key: 'waiting', label: t('f.waiting'), numeric: true, sort: ({ live }) => live?.waiting, cell: ({ live }) => <Value v={live?.stale ? null : live?.waiting} f={int} /> },
    {
      key: 'longest',
      label: t('f.longest_wait'),
      numeric: true,
      sort: ({ live }) => live?.longest_wait_ms,
      cell: ({ live }) => <Value v={live?.stale ? null : live?.longest_wait_ms} f={dur} />,
    },
    { key: 'ready', label: t('f.ready'), numeric: true, wide: true, sort: ({ live }) => live?.ready, cell: ({ live }) => <Value v={live?.stale ? null : live?.ready} f={int} /> },
    { key: 'entered', label: t('f.entered'), numeric: true, sort: ({ row }) => row.entered, cell: ({ row }) => int(row.entered) },
    { key: 'answered', label: t('f.answered'), numeric: true, wide: true, sort: ({ row }) => row.answered, cell: ({ row }) => int(row.answered) },
    { key: 'level', label: t('f.service_level'), numeric: true, first: 'up', sort: ({ row }) => row.service_level.value, cell: ({ row }) => <Level row={row} target={target} /> },
    {
      key: 'how',
      label: tt('method'),
      wide: true,
      cell: ({ row }) => <span class="formula">{`${row.service_level.method} ${row.service_level.threshold_s} s`}</span>,
    },
    { key: 'abandoned', label: t('f.abandon_rate'), numeric: true, sort: ({ row }) => row.abandon_rate, cell: ({ row }) => <Value v={row.abandon_rate} f={pct} /> },
    { key: 'asa', label: t('f.asa_ms'), numeric: true, sort: ({ row }) => row.asa_ms, cell: ({ row }) => <Value v={row.asa_ms} f={dur} /> },
    {
      key: 'balanced',
      label: tt('isBalanced'),
      wide: true,
      sort: ({ row }) => (row.balanced ? 1 : 0),
      cell: ({ row }) => (
        <>
          <Incomplete complete={row.complete} />
          {row.balanced ? t('yes') : <span class="tone-bad">{t('no')}</span>}
        </>
      ),
    },
  ];
}

interface PartsProps {
  of: 'queues' | 'sites';
  rows: readonly KpiRow[];
  live: LiveDocument | null;
  site?: string | undefined;
  queue?: string | undefined;
  target: number;
}

export function PartsTable({ of, rows, live, site, queue, target }: PartsProps) {
  const key = (row: { site?: string; queue: string }) => (of === 'queues' ? row.queue : (row.site ?? ''));
  const liveBy = new Map(live?.rows.map((row) => [key(row), row]));
  return (
    <PagedTable
      caption={of === 'queues' ? tt('queuesOf') : tt('sitesOf')}
      columns={columnsOf(of, site, queue, target)}
      rows={rows.map((row) => ({ row, live: liveBy.get(key(row)) }))}
      keyOf={({ row }) => key(row)}
      first={of === 'queues' ? { key: 'queue', down: false } : { key: 'level', down: false }}
      perPage={25}
    />
  );
}
