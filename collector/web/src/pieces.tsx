// pieces: the small things that others are made of. Import them from ui.tsx.
import type { ComponentChildren, JSX } from 'preact';
import type { Column } from './api';
import { UNKNOWN } from './format';
import { go, href, usePlace, type Changes } from './route';
import { t } from './text';

export type Children = ComponentChildren;
export type Tone = 'ok' | 'warn' | 'bad' | 'quiet' | 'accent';

export function cls(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}

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

// ---- links and buttons ----

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
