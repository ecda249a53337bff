// sites_trouble: what is the matter with a site, worst first, from what the list of sites tells of it.
import type { SiteBrief, SiteListed } from '../api';
import type { Tone } from '../ui';

export type TroubleName =
  | 'expired'
  | 'silent'
  | 'offline'
  | 'gap'
  | 'conflicts'
  | 'refused'
  | 'unbalanced'
  | 'behind'
  | 'expiring'
  | 'clock'
  | 'gaps'
  | 'old'
  | 'added'
  | 'revoked';

const WEIGHTS: Record<TroubleName, number> = {
  expired: 4000,
  silent: 2000,
  offline: 1000,
  gap: 500,
  conflicts: 250,
  refused: 120,
  unbalanced: 60,
  behind: 30,
  expiring: 16,
  clock: 8,
  gaps: 4,
  old: 2,
  added: 1,
  revoked: 0,
};

const EXPIRING_MS = 14 * 86_400_000;
const CLOCK_OFF_MS = 2000;

export interface Troubled {
  names: TroubleName[]; // worst first
  weight: number;
}

export function certificateLeft(site: SiteBrief, now_ms: number): number | null {
  return site.certificate_end ? Date.parse(site.certificate_end) - now_ms : null;
}

export function isClockOff(site: SiteBrief): boolean {
  return Math.abs(site.clock_offset_ms ?? 0) > CLOCK_OFF_MS;
}

// Of sites that are expected to be there; of the others only what they are.
export function troubleOf(site: SiteListed, now_ms: number, newest: string | null): Troubled {
  if (site.state !== 'joined') {
    const name = site.state === 'revoked' ? 'revoked' : 'added';
    return { names: [name], weight: WEIGHTS[name] };
  }
  const left_ms = certificateLeft(site, now_ms);
  const found: Partial<Record<TroubleName, boolean>> = {
    expired: left_ms !== null && left_ms <= 0,
    silent: site.silent,
    offline: !site.online && !site.silent,
    gap: site.gaps_open > 0,
    conflicts: site.conflicts > 0,
    refused: site.refused > 0,
    unbalanced: site.unbalanced > 0,
    behind: site.behind,
    expiring: left_ms !== null && left_ms > 0 && left_ms < EXPIRING_MS,
    clock: isClockOff(site),
    gaps: site.gaps > 0 && site.gaps_open === 0,
    old: newest !== null && site.agent_version !== null && site.agent_version !== newest,
  };
  const names = (Object.keys(WEIGHTS) as TroubleName[]).filter((name) => found[name]);
  return { names, weight: names.reduce((sum, name) => sum + WEIGHTS[name], 0) };
}

export function troubleTone(name: TroubleName): Tone {
  if (name === 'expired' || name === 'silent' || name === 'offline') return 'bad';
  return name === 'gaps' || name === 'old' || name === 'added' || name === 'revoked' ? 'quiet' : 'warn';
}

// Versions by their numbers: 0.10.0 is newer than 0.9.3.
export function newestVersion(sites: readonly SiteBrief[]): string | null {
  let newest: string | null = null;
  for (const { agent_version } of sites) {
    if (agent_version !== null && (newest === null || agent_version.localeCompare(newest, 'en', { numeric: true }) > 0)) {
      newest = agent_version;
    }
  }
  return newest;
}
