// sites_parts: what the pages of many sites share: the search, the choice of a group, how a site is.
import { useMemo } from 'preact/hooks';
import { PATH, useAnswer, type GroupsDocument, type KpiRow, type SiteListed } from '../api';
import { pct } from '../format';
import { setParams, useParam } from '../route';
import { t } from '../text';
import { Field, Pill, Select, Value, cls } from '../ui';
import { trouble, tt } from './sites.text';
import { troubleTone, type TroubleName } from './sites_trouble';

function matches(site: { site: string; group: string | null }, words: string): boolean {
  const text = (site.site + ' ' + (site.group ?? '')).toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

// The sites that the words in the address fit, and those words.
export function useSearch(sites: readonly SiteListed[] | undefined): [SiteListed[], string] {
  const [find] = useParam('find');
  const words = (find ?? '').trim();
  const found = useMemo(() => (sites ?? []).filter((site) => matches(site, words)), [sites, words]);
  return [found, find ?? ''];
}

export function Search({ value }: { value: string }) {
  return (
    <div class="search">
      <Field label={tt('search')}>
        <input
          type="search"
          value={value}
          placeholder={tt('searchHint')}
          autocomplete="off"
          onInput={(event) => setParams({ find: event.currentTarget.value || null, page: null })}
        />
      </Field>
    </div>
  );
}

export function GroupPicker({ group }: { group: string | undefined }) {
  const groups = useAnswer<GroupsDocument>(PATH.groups, {}, { every_ms: 300_000 }).data?.groups ?? [];
  const names = groups.map((item) => item.group);
  const known = group && !names.includes(group) ? [group, ...names] : names;
  if (known.length === 0) return null;
  return (
    <Select
      label={tt('group')}
      value={group ?? ''}
      onChange={(name) => setParams({ group: name, page: null })}
      options={[{ value: '', label: t('all') }, ...known.map((name) => ({ value: name, label: name }))]}
    />
  );
}

export function States({ names, most = 9 }: { names: readonly TroubleName[]; most?: number }) {
  return (
    <span class="pills">
      {names.length === 0 && <Pill tone="ok">{trouble('online')}</Pill>}
      {names.slice(0, most).map((name) => (
        <Pill key={name} tone={troubleTone(name)}>
          {trouble(name)}
        </Pill>
      ))}
    </span>
  );
}

// A service level, marked where data is missing.
export function Level({ row, target }: { row: KpiRow | undefined; target: number }) {
  const value = row?.service_level.value;
  return (
    <>
      {row && <Incomplete complete={row.complete} />}
      <span class={cls(value != null && value < target && 'tone-bad')}>
        <Value v={value} f={pct} />
      </span>
    </>
  );
}

export function Incomplete({ complete }: { complete: boolean }) {
  if (complete) return null;
  return <span class="hatch hatch-cell" role="img" aria-label={t('missing.short')} title={t('missing.short')} />;
}
