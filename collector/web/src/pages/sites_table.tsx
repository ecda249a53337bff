// sites_table: a table of a thousand rows and more: sorted as a whole, shown by the page, both kept in the address.
import type { ComponentChildren } from 'preact';
import { int } from '../format';
import { setParams, usePlace } from '../route';
import { Button, cls, Empty, Scroll, type ColumnOf } from '../ui';
import { tt } from './sites.text';
import { pager } from './sites_table.text';
import './sites_table.css';

interface PagedProps<T> {
  caption: string;
  columns: readonly ColumnOf<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  first: { key: string; down: boolean };
  perPage?: number;
  empty?: ComponentChildren;
}

type Cell = number | string | null | undefined;

// Unknown ones go last, whichever way.
function compare(a: Cell, b: Cell, down: boolean): number {
  if (a == null || b == null) return (a == null ? 1 : 0) - (b == null ? 1 : 0);
  const order = typeof a === 'string' && typeof b === 'string' ? a.localeCompare(b, undefined, { numeric: true }) : Number(a) - Number(b);
  return down ? -order : order;
}

export function PagedTable<T>({ caption, columns, rows, keyOf, first, perPage = 50, empty }: PagedProps<T>) {
  const { query } = usePlace();
  const key = query.get('sort') ?? first.key;
  const by = columns.find((column) => column.key === key && column.sort) ?? columns.find((column) => column.key === first.key);
  const down = query.has('sort') ? query.get('order') === 'down' : first.down;
  const value = by?.sort;
  if (rows.length === 0) return <Empty>{empty}</Empty>;

  const sorted = value
    ? rows.map((row) => ({ row, at: value(row) })).sort((a, b) => compare(a.at, b.at, down)).map(({ row }) => row)
    : [...rows];
  const pages = Math.ceil(sorted.length / perPage);
  const page = Math.min(pages, Math.max(1, Math.floor(Number(query.get('page') ?? 1)) || 1));
  const from = (page - 1) * perPage;
  const shown = sorted.slice(from, from + perPage);
  const turn = (column: ColumnOf<T>) => {
    const begin = column.first ? column.first === 'down' : column.numeric === true;
    const next = column.key === by?.key ? !down : begin;
    setParams({ sort: column.key, order: next ? 'down' : 'up', page: null });
  };
  return (
    <>
      <Scroll label={caption}>
        <table class="table">
          <caption class="sr">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  class={cls(column.numeric && 'num', column.wide && 'wide')}
                  aria-sort={column.sort ? (column.key === by?.key ? (down ? 'descending' : 'ascending') : 'none') : undefined}
                  title={column.title}
                >
                  {column.sort ? (
                    <button type="button" class={cls('sort', column.key === by?.key && 'is-on')} onClick={() => turn(column)}>
                      <span>{column.label}</span>
                      <span class="sort-mark" aria-hidden="true">
                        {column.key === by?.key && !down ? '▴' : '▾'}
                      </span>
                    </button>
                  ) : (
                    column.label
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((column) => {
                  const Tag = column.head ? 'th' : 'td';
                  return (
                    <Tag key={column.key} scope={column.head ? 'row' : undefined} class={cls(column.numeric && 'num', column.wide && 'wide')}>
                      {column.cell(row)}
                    </Tag>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <nav class="pager" aria-label={pager('label')}>
        <span class="pager-where" role="status">
          {tt('shown', { from: from + 1, to: from + shown.length, all: sorted.length })}
        </span>
        {pages > 1 && (
          <span class="pager-turn">
            <Button tone="quiet" disabled={page === 1} onClick={() => setParams({ page: page > 2 ? String(page - 1) : null })}>
              {pager('before')}
            </Button>
            <span class="pager-page">
              {int(page)} / {int(pages)}
            </span>
            <Button tone="quiet" disabled={page === pages} onClick={() => setParams({ page: String(page + 1) })}>
              {pager('next')}
            </Button>
          </span>
        )}
      </nav>
    </>
  );
}
