// view: what the reader has chosen to look at, read from the address (route.ts), made into parameters for api.ts.
//
//   useAbout()                {name, zone, role, ...} or undefined
//   useZone(own?)             {zone: name for format.ts, param: for the 'zone' parameter, choice, ready}; `own`: the site's
//   useSpan(zone)             {period, from, to, key}: from and to as RFC 3339, to undefined for "until now"
//   useScope()                {site, group}: for parameters; both undefined: all
//   useRatio()                {params: {service_level, service_level_method}, threshold_s, method, target (0..1)}
//   useAlerts()               the answer of /api/v1/alerts
//   scopeParams(scope)        {site} | {group} | {all: ''}
import { useEffect, useRef, useState } from 'preact/hooks';
import { PARAM, PATH, useAnswer, type About, type AlertsDocument, type Answer, type Params } from './api';
import { fromLocal, midnight } from './format';
import { useNumberParam, usePlace } from './route';
import { recall, remember } from './store';
import { useAlertPulse } from './stream';

export function useAbout(): About | undefined {
  return useAnswer<About>(PATH.about, {}, { every_ms: 60_000 }).data;
}

export const isAdmin = (about: About | undefined): boolean => about?.role === 'admin';

// ---- time zone ----

export type ZoneChoice = 'centre' | 'viewer' | 'utc';

export interface ZoneView {
  choice: ZoneChoice;
  zone: string; // IANA name
  param: string | undefined; // undefined: the collector's own choice
  ready: boolean; // false on the very first visit, until the centre has told its zone: ask nothing by days before
}

export function viewerZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

// The centre's zone, before it has answered as it was the last time.
export function useCentreZone(): { zone: string; ready: boolean } {
  const told = useAbout()?.zone;
  useEffect(() => {
    if (told) remember('zone', told);
  }, [told]);
  const known = told ?? recall('zone');
  return { zone: known ?? viewerZone(), ready: known !== null };
}

export function useZone(own?: string | null): ZoneView {
  const centre = useCentreZone();
  const asked = usePlace().query.get('zone');
  if (asked === 'viewer') return { choice: 'viewer', zone: viewerZone(), param: viewerZone(), ready: true };
  if (asked === 'utc') return { choice: 'utc', zone: 'UTC', param: 'UTC', ready: true };
  return { choice: 'centre', zone: own || centre.zone, param: undefined, ready: Boolean(own) || centre.ready };
}

// ---- period ----

export const PERIODS = ['today', 'yesterday', '7d', '30d', 'custom'] as const;
export type Period = (typeof PERIODS)[number];

export interface Span {
  period: Period;
  from: string;
  to: string | undefined; // undefined: it goes on. Ask until 'now' then, or a silent site's figures end with its data
  from_ms: number;
  to_ms: number; // now, when open
  days: number;
}

const DAYS_BACK: Record<string, [number, number | null]> = {
  today: [0, null],
  yesterday: [-1, 0],
  '7d': [-6, null],
  '30d': [-29, null],
};

// from and to of a custom period are days or moments of the zone's clocks; `to` is a day that still belongs to it.
export function spanOf(query: URLSearchParams, zone: string, prefix = ''): Span {
  const asked = query.get(prefix + 'period') as Period | null;
  let period: Period = asked && PERIODS.includes(asked) ? asked : 'today';
  let from: string | null = null;
  let to: string | null | undefined;
  if (period === 'custom') {
    const begin = query.get(prefix + 'from') ?? '';
    const end = query.get(prefix + 'to') ?? '';
    from = begin ? fromLocal(begin, zone) : null;
    to = end ? fromLocal(end, zone) : null;
    if (to && end.length <= 10) to = midnight(zone, 1, Date.parse(to) + 3_600_000);
    if (from === null) period = 'today';
  }
  if (from === null) {
    const [begin, end] = DAYS_BACK[period] ?? [0, null];
    from = midnight(zone, begin);
    to = end === null ? undefined : midnight(zone, end);
  }
  const from_ms = Date.parse(from);
  const to_ms = to ? Date.parse(to) : Date.now();
  return { period, from, to: to ?? undefined, from_ms, to_ms, days: Math.max(1, Math.round((to_ms - from_ms) / 86_400_000)) };
}

export function useSpan(zone: string, prefix = ''): Span {
  const { query } = usePlace();
  useToday(zone);
  return spanOf(query, zone, prefix);
}

// Draws anew when the day is over.
function useToday(zone: string): void {
  const [, set] = useState('');
  useEffect(() => {
    const timer = setInterval(() => set(midnight(zone)), 30_000);
    return () => clearInterval(timer);
  }, [zone]);
}

// Steps that make a readable chart of the span.
export function stepOf(span: Span): 'interval' | 'hour' | 'day' {
  return span.days <= 2 ? 'interval' : span.days <= 8 ? 'hour' : 'day';
}

// ---- scope ----

export interface ScopeView {
  site: string | undefined;
  group: string | undefined;
}

export function useScope(): ScopeView {
  const { query } = usePlace();
  const site = query.get('site') ?? undefined;
  return { site, group: site ? undefined : (query.get('group') ?? undefined) };
}

export function scopeParams(scope: ScopeView): Params {
  return scope.site ? { site: scope.site } : scope.group ? { group: scope.group } : {};
}

// ---- how ratios are made ----

export const METHODS = [
  'asterisk_sl',
  'asterisk_sl2',
  'amazon',
  'genesys',
  'genesys_flow_outs',
  'genesys_no_short',
  'genesys_flow_outs_no_short',
  'genesys_no_abandons',
  'genesys_flow_outs_no_abandons',
  'ucce_ignore',
  'ucce_negative',
  'ucce_positive',
  'uccx_handled',
  'uccx_without_abandon',
  'uccx_positive',
  'uccx_negative',
  'wazo_qos',
  'vicidial_tma',
  'newvoicemedia',
] as const;

export interface RatioView {
  params: Params;
  threshold_s: number | null; // null: as each queue is set
  method: string | null; // null: as each queue is set
  target: number; // 0..1
}

export function useRatio(): RatioView {
  const { query } = usePlace();
  const [target] = useNumberParam('target', 80);
  const threshold = Number(query.get('threshold') ?? NaN);
  const threshold_s = Number.isFinite(threshold) && threshold >= 0 ? Math.round(threshold) : null;
  const method = METHODS.find((name) => name === query.get('method')) ?? null;
  const params: Params = {
    [PARAM.serviceLevel]: threshold_s === null ? undefined : threshold_s + 's',
    [PARAM.method]: method ?? undefined,
  };
  return { params, threshold_s, method, target: Math.min(100, Math.max(1, target)) / 100 };
}

// ---- alerts ----

// The state of alerts, shared by the frame and the pages; asked again as soon as the stream tells of news.
export function useAlerts(): Answer<AlertsDocument> {
  const on = useAbout()?.features.alerts === true;
  const pulse = useAlertPulse();
  const answer = useAnswer<AlertsDocument>(on ? PATH.alerts : null, {}, { every_ms: 30_000 });
  const seen = useRef(pulse?.version);
  useEffect(() => {
    // The stream tells of changes only: the first word is one, unless it came before this page.
    if (pulse && pulse.version !== seen.current) answer.again();
    seen.current = pulse?.version ?? seen.current;
  }, [pulse?.version]);
  return answer;
}
