// missing: what an answer does not know, and how a ratio was made. Import it from ui.tsx.
import { useId } from 'preact/hooks';
import type { Missing, ServiceLevelSetting } from './api';
import { moment } from './format';
import { t } from './text';

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
