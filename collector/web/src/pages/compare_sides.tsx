// compare_sides: what stands on each side of a comparison, all of it in the address: ascope, aqueue, aperiod, afrom,
// ato and the same with b; bwhen says how B's period follows from A's.
import { PARAM, PATH, useAnswer, type GroupsDocument, type Params, type QueuesDocument, type SitesDocument } from '../api';
import { PeriodPicker } from '../controls';
import { fromLocal, moment, toLocal } from '../format';
import { setParams, usePlace, type Changes } from '../route';
import { t } from '../text';
import { Panel, Segmented, Select } from '../ui';
import { spanOf, useRatio, useZone, type Span } from '../view';
import { tt } from './compare.text';

export type Name = 'a' | 'b';
export const WHENS = ['before', 'same', 'own'] as const;
export type When = (typeof WHENS)[number];

export interface Side {
  name: Name;
  scope: string; // "", "site:ID", "group:NAME"
  queue: string;
  span: Span;
  params: Params;
  zone: string;
}

const DAY_MS = 86_400_000;

function scopeOf(scope: string): Params {
  const at = scope.indexOf(':');
  return at < 0 ? {} : { [scope.slice(0, at)]: scope.slice(at + 1) };
}

// The same time of the clock some days earlier.
function daysEarlier(at_ms: number, days: number, zone: string): string {
  const wall = new Date(Date.parse(toLocal(at_ms, zone, true) + 'Z') - days * DAY_MS);
  return fromLocal(wall.toISOString().slice(0, 16), zone) ?? new Date(at_ms - days * DAY_MS).toISOString();
}

function spanBefore(span: Span, zone: string): Span {
  const days = Math.max(1, Math.ceil((span.to_ms - span.from_ms) / DAY_MS - 0.05));
  const from = daysEarlier(span.from_ms, days, zone);
  const to = span.to === undefined ? daysEarlier(span.to_ms, days, zone) : span.from;
  return { period: 'custom', from, to, from_ms: Date.parse(from), to_ms: Date.parse(to), days: span.days };
}

export function useWhen(): When {
  const { query } = usePlace();
  const asked = WHENS.find((name) => name === query.get('bwhen'));
  const alike = (query.get('ascope') ?? '') === (query.get('bscope') ?? '') && (query.get('aqueue') ?? '') === (query.get('bqueue') ?? '');
  return asked ?? (alike ? 'before' : 'same');
}

export function useSide(name: Name): Side {
  const { query } = usePlace();
  const zone = useZone();
  const ratio = useRatio();
  const when = useWhen();
  const scope = query.get(name + 'scope') ?? '';
  const queue = query.get(name + 'queue') ?? '';
  const ofA = spanOf(query, zone.zone, 'a');
  const span = name === 'a' || when === 'same' ? ofA : when === 'before' ? spanBefore(ofA, zone.zone) : spanOf(query, zone.zone, 'b');
  const short = query.get('short');
  const params: Params = {
    ...scopeOf(scope),
    queue: queue || undefined,
    from: span.from,
    to: span.to ?? 'now',
    zone: zone.param ?? zone.zone,
    ...ratio.params,
    [PARAM.shortAbandon]: short ? short + 's' : undefined,
  };
  return { name, scope, queue, span, params, zone: zone.zone };
}

// What B's period was becomes A's own.
export function swap(query: URLSearchParams, when: When, b: Span, zone: string): void {
  const of = (name: string) => query.get(name);
  const changes: Changes = { ascope: of('bscope'), bscope: of('ascope'), aqueue: of('bqueue'), bqueue: of('aqueue') };
  if (when !== 'same') {
    const own = when === 'own';
    changes['bwhen'] = 'own';
    changes['bperiod'] = of('aperiod') ?? 'today';
    changes['bfrom'] = of('afrom');
    changes['bto'] = of('ato');
    changes['aperiod'] = own ? (of('bperiod') ?? 'today') : 'custom';
    changes['afrom'] = own ? of('bfrom') : toLocal(b.from_ms, zone, true);
    changes['ato'] = own ? of('bto') : toLocal(b.to_ms, zone, true);
  }
  setParams(changes, { push: true });
}

export function sideText(side: Side): string {
  const name = side.scope.slice(side.scope.indexOf(':') + 1);
  return [name || t('scope.all'), side.queue].filter(Boolean).join(' · ');
}

export function spanText(side: Side): string {
  const style = side.span.days > 2 ? 'date' : 'stamp';
  return `${moment(side.span.from_ms, side.zone, style)} – ${moment(side.span.to_ms - (style === 'date' ? 1 : 0), side.zone, style)}`;
}

export function SidePicker({ side, when }: { side: Side; when: When }) {
  const groups = useAnswer<GroupsDocument>(PATH.groups, {}, { every_ms: 300_000 }).data?.groups ?? [];
  const sites = useAnswer<SitesDocument>(PATH.sites).data?.sites ?? [];
  const queues = useAnswer<QueuesDocument>(PATH.queues, scopeOf(side.scope)).data?.queues ?? [];
  const names = queues.map((item) => ({ value: item.queue, label: item.label || item.queue }));
  if (side.queue && !names.some((item) => item.value === side.queue)) names.unshift({ value: side.queue, label: side.queue });
  const known = sites.map((site) => ({ value: 'site:' + site.site, label: site.site }));
  if (side.scope.startsWith('site:') && !known.some((item) => item.value === side.scope)) known.unshift({ value: side.scope, label: side.scope.slice(5) });
  const title = tt('side', { side: tt(side.name === 'a' ? 'sideA' : 'sideB') });
  return (
    <Panel title={title} span={6} class={'side side-' + side.name} sub={spanText(side)}>
      <div class="side-pickers">
        <Select
          label={t('scope.label')}
          value={side.scope}
          onChange={(scope) => setParams({ [side.name + 'scope']: scope })}
          options={[{ value: '', label: t('scope.all') }]}
          groups={[
            { label: t('scope.groups'), options: groups.map((item) => ({ value: 'group:' + item.group, label: item.group })) },
            { label: t('scope.sites'), options: known },
          ].filter((group) => group.options.length > 0)}
        />
        <Select
          label={tt('queue')}
          value={side.queue}
          onChange={(queue) => setParams({ [side.name + 'queue']: queue })}
          options={[{ value: '', label: tt('allQueues') }, ...names]}
        />
        {side.name === 'b' && (
          <Segmented<When>
            label={tt('when')}
            showLabel
            value={when}
            onChange={(value) => setParams({ bwhen: value })}
            options={WHENS.map((value) => ({ value, label: tt(value) }))}
          />
        )}
        {(side.name === 'a' || when === 'own') && <PeriodPicker zone={side.zone} prefix={side.name} />}
      </div>
    </Panel>
  );
}
