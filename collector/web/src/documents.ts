// documents: what the interface answers with (collector/api/openapi.json). Times are RFC 3339 texts, durations ms,
// ratios 0..1; null is "not known" or "does not exist".

export interface About {
  version: string;
  instance: string;
  name: string;
  zone: string;
  now: string;
  role: 'view' | 'admin';
  token: string;
  token_expires: string | null;
  features: { alerts: boolean };
  sandbox: {
    setting: 'yes' | 'no' | 'required';
    system_calls: boolean;
    files: boolean;
    tcp_ports: boolean;
    landlock: number;
  };
  limits: { rows_max: number; budget_ms: number };
}

export interface Gap {
  site: string;
  from: string;
  to: string;
  reason: string;
}

export interface Missing {
  complete: boolean;
  bad_records?: number;
  intervals_dropped?: boolean;
  gaps?: Gap[];
  gaps_left_out?: number;
  silent?: { site: string; since: string }[];
  behind?: { site: string; from: string; intervals: number }[];
  notes?: string[]; // more reasons, added by a page
}

export interface Scope {
  all?: boolean;
  site?: string;
  group?: string;
}

export interface Figures extends Missing {
  site?: string;
  scope: Scope;
  sites: number;
  from: string;
  to: string;
  as_of: string;
  zone: string;
  by: string;
  interval_s: number;
}

export interface ServiceLevelSetting {
  threshold_s: number;
  method: string;
}

export interface ServiceLevel extends ServiceLevelSetting {
  value: number | null;
}

export interface Stat {
  count: number;
  sum: number;
  mean: number | null;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
  bins?: number[];
}

export interface Flow {
  entered: number;
  answered: number;
  abandoned: number;
  abandoned_short: number;
  exit_timeout: number;
  exit_empty: number;
  exit_key: number;
  withdrawn: number;
  blocked: number;
  lost: number;
  lost_connected: number;
  transferred_in: number;
  transferred_out: number;
  ring_no_answer: number;
  suspect: number;
}

export interface KpiRow extends Flow {
  site?: string;
  queue: string;
  label?: string;
  start?: string;
  hour_of_week?: number;
  weekday?: string;
  hour?: number;
  waiting_start: number | null;
  waiting_end: number | null;
  waiting_max: number | null;
  cohort: Record<string, number>;
  wait_answered_ms: Stat;
  wait_abandoned_ms: Stat;
  talk_ms: Stat;
  hold_ms: Stat;
  ring_ms: Stat;
  handle_ms: Stat;
  asa_ms: number | null;
  aht_ms: number | null;
  abandon_rate: number | null;
  service_level: ServiceLevel;
  balanced: boolean;
  complete: boolean;
}

export interface KpiDocument extends Figures {
  rows: KpiRow[];
}

export interface LiveFigures {
  waiting: number | null;
  longest_wait_ms: number | null;
  talking: number | null;
  held: number | null;
  ready: number | null;
  paused: number | null;
  logged_in: number | null;
  on_call: number | null;
}

export interface LiveAge {
  as_of: string | null;
  age_ms: number | null;
  stale: boolean;
}

export interface LiveRow extends LiveFigures, LiveAge {
  site: string;
  group: string | null;
  queue: string;
}

export interface LiveTotals extends LiveFigures {
  sites: number;
  sites_telling: number;
  sites_stale: number;
}

export interface LiveOperator extends LiveAge {
  site: string;
  operator: string;
  state: string;
  since: string | null;
  in_state_ms: number | null;
  queue: string | null;
  reason: string | null;
}

export interface LiveDocument {
  as_of: string;
  rows: LiveRow[];
  totals: LiveTotals;
  operators?: LiveOperator[];
  operators_more?: number;
}

export interface WaitingNow {
  site: string;
  queue: string;
  waiting: number | null;
  longest_wait_ms: number | null;
}

export interface OverviewDocument {
  as_of: string;
  zone: string;
  scope: Scope;
  today: Partial<Missing> & { from: string; to: string; complete: boolean; row: KpiRow | null };
  live: LiveTotals & { worst: WaitingNow[] };
  sites: {
    known: number;
    joined: number;
    online: number;
    silent: number;
    telling: number;
    behind: number;
    with_gaps: number;
    unbalanced: number;
    expiring: number;
  };
  silent: { site: string; last_seen: string | null; last_seen_age_ms: number | null }[];
  alerts?: { firing: number; pending: number; critical: number };
}

export interface SiteBrief {
  site: string;
  number: number;
  state: string;
  group: string | null;
  zone: string | null;
  online: boolean;
  last_seen: string | null;
  last_seen_age_ms: number | null;
  lag_ms: number | null;
  backlog: number | null;
  agent_version: string | null;
  clock_offset_ms: number | null;
  waiting: number | null;
  talking: number | null;
  oldest_wait_ms: number | null;
  certificate_end: string | null;
  added: string | null;
  joined: string | null;
  token_expires: string | null;
}

