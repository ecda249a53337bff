// queue_subject: what a page of figures is about, and what it asks for.
import { PARAM, type DistributionDocument, type Params, type Stat } from '../api';
import type { LevelCounts, LevelWaits } from '../levels';
import { usePlace } from '../route';
import { useRatio, useSpan, useZone, type RatioView, type Span, type ZoneView } from '../view';

export interface Subject {
  site?: string | undefined;
  group?: string | undefined;
  queue?: string | undefined;
}

export interface Asking {
  subject: Subject;
  zone: ZoneView;
  span: Span;
  ratio: RatioView;
  params: Params; // of every question about figures
}

export function useAsking(subject: Subject, ownZone?: string | null): Asking {
  const zone = useZone(ownZone);
  const span = useSpan(zone.zone);
  const ratio = useRatio();
  const short = Number(usePlace().query.get('short') ?? NaN);
  const params: Params = {
    site: subject.site,
    group: subject.site ? undefined : subject.group,
    queue: subject.queue,
    from: span.from,
    to: span.to ?? 'now',
    zone: zone.param,
    ...ratio.params,
    [PARAM.shortAbandon]: Number.isFinite(short) && short >= 0 ? Math.round(short) + 's' : undefined,
  };
  return { subject, zone, span, ratio, params };
}

export type Waits = DistributionDocument & { wait_exit_ms?: Stat & { bins: number[] }; wait_key_ms?: Stat & { bins: number[] } };

// How many left so is known from the counters where no duration was kept out; when they waited how long only from bins.
function leftBy(stat: (Stat & { bins: number[] }) | undefined, counted: number, suspect: number): LevelWaits | null {
  if (stat) return { count: stat.count, bins: stat.bins };
  return counted === 0 || suspect === 0 ? { count: counted, bins: null } : null;
}

export function countsOf(waits: Waits): LevelCounts {
  const n = waits.counters;
  return {
    entered: n.entered,
    answered: waits.wait_answered_ms.bins,
    abandoned: waits.wait_abandoned_ms.bins,
    exits: leftBy(waits.wait_exit_ms, n.exit_timeout + n.exit_empty + n.withdrawn, n.suspect),
    keys: leftBy(waits.wait_key_ms, n.exit_key, n.suspect),
  };
}
