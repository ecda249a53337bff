// controls: what a page of figures is asked about; everything is kept in the address (view.ts reads it).
//
//   <Controls zone={zone} scope period ratio/>   a bar with the wanted pickers
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { PATH, useAnswer, type GroupsDocument, type SitesDocument } from './api';
import { pct, toLocal } from './format';
import { setParams, usePlace } from './route';
import { t } from './text';
import { Button, Field, Segmented, Select } from './ui';
import { METHODS, PERIODS, spanOf, useRatio, useScope, type Period } from './view';

interface ControlsProps {
  zone: string;
  scope?: boolean;
  period?: boolean;
  ratio?: boolean;
}

export function Controls({ zone, scope, period, ratio }: ControlsProps) {
  return (
    <div class="controls">
      {scope && <ScopePicker />}
      {period && <PeriodPicker zone={zone} />}
      {ratio && <RatioPicker />}
    </div>
  );
}

// `prefix` keeps a second period apart from the first: "b" makes bperiod, bfrom, bto.
export function PeriodPicker({ zone, prefix = '', label }: { zone: string; prefix?: string; label?: string }) {
  const { query } = usePlace();
  const span = spanOf(query, zone, prefix);
  const last = () => toLocal(span.to ? span.to_ms - 1 : Date.now(), zone);
  const choose = (value: Period) => {
    const custom = value === 'custom';
    setParams({
      [prefix + 'period']: value === 'today' && !prefix ? null : value,
      [prefix + 'from']: custom ? toLocal(span.from, zone) : null,
      [prefix + 'to']: custom ? last() : null,
    });
  };
  const name = label ?? t('period.label');
  return (
    <div class="period">
      <Segmented<Period>
        label={name}
        showLabel
        value={span.period}
        onChange={choose}
        options={PERIODS.map((value) => ({ value, label: t(`period.${value}`) }))}
      />
      {span.period === 'custom' && (
        <div class="dates" role="group" aria-label={t('period.dates')}>
          <Field label={t('period.from')}>
            <input
              type="date"
              value={toLocal(span.from, zone)}
              max={last()}
              onChange={(event) => event.currentTarget.value && setParams({ [prefix + 'from']: event.currentTarget.value })}
            />
          </Field>
          <Field label={t('period.to')}>
            <input
              type="date"
              value={last()}
              min={toLocal(span.from, zone)}
              onChange={(event) => setParams({ [prefix + 'to']: event.currentTarget.value })}
            />
          </Field>
        </div>
      )}
    </div>
  );
}

export function ScopePicker() {
  const scope = useScope();
  const groups = useAnswer<GroupsDocument>(PATH.groups, {}, { every_ms: 300_000 });
  const [wanted, setWanted] = useState(scope.site !== undefined);
  const sites = useAnswer<SitesDocument>(wanted ? PATH.sites : null, {}, { every_ms: 0 });
  const value = scope.site ? 'site:' + scope.site : scope.group ? 'group:' + scope.group : '';
  const choose = (next: string) => {
    const kind = next.slice(0, next.indexOf(':'));
    const name = next.slice(next.indexOf(':') + 1);
    setParams({ site: kind === 'site' ? name : null, group: kind === 'group' ? name : null });
  };
  const siteNames = sites.data?.sites.map((site) => site.site) ?? [];
  const known = scope.site && !siteNames.includes(scope.site) ? [scope.site, ...siteNames] : siteNames;
  return (
    <div onFocusCapture={() => setWanted(true)} onPointerEnter={() => setWanted(true)}>
      <Select
        label={t('scope.label')}
        value={value}
        onChange={choose}
        options={[{ value: '', label: t('scope.all') }]}
        groups={[
          {
            label: t('scope.groups'),
            options: (groups.data?.groups ?? []).map((item) => ({
              value: 'group:' + item.group,
              label: `${item.group} (${t('n.sites', { n: item.sites })})`,
            })),
          },
          { label: t('scope.sites'), options: known.map((id) => ({ value: 'site:' + id, label: id })) },
        ].filter((group) => group.options.length > 0)}
      />
    </div>
  );
}

// How the service level is made, and what it should be.
export function RatioPicker() {
  const ratio = useRatio();
  const [open, setOpen] = useState(false);
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const what = ratio.threshold_s === null ? t('ratio.own') : t('ratio.seconds', { n: ratio.threshold_s });
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false);
    const onPoint = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener('keydown', onKey);
    addEventListener('pointerdown', onPoint);
    return () => {
      removeEventListener('keydown', onKey);
      removeEventListener('pointerdown', onPoint);
    };
  }, [open]);
  return (
    <div class="ratio" ref={box}>
      <Button expanded={open} controls={id} onClick={() => setOpen(!open)}>
        {t('ratio.now', { what, target: pct(ratio.target, 0) })}
      </Button>
      <div id={id} class="popover" hidden={!open} role="group" aria-label={t('ratio.settings')}>
        <Field label={`${t('ratio.threshold')} (s)`}>
          <input
            type="number"
            min="0"
            max="9990"
            step="1"
            placeholder={t('ratio.own')}
            value={ratio.threshold_s ?? ''}
            onChange={(event) => setParams({ threshold: event.currentTarget.value || null })}
          />
        </Field>
        <Select
          label={t('ratio.method')}
          value={ratio.method ?? ''}
          onChange={(method) => setParams({ method })}
          options={[{ value: '', label: t('ratio.own') }, ...METHODS.map((name) => ({ value: name, label: name }))]}
        />
        <Field label={`${t('ratio.target')} (%)`}>
          <input
            type="number"
            min="1"
            max="100"
            step="1"
            value={Math.round(ratio.target * 100)}
            onChange={(event) => setParams({ target: event.currentTarget.value === '80' ? null : event.currentTarget.value })}
          />
        </Field>
      </div>
    </div>
  );
}