export interface SiteListed extends SiteBrief {
  silent: boolean;
  newest_interval: string | null;
  gaps: number;
  behind: boolean;
  gaps_open: number;
  last_gap: { from: string; to: string | null; reason: string } | null;
  unbalanced: number;
  refused: number;
  conflicts: number;
  unknown_verbs: number;
  clock_steps: number;
  interval_s: number | null;
}

export interface SitesDocument {
  as_of: string;
  sites: SiteListed[];
}

// Of one site; what only an admin sees is absent for others.
export interface SiteDocument extends SiteBrief {
  silent?: boolean;
  newest_interval?: string | null;
  oldest_backlog?: string | null;
  connected?: string | null;
  acknowledged?: string | null;
  agent_zone?: string | null;
  interval_s?: number | null;
  address?: string | null;
  certificate_serial?: string | null;
  key?: string | null;
  live?: LiveFigures & LiveAge;
  counters?: Record<string, number>;
  quality?: Record<string, number>;
  gaps?: { from: string; to: string | null; kind: string; reason: string }[];
  events?: { at: string; kind: string; text: string }[];
}

export interface GroupsDocument {
  groups: { group: string; sites: number }[];
  ungrouped: number;
}

export interface QueuesDocument {
  queues: { queue: string; label: string | null; sites: number; service_level: ServiceLevelSetting | null }[];
}

export type Column = (number | null)[];

// An array a figure beside the named ones: series.entered, series.service_level_value are in `columns()` of figures.ts.
export interface Series {
  site?: string;
  queue: string;
  label?: string;
  start: string[];
  complete: boolean[];
  balanced: boolean[];
  [field: string]: unknown;
}

export interface TimeseriesDocument extends Figures {
  step: 'interval' | 'hour' | 'day';
  fields: string[];
  series: Series[];
}

export interface HeatmapDocument extends Figures {
  fields: string[];
  weekdays: string[];
  service_level: ServiceLevelSetting;
  cells: { complete: (boolean | null)[] } & Record<string, (number | boolean | null)[]>;
}

export interface DistributionDocument extends Figures {
  queue: string;
  settings: { threshold_s: number; method: string; short_abandon_s: number };
  counters: Flow;
  wait_answered_ms: Stat & { bins: number[] };
  wait_abandoned_ms: Stat & { bins: number[] };
  within: { answered: number; abandoned: number; exact: boolean };
  service_levels: { method: string; value: number | null }[];
}

export interface RankingRow {
  rank: number;
  site: string;
  queue?: string;
  label?: string;
  value: number;
  entered: number;
  answered: number;
  abandoned: number;
  abandon_rate: number | null;
  asa_ms: number | null;
  service_level: ServiceLevel;
  complete: boolean;
  balanced: boolean;
  spark?: { step: string; start: string[]; values: Column };
}

export interface RankingDocument extends Figures {
  metric: string;
  order: string;
  of: 'site' | 'queue';
  calls_min: number;
  compared: number;
  rows: RankingRow[];
}

export interface AlertRule {
  rule: string;
  metric: string;
  below?: string | null;
  above?: string | null;
  per: string;
  severity: string;
  window_ms: number;
  for_ms: number;
  calls_min: number;
  summary: string | null;
  active: boolean;
}

export interface Alert {
  id: string;
  rule: string;
  severity: string;
  phase: 'pending' | 'firing';
  site: string | null;
  group: string | null;
  queue: string | null;
  value: number | null;
  value_text: string | null;
  worst: number | null;
  calls: number | null;
  since: string | null;
  begun: string | null;
  seen: string | null;
  muted: boolean;
  stale: boolean;
  text: string;
}

export interface AlertNews extends Omit<Alert, 'phase'> {
  phase?: string;
  news: 'firing' | 'resolved';
  at: string;
}

export interface AlertMute {
  rule: string;
  site: string | null;
  until: string | null;
  by: string | null;
  why: string | null;
}

export interface AlertsDocument {
  as_of: string;
  rules: AlertRule[];
  alerts: Alert[];
  recent: AlertNews[];
  receivers: {
    receiver: string;
    type: string;
    waiting: number;
    last_ok: string | null;
    last_error: string | null;
    failures: number;
  }[];
  mutes: AlertMute[];
}

export interface TokensDocument {
  tokens: { name: string; role: string; created: string; expires: string | null; revoked: string | null; valid: boolean }[];
}

export interface StoreDocument {
  created: string;
  committed: string | null;
  commits: number;
  intervals: number;
  pending: number;
  used_bytes: number;
  file_bytes: number;
  limit_bytes: number;
}
