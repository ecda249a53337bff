// ui: the pieces that pages are made of.
//
//   <Page title>                        one page: its h1 (takes the focus after navigation) and its content
//   <Panel title actions note>          a section with an h2
//   <Tiles><Tile label value .../></Tiles>
//   <Table caption columns rows .../>   sortable, as a real table
//   <Segmented label options value onChange/>, <Select .../>, <Field label/>, <Button/>, <Link to set/>
//   <Notice missing zone/>              what is missing in an answer, with the reasons; nothing when it is complete
//   <Formula level/> or <Formula text/> how a ratio was made
//   <Answered of={answer}>{(data) => ...}</Answered>   skeleton, error or content of useAnswer()
//   <Value v={x} f={pct}/>              "–" with its meaning where x is null
//   <Spark/>, <Pill/>, <Skeleton/>, <Empty/>, <Meter/>
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Answer, ApiError, Column, Missing, ServiceLevelSetting } from './api';
import { UNKNOWN, moment } from './format';
import { go, goTo, href, usePlace, type Changes } from './route';
import { t } from './text';

type Children = ComponentChildren;
export type Tone = 'ok' | 'warn' | 'bad' | 'quiet' | 'accent';

export function cls(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}

// ---- page and panels ----

export function Page({ title, lead, actions, children }: { title: string; lead?: Children; actions?: Children; children?: Children }) {
  useEffect(() => {
    document.title = title + ' · ' + t('app.name');
  }, [title]);
  useEffect(() => {
    if (focusWanted) focusHeading();
  }, []);
  return (
    <div class="page">
      <header class="page-head">
        <div class="page-title">
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <div class="lead">{lead}</div>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title: string;
  sub?: Children;
  actions?: Children;
  note?: Children; // at the foot: formulas, notices
  span?: 1 | 2 | 3 | 4 | 6 | 8 | 12; // of 12 columns in <Grid>
  busy?: boolean;
  class?: string;
  children?: Children;
}

export function Panel({ title, sub, actions, note, span, busy, children, ...rest }: PanelProps) {
  const id = useId();
  return (
    <section class={cls('panel', span && 'span-' + span, rest.class)} aria-labelledby={id} aria-busy={busy ? 'true' : undefined}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {sub && <div class="panel-sub">{sub}</div>}
        {actions && <div class="panel-actions">{actions}</div>}
      </header>
      <div class="panel-body">{children}</div>
      {note && <footer class="panel-note">{note}</footer>}
    </section>
  );
}

export function Grid({ children }: { children?: Children }) {
  return <div class="grid">{children}</div>;
}

// ---- tiles ----

interface TileProps {
  label: string;
  value: Children; // undefined: still loading
  tone?: Tone | undefined;
  unit?: string;
  sub?: Children; // target, formula, comparison
  spark?: Children;
  missing?: Missing | null | undefined;
  zone?: string;
  stale?: boolean;
  to?: string;
  set?: Changes;
}

export function Tiles({ children, label }: { children?: Children; label: string }) {
  return (
    <ul class="tiles" aria-label={label}>
      {children}
    </ul>
  );
}

export function Tile({ label, value, tone, unit, sub, spark, missing, zone, stale, to, set }: TileProps) {
  const body = (
    <>
      <span class="tile-label">{label}</span>
      <span class={cls('tile-value', tone && 'tone-' + tone)}>
        {value === undefined ? <Skeleton width="3ch" /> : value}
        {unit && <span class="tile-unit">{unit}</span>}
      </span>
    </>
  );
  return (
    <li class={cls('tile', stale && 'is-stale')}>
      {to ? (
        <Link to={to} {...(set ? { set } : {})} class="tile-main">
          {body}
        </Link>
      ) : (
        <div class="tile-main">{body}</div>
      )}
      {spark}
      <div class="tile-sub">
        {sub}
        {missing && !missing.complete && <MissingMark missing={missing} zone={zone ?? 'UTC'} />}
      </div>
    </li>
  );
}

// ---- small things ----

export function Value({ v, f }: { v: number | null | undefined; f: (value: number) => string }) {
  if (v === null || v === undefined) return <Unknown />;
  return <>{f(v)}</>;
}

export function Unknown() {
  return (
    <span class="unknown" title={t('unknown')}>
      <span aria-hidden="true">{UNKNOWN}</span>
      <span class="sr">{t('unknown')}</span>
    </span>
  );
}

export function Pill({ tone = 'quiet', children, title }: { tone?: Tone; children?: Children; title?: string }) {
  return (
    <span class={'pill pill-' + tone} title={title}>
      {children}
    </span>
  );
}

export const SEVERITY_TONES: Record<string, Tone> = { critical: 'bad', warning: 'warn', info: 'accent' };

export function Severity({ of }: { of: string }) {
  const known = of === 'critical' || of === 'warning' || of === 'info';
  return <Pill tone={SEVERITY_TONES[of] ?? 'quiet'}>{known ? t(`severity.${of}`) : of}</Pill>;
}

export function Skeleton({ width = '100%', height = '1em' }: { width?: string; height?: string }) {
  return <span class="skeleton" aria-hidden="true" style={{ width, height }} />;
}

export function Loading({ height = '160px' }: { height?: string }) {
  return (
    <div class="loading" style={{ minHeight: height }}>
      <span class="sr">{t('app.loading')}</span>
      <Skeleton height={height} />
    </div>
  );
}

export function Empty({ children }: { children?: Children }) {
  return <p class="empty">{children ?? t('empty.span')}</p>;
}

// A bar of how much of the whole; the number stands beside it.
export function Meter({ value, max = 1, tone = 'accent' }: { value: number; max?: number; tone?: Tone }) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <span class="meter" aria-hidden="true">
      <span class={'meter-bar meter-' + tone} style={{ width: share * 100 + '%' }} />
    </span>
  );
}

