// table: rows in a real table that can be sorted. Import it from ui.tsx.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button, Empty, cls, type Children } from './pieces';
import { t } from './text';

export interface ColumnOf<T> {
  key: string;
  label: string;
  title?: string;
  numeric?: boolean;
  cell: (row: T) => Children;
  sort?: (row: T) => number | string | null | undefined; // absent: not sortable; unknown ones go last
  first?: 'up' | 'down'; // at the first click; default: numbers down, texts up
  head?: boolean; // names the row
  wide?: boolean; // may go on a narrow screen
}

interface TableProps<T> {
  caption: string;
  showCaption?: boolean;
  columns: readonly ColumnOf<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  sorted?: { key: string; down: boolean }; // as rows come; default: as they come
  limit?: number;
  empty?: Children;
  rowClass?: (row: T) => string | undefined;
}

function compare(a: number | string | null | undefined, b: number | string | null | undefined, down: boolean): number {
  if (a == null || b == null) return (a == null ? 1 : 0) - (b == null ? 1 : 0);
  const order = typeof a === 'string' && typeof b === 'string' ? a.localeCompare(b, undefined, { numeric: true }) : Number(a) - Number(b);
  return down ? -order : order;
}

export function Table<T>({ caption, showCaption, columns, rows, keyOf, sorted, limit, empty, rowClass }: TableProps<T>) {
  const [order, setOrder] = useState(sorted ?? null);
  const [all, setAll] = useState(false);
  const by = order && columns.find((column) => column.key === order.key);
  const value = by?.sort;
  const arranged = order && value ? [...rows].sort((a, b) => compare(value(a), value(b), order.down)) : rows;
  const shown = limit && !all ? arranged.slice(0, limit) : arranged;
  const turn = (column: ColumnOf<T>) => {
    const first = column.first ? column.first === 'down' : column.numeric === true;
    setOrder({ key: column.key, down: order?.key === column.key ? !order.down : first });
  };
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <>
      <Scroll label={caption}>
        <table class="table">
          <caption class={showCaption ? '' : 'sr'}>{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.key} column={column} order={order} turn={() => turn(column)} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={keyOf(row)} class={rowClass?.(row)}>
                {columns.map((column) => {
                  const Cell = column.head ? 'th' : 'td';
                  return (
                    <Cell key={column.key} scope={column.head ? 'row' : undefined} class={cls(column.numeric && 'num', column.wide && 'wide')}>
                      {column.cell(row)}
                    </Cell>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {shown.length < arranged.length && (
        <div class="table-more">
          <Button tone="quiet" onClick={() => setAll(true)}>
            {t('more', { n: arranged.length - shown.length })}
          </Button>
        </div>
      )}
    </>
  );
}

// Can be reached and scrolled with the keyboard where it is wider or higher than its place.
export function Scroll({ label, children, class: name }: { label: string; children?: Children; class?: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setOver(element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    if (element.firstElementChild) watcher.observe(element.firstElementChild);
    return () => watcher.disconnect();
  }, []);
  return (
    <div ref={box} class={cls('table-scroll', name)} {...(over ? { tabIndex: 0, role: 'group', 'aria-label': label } : {})}>
      {children}
    </div>
  );
}

function Head<T>({ column, order, turn }: { column: ColumnOf<T>; order: { key: string; down: boolean } | null; turn: () => void }) {
  const on = order?.key === column.key;
  const state = on ? (order.down ? 'descending' : 'ascending') : undefined;
  return (
    <th scope="col" class={cls(column.numeric && 'num', column.wide && 'wide')} aria-sort={column.sort ? (state ?? 'none') : undefined} title={column.title}>
      {column.sort ? (
        <button type="button" class={cls('sort', on && 'is-on')} onClick={turn}>
          <span>{column.label}</span>
          <span class="sort-mark" aria-hidden="true">
            {on ? (order.down ? '▾' : '▴') : '▾'}
          </span>
        </button>
      ) : (
        column.label
      )}
    </th>
  );
}
