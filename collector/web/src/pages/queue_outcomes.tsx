// queue_outcomes: what became of everyone who came, as numbers and over time, and whether the books balance.
import type { Answer, Gap, KpiDocument, KpiRow, TimeseriesDocument } from '../api';
import { int, moment, pct } from '../format';
import { t } from '../text';
import { Formula, Link, Notice, Panel, Pill, Table, type ColumnOf } from '../ui';
import { pathOf } from '../route';
import { tt } from './queue.text';
import type { Asking } from './queue_subject';
import { OUTCOMES, OutcomesChart } from './queue_time';
import { Shown } from './site_shown';

interface Outcome {
  key: string;
  label: string;
  count: number;
  share: number | null; // of entered
  note?: string;
}

function outcomesOf(row: KpiRow): Outcome[] {
  const one = (key: string, label: string, count: number, note?: string): Outcome => ({
    key,
    label,
    count,
    share: row.entered > 0 ? count / row.entered : null,
    ...(note ? { note } : {}),
  });
  const aside = (key: 'blocked' | 'ring_no_answer' | 'suspect', note: string): Outcome => ({ key, label: tt(key), count: row[key], share: null, note });
  return [
    one('answered', t('f.answered'), row.answered),
    one('abandoned', tt('abandonedLong'), row.abandoned - row.abandoned_short),
    one('abandoned_short', tt('abandonedShort'), row.abandoned_short),
    ...OUTCOMES.map((field) => one(field, tt(field), row[field])),
    one('transferred_in', tt('transferred_in'), row.transferred_in, tt('partOf', { of: t('f.entered') })),
    one('transferred_out', tt('transferred_out'), row.transferred_out, tt('partOf', { of: t('f.answered') })),
    one('lost_connected', tt('lost_connected'), row.lost_connected, tt('partOf', { of: t('f.answered') })),
    aside('blocked', tt('notOf')),
    aside('ring_no_answer', tt('several')),
    aside('suspect', tt('keptOut')),
  ];
}

function outcomeColumns(): ColumnOf<Outcome>[] {
  return [
    { key: 'outcome', label: tt('outcome'), head: true, cell: (row) => row.label },
    { key: 'number', label: tt('number'), numeric: true, cell: (row) => int(row.count) },
    { key: 'share', label: tt('share'), numeric: true, cell: (row) => (row.share === null ? '' : pct(row.share)) },
    { key: 'note', label: tt('note'), cell: (row) => <span class="muted">{row.note ?? ''}</span> },
  ];
}

export function OutcomesPanel({ asking, row, answer }: { asking: Asking; row: KpiRow; answer: Answer<TimeseriesDocument> }) {
  return (
    <>
      <Panel title={tt('outcomes')} span={8} sub={answer.data && t(`step.${answer.data.step}`)}>
        <Shown of={answer} height="340px">
          {(data) => <OutcomesChart asking={asking} data={data} />}
        </Shown>
      </Panel>
      <Panel title={tt('outcomesTable')} span={4} note={<Formula text={tt('shareFormula', { n: row.entered })} />}>
        <Table caption={tt('outcomesRows')} columns={outcomeColumns()} rows={outcomesOf(row)} keyOf={(one) => one.key} />
      </Panel>
    </>
  );
}

// ---- balance ----

interface Books {
  came: number;
  went: number;
}

function booksOf(row: KpiRow): Books {
  const went = row.answered + row.abandoned + row.exit_timeout + row.exit_empty + row.exit_key + row.withdrawn + row.lost;
  return { came: (row.waiting_start ?? 0) + row.entered, went: went + (row.waiting_end ?? 0) };
}

function balanceText(row: KpiRow, books: Books): string {
  if (row.balanced) return tt('balanced');
  const differs = Math.abs(books.came - books.went);
  return differs > 0 ? tt('unbalanced', { n: differs }) : tt('unbalancedWithin');
}

export function BalanceShown({ row, document, zone }: { row: KpiRow; document: KpiDocument; zone: string }) {
  const books = booksOf(row);
  return (
    <div class="books">
      <p>
        <Pill tone={row.balanced ? 'ok' : 'bad'}>{row.balanced ? tt('isBalanced') : tt('isUnbalanced')}</Pill> {balanceText(row, books)}
      </p>
      <dl class="facts">
        <dt>{tt('balanceIn')}</dt>
        <dd>
          {int(row.waiting_start)} + {int(row.entered)} = {int(books.came)}
        </dd>
        <dt>{tt('balanceOut')}</dt>
        <dd>
          {[row.answered, row.abandoned, row.exit_timeout + row.exit_empty + row.exit_key, row.withdrawn, row.lost, row.waiting_end ?? 0]
            .map((count) => int(count))
            .join(' + ')}{' '}
          = {int(books.went)}
        </dd>
      </dl>
      <p>
        <Pill tone={document.complete ? 'ok' : 'warn'}>{document.complete ? tt('isComplete') : t('missing.short')}</Pill>{' '}
        {document.complete ? tt('complete') : tt('incomplete')}
      </p>
      <Notice missing={document} zone={zone} />
    </div>
  );
}

export interface ListedGap {
  site?: string;
  from: string;
  to: string | null;
  kind?: string;
  reason: string;
}

export function GapsTable({ gaps, more = 0, zone }: { gaps: readonly (ListedGap | Gap)[]; more?: number; zone: string }) {
  const rows = gaps as readonly ListedGap[];
  const columns: ColumnOf<ListedGap>[] = [
    { key: 'from', label: tt('gapFrom'), head: true, sort: (gap) => gap.from, cell: (gap) => moment(gap.from, zone) },
    { key: 'to', label: tt('gapTo'), sort: (gap) => gap.to, cell: (gap) => (gap.to ? moment(gap.to, zone) : tt('open')) },
    { key: 'why', label: tt('gapWhy'), cell: (gap) => gap.reason },
  ];
  if (rows.some((gap) => gap.site)) {
    columns.unshift({
      key: 'site',
      label: t('f.site'),
      sort: (gap) => gap.site,
      cell: (gap) => (gap.site ? <Link to={pathOf('site', gap.site)}>{gap.site}</Link> : ''),
    });
  }
  if (rows.some((gap) => gap.kind)) {
    columns.push({ key: 'kind', label: tt('gapKind'), cell: (gap) => (gap.kind === 'live' ? tt('kindLive') : tt('kindCalls')) });
  }
  return (
    <>
      <h3>{tt('gaps')}</h3>
      <Table caption={tt('gaps')} columns={columns} rows={rows} keyOf={(gap) => (gap.site ?? '') + gap.kind + gap.from} limit={8} empty={tt('gapsNone')} />
      {more > 0 && <p class="muted">{tt('gapsMore', { n: more })}</p>}
    </>
  );
}