// How a figure went, without axes; the numbers beside it say the rest. `target` draws a line, null leaves a hole.
export function Spark({ values, width = 96, height = 24, low, high, spread = 0, target, label }: {
  values: Column;
  width?: number;
  height?: number;
  low?: number;
  high?: number;
  spread?: number; // the least height, so that noise does not look like mountains
  target?: number;
  label?: string;
}) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return <svg class="spark" width={width} height={height} aria-hidden="true" />;
  const least = low ?? Math.min(...known, target ?? Infinity);
  const most = high ?? Math.max(...known, target ?? -Infinity);
  const room = Math.max(0, spread - (most - least)) / 2;
  const min = least - room;
  const max = most + room;
  const x = (i: number) => 1 + (i * (width - 2)) / Math.max(1, values.length - 1);
  const y = (value: number) => height - 2 - ((value - min) / (max - min || 1)) * (height - 4);
  const part = (value: number | null, i: number) =>
    value === null ? '' : `${i === 0 || values[i - 1] === null ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  const lone = values.map((value, i) => value !== null && values[i - 1] == null && values[i + 1] == null);
  return (
    <svg
      class="spark"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' })}
    >
      {target !== undefined && <line class="spark-target" x1="0" x2={width} y1={y(target)} y2={y(target)} />}
      <path class="spark-line" d={values.map(part).join('')} />
      {values.map((value, i) => lone[i] && value !== null && <circle class="spark-dot" cx={x(i)} cy={y(value)} r="1.5" />)}
    </svg>
  );
}

// ---- links, buttons, choices ----

interface LinkProps extends Omit<JSX.HTMLAttributes<HTMLAnchorElement>, 'href'> {
  to: string;
  set?: Changes;
}

export function Link({ to, set, children, ...rest }: LinkProps) {
  usePlace(); // the address carries the shared state
  const address = href(to, set);
  const onClick = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to, set);
  };
  return (
    <a href={address} onClick={onClick} {...rest}>
      {children}
    </a>
  );
}

interface ButtonProps {
  onClick?: () => void;
  tone?: 'plain' | 'primary' | 'quiet';
  type?: 'button' | 'submit';
  disabled?: boolean;
  pressed?: boolean;
  expanded?: boolean;
  controls?: string;
  title?: string;
  children?: Children;
}

export function Button({ tone = 'plain', type = 'button', pressed, expanded, controls, children, ...rest }: ButtonProps) {
  return (
    <button type={type} class={'button button-' + tone} aria-pressed={pressed} aria-expanded={expanded} aria-controls={controls} {...rest}>
      {children}
    </button>
  );
}

export interface Option<T extends string> {
  value: T;
  label: string;
  title?: string;
}

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly Option<T>[];
  value: T;
  onChange: (value: T) => void;
  showLabel?: boolean;
}

// A few choices side by side: radio buttons, so that arrows move among them.
export function Segmented<T extends string>({ label, options, value, onChange, showLabel }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class={showLabel ? 'field-label' : 'sr'}>{label}</legend>
      <div class="segments">
        {options.map((option) => (
          <label key={option.value} class={cls('segment', option.value === value && 'is-on')} title={option.title}>
            <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface SelectProps<T extends string> extends ChoiceProps<T> {
  groups?: { label: string; options: readonly Option<T>[] }[];
}

export function Select<T extends string>({ label, options, groups, value, onChange, showLabel = true }: SelectProps<T>) {
  const one = (option: Option<T>) => (
    <option key={option.value} value={option.value} selected={option.value === value}>
      {option.label}
    </option>
  );
  return (
    <label class="field">
      <span class={showLabel ? 'field-label' : 'sr'}>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map(one)}
        {groups?.map((group) => (
          <optgroup key={group.label} label={group.label}>
            {group.options.map(one)}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

export function Field({ label, children, showLabel = true }: { label: string; children?: Children; showLabel?: boolean }) {
  return (
    <label class="field">
      <span class={showLabel ? 'field-label' : 'sr'}>{label}</span>
      {children}
    </label>
  );
}

// ---- tables ----

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

// ---- what is missing, how it was made ----

export function missingReasons(missing: Missing, zone: string): string[] {
  const out: string[] = [];
  for (const item of missing.silent ?? []) out.push(t('missing.silent.one', { site: item.site, since: moment(item.since, zone) }));
  for (const item of missing.behind ?? []) {
    out.push(t('missing.behind.one', { site: item.site, n: item.intervals, from: moment(item.from, zone) }));
  }
  for (const item of missing.gaps ?? []) {
    out.push(t('missing.gap.one', { site: item.site, from: moment(item.from, zone), to: moment(item.to, zone), reason: item.reason }));
  }
  if (missing.gaps_left_out) out.push(t('more', { n: missing.gaps_left_out }));
  if (missing.intervals_dropped) out.push(t('missing.dropped'));
  if (missing.bad_records) out.push(t('missing.bad', { n: missing.bad_records }));
  out.push(...(missing.notes ?? []));
  return out.length > 0 ? out : [t('missing.other')];
}

// What of it touches a span: for the tooltip of one step.
export function missingBetween(missing: Missing, from_ms: number, to_ms: number): Missing {
  return {
    complete: false,
    gaps: (missing.gaps ?? []).filter((gap) => Date.parse(gap.from) < to_ms && Date.parse(gap.to) > from_ms),
    silent: (missing.silent ?? []).filter((item) => Date.parse(item.since) < to_ms),
    behind: (missing.behind ?? []).filter((item) => Date.parse(item.from) < to_ms),
    ...(missing.intervals_dropped ? { intervals_dropped: true } : {}),
  };
}

export function missingSummary(missing: Missing): string {
  const out: string[] = [];
  if (missing.silent?.length) out.push(t('missing.silent', { n: missing.silent.length }));
  if (missing.behind?.length) out.push(t('missing.behind', { n: missing.behind.length }));
  const gaps = (missing.gaps?.length ?? 0) + (missing.gaps_left_out ?? 0);
  if (gaps > 0) out.push(t('missing.gaps', { n: gaps }));
  if (missing.intervals_dropped) out.push(t('missing.dropped'));
  if (missing.bad_records) out.push(t('missing.bad', { n: missing.bad_records }));
  out.push(...(missing.notes ?? []));
  return out.length > 0 ? out.join(' · ') : t('missing.other');
}

const REASONS_SHOWN = 12;

// A mark that tells the reasons on hover and on focus. Short: only the hatch is seen.
export function MissingMark({ missing, zone, short }: { missing: Missing; zone: string; short?: boolean }) {
  const id = useId();
  const reasons = missingReasons(missing, zone);
  return (
    <span class="missing-mark">
      <button type="button" class="mark" aria-describedby={id}>
        <span class="hatch" aria-hidden="true" />
        <span class={short ? 'sr' : ''}>{t('missing.short')}</span>
      </button>
      <span class="tip" role="tooltip" id={id}>
        <ReasonList reasons={reasons} />
      </span>
    </span>
  );
}

function ReasonList({ reasons }: { reasons: string[] }) {
  return (
    <>
      {reasons.slice(0, REASONS_SHOWN).map((reason, i) => (
        <span class="reason" key={i}>
          {reason}
        </span>
      ))}
      {reasons.length > REASONS_SHOWN && <span class="reason">{t('more', { n: reasons.length - REASONS_SHOWN })}</span>}
    </>
  );
}

export function Notice({ missing, zone, unbalanced }: { missing: Missing | null | undefined; zone: string; unbalanced?: boolean }) {
  if (!missing || (missing.complete && !unbalanced)) return null;
  const reasons = missing.complete ? [] : missingReasons(missing, zone);
  return (
    <div class="notice">
      <span class="hatch" aria-hidden="true" />
      <div>
        {unbalanced && <strong>{t('missing.unbalanced')}. </strong>}
        {!missing.complete && (
          <details>
            <summary>
              <strong>{t('missing.title')}:</strong> {missingSummary(missing)}
            </summary>
            <ReasonList reasons={reasons} />
          </details>
        )}
      </div>
    </div>
  );
}

// Names formula and threshold of a service level, or any other formula by text. Short: where the figure is named.
export function Formula({ level, text, short }: { level?: ServiceLevelSetting | null | undefined; text?: string; short?: boolean }) {
  if (text) return <span class="formula">{text}</span>;
  if (!level?.method) return <span class="formula">{t('ratio.mixed')}</span>;
  if (short) return <span class="formula">{t('ratio.sl.short', { method: level.method, threshold: String(level.threshold_s) })}</span>;
  return <span class="formula">{formulaText(level)}</span>;
}

export function formulaText(level: ServiceLevelSetting): string {
  return t('ratio.sl', { method: level.method, threshold: String(level.threshold_s) });
}

// ---- answers ----

export function errorText(error: ApiError): string {
  const known: Record<number, 'error.0' | 'error.403' | 'error.404' | 'error.429' | 'error.503'> = {
    0: 'error.0',
    403: 'error.403',
    404: 'error.404',
    429: 'error.429',
    503: 'error.503',
  };
  const key = known[error.code];
  return key && error.code !== 404 ? t(key) : error.what || t('error.title');
}

export function Trouble({ error, again }: { error: ApiError; again?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{t('error.title')}.</strong> {errorText(error)} {error.where && t('error.where', { where: error.where })}
      </p>
      {again && <Button onClick={again}>{t('error.again')}</Button>}
    </div>
  );
}

interface AnsweredProps<T> {
  of: Answer<T>;
  height?: string; // of the skeleton
  children: (data: T) => Children;
}

export function Answered<T>({ of, height, children }: AnsweredProps<T>) {
  if (of.data === undefined) return of.error && !of.error.passing ? <Trouble error={of.error} again={of.again} /> : <Loading {...(height ? { height } : {})} />;
  return (
    <div class={cls('answered', of.previous && 'is-previous')} aria-busy={of.previous ? 'true' : undefined}>
      {of.error && !of.error.passing && <Trouble error={of.error} again={of.again} />}
      {children(of.data)}
    </div>
  );
}

// Puts the focus on the page's heading after navigation, so that a screen reader says where one is. A page that is still
// being loaded takes it once it is there.
let focusWanted = false;

function focusHeading(): void {
  const heading = document.querySelector<HTMLElement>('main h1');
  if (!heading) return;
  focusWanted = false;
  heading.focus({ preventScroll: true });
}

export function useFocusOnNavigation(path: string): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    window.scrollTo(0, 0);
    focusWanted = true;
    focusHeading();
  }, [path]);
}

export { goTo };
