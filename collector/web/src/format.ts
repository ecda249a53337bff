// format: numbers, shares, durations and moments as people read them. Every function takes null and undefined and
// then gives "–"; <Value> in ui.tsx adds what that means. Moments are written in the zone that they are given.
//
//   int(1234) 1,234    pct(0.8125) 81.3%    dur(95_000) 1:35    ago(95_000) 1m 35s    bytes(1e6)
//   moment(at, zone, 'time' | 'minute' | 'day' | 'date' | 'full' | 'hour')
//   midnight(zone, days)     the beginning of today (days 0), yesterday (-1), ... in that zone, as RFC 3339 in UTC
import { lang, locale } from './text';

export const UNKNOWN = '–';
type Maybe = number | null | undefined;

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale() + JSON.stringify(options);
  let found = made.get(key);
  if (!found) made.set(key, (found = new Intl.NumberFormat(locale(), options)));
  return found as Intl.NumberFormat;
}

export function int(value: Maybe): string {
  return value == null ? UNKNOWN : numbers({ maximumFractionDigits: 0 }).format(value);
}

export function decimal(value: Maybe, digits = 1): string {
  return value == null ? UNKNOWN : numbers({ maximumFractionDigits: digits }).format(value);
}

// Never rounded up to what it is not: 99.97 % is not shown as 100 %, nor 0.02 % as 0 %.
export function pct(value: Maybe, digits = 1): string {
  if (value == null) return UNKNOWN;
  const unit = 10 ** -(digits + 2);
  const near = value < 1 && value > 1 - unit ? 1 - unit : value > 0 && value < unit ? unit : value;
  return numbers({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(near);
}

function two(value: number): string {
  return value < 10 ? '0' + value : String(value);
}

// m:ss, and h:mm:ss from an hour on.
export function dur(ms: Maybe): string {
  if (ms == null) return UNKNOWN;
  const s = Math.round(Math.abs(ms) / 1000);
  const sign = ms < 0 && s > 0 ? '−' : '';
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return sign + (hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`);
}

const UNITS: [string, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

// A length in its two largest units, for ages and lags: "3h 5m".
export function ago(ms: Maybe): string {
  if (ms == null) return UNKNOWN;
  if (Math.abs(ms) < 1000 && ms !== 0) return Math.round(ms) + ' ms';
  let left = Math.round(Math.abs(ms) / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(numbers({ style: 'unit', unit, unitDisplay: 'narrow' }).format(count));
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  const text = parts.length > 0 ? parts.join(lang.get() === 'zh' ? '' : ' ') : numbers({ style: 'unit', unit: 'second', unitDisplay: 'narrow' }).format(0);
  return (ms < 0 ? '−' : '') + text;
}

export function bytes(value: Maybe): string {
  if (value == null) return UNKNOWN;
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let at = 0;
  while (size >= 1024 && at < names.length - 1) {
    size /= 1024;
    at++;
  }
  return decimal(size, at === 0 ? 0 : 1) + ' ' + names[at];
}

// ---- moments ----

export type Style = 'time' | 'minute' | 'hour' | 'day' | 'date' | 'full' | 'stamp';

const STYLES: Record<Style, Intl.DateTimeFormatOptions> = {
  time: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  minute: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  hour: { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  date: { year: 'numeric', month: 'short', day: 'numeric' },
  stamp: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  full: {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  },
};

function dates(options: Intl.DateTimeFormatOptions, zone: string, name = locale()): Intl.DateTimeFormat {
  const key = name + zone + JSON.stringify(options);
  let found = made.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat(name, { ...options, timeZone: zone });
    } catch {
      found = new Intl.DateTimeFormat(name, { ...options, timeZone: 'UTC' }); // a zone this browser does not have
    }
    made.set(key, found);
  }
  return found as Intl.DateTimeFormat;
}

export function ms(at: string | number | Date): number {
  return at instanceof Date ? at.getTime() : typeof at === 'number' ? at : Date.parse(at);
}

export function moment(at: string | number | Date | null | undefined, zone: string, style: Style = 'stamp'): string {
  if (at === null || at === undefined || at === '') return UNKNOWN;
  const value = ms(at);
  return Number.isFinite(value) ? dates(STYLES[style], zone).format(value) : UNKNOWN;
}

// How far the zone is ahead of UTC at that moment.
function offset_ms(at_ms: number, zone: string): number {
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  };
  const parts: Record<string, number> = {};
  for (const part of dates(options, zone, 'en-US').formatToParts(at_ms)) parts[part.type] = Number(part.value);
  const wall_ms = Date.UTC(
    parts['year'] ?? 0,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  );
  return wall_ms - Math.floor(at_ms / 1000) * 1000;
}

// The first moment at which clocks in the zone show that (wall: ms as if they were UTC), or more where they skip it.
function atWall(wall_ms: number, zone: string): number {
  const day_ms = 86_400_000;
  const tries = [-day_ms, day_ms].map((off_ms) => wall_ms - offset_ms(wall_ms + off_ms, zone));
  const fitting = tries.filter((at_ms) => at_ms + offset_ms(at_ms, zone) >= wall_ms);
  return Math.min(...(fitting.length > 0 ? fitting : tries));
}

export function iso(at_ms: number): string {
  return new Date(at_ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function midnight(zone: string, days = 0, now_ms = Date.now()): string {
  const wall = new Date(now_ms + offset_ms(now_ms, zone));
  return iso(atWall(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate() + days), zone));
}

// "2026-11-22" or "2026-11-22T10:00" as the zone's clocks show it, and back.
export function fromLocal(text: string, zone: string): string | null {
  const wall_ms = Date.parse(text.length <= 10 ? text + 'T00:00Z' : text + 'Z');
  return Number.isFinite(wall_ms) ? iso(atWall(wall_ms, zone)) : null;
}

export function toLocal(at: string | number, zone: string, withTime = false): string {
  const at_ms = ms(at);
  return new Date(at_ms + offset_ms(at_ms, zone)).toISOString().slice(0, withTime ? 16 : 10);
}

export function weekdayNames(style: 'short' | 'long' = 'short'): string[] {
  const monday_ms = Date.UTC(2024, 0, 1);
  return Array.from({ length: 7 }, (_, day) => dates({ weekday: style }, 'UTC').format(monday_ms + day * 86_400_000));
}
