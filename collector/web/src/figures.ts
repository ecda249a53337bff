// figures: reading columns of answers.
//
//   levelOf(series)           formula and threshold that a series' service levels are made with; null: they differ
//   otherExits(series, i)     callers who left the queue in other ways than answered or abandoned
//   ageNow(at, now)           how long ago, in ms, by the page's clock; never negative
import type { HeatmapDocument, Series, ServiceLevelSetting } from './api';
import { column } from './chart';

export const OTHER_EXITS = ['exit_timeout', 'exit_empty', 'exit_key', 'withdrawn', 'lost'] as const;

function isSetting(value: unknown): value is ServiceLevelSetting {
  return typeof value === 'object' && value !== null && 'threshold_s' in value && 'method' in value;
}

// The figure of the same name is an array; the setting stands beside it under whichever name has no array.
export function levelOf(series: Series | HeatmapDocument | undefined): ServiceLevelSetting | null {
  const entries = Object.values((series ?? {}) as Record<string, unknown>);
  const found = entries.find(isSetting);
  return found?.method ? found : null;
}

export function otherExits(series: Series | undefined): (number | null)[] {
  const parts = OTHER_EXITS.map((name) => column(series, name));
  return (series?.start ?? []).map((_, i) => parts.reduce((sum, part) => sum + (part[i] ?? 0), 0));
}

export function ageNow(at: string | null | undefined, now = Date.now()): number | null {
  return at ? Math.max(0, now - Date.parse(at)) : null;
}
