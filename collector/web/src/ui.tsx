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
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Answer, ApiError, Missing } from './api';
import { MissingMark } from './missing';
import { Button, Link, Loading, Skeleton, cls, type Children, type Tone } from './pieces';
import type { Changes } from './route';
import { t } from './text';

export * from './missing';
export * from './pieces';
export * from './table';

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

// ---- choices ----

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
