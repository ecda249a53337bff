// levels: the service level in each named variant (docs/kpis.md 7), computed from the distributions of waits exactly as
// proto/measures.c does, and each formula in words. One table gives both. No imports but bins, no DOM.

import { type Bins, countAll, countWithin } from './bins';

// What a formula is made of: the letters of docs/kpis.md. Bc: abandons within the threshold without the short ones.
// O: callers who left by another way after the threshold had passed.
type Letter = 'At' | 'A' | 'Bt' | 'B' | 'S' | 'Xt' | 'X' | 'K' | 'N' | 'Bc' | 'O';
type Term = Letter | `-${Letter}`;
interface Formula {
  above: readonly Term[];
  below: readonly Term[];
}

const UCCE_OFFERED: readonly Term[] = ['A', 'B', '-S', 'O'];

const FORMULAS = {
  asterisk_sl: { above: ['At'], below: ['A'] },
  asterisk_sl2: { above: ['At', 'Bt', 'Xt'], below: ['A', 'B', 'X'] },
  amazon: { above: ['At', 'Bt'], below: ['N'] },
  genesys: { above: ['At'], below: ['A', 'B'] },
  genesys_flow_outs: { above: ['At'], below: ['A', 'B', 'X', 'K'] },
  genesys_no_short: { above: ['At'], below: ['A', 'B', '-S'] },
  genesys_flow_outs_no_short: { above: ['At'], below: ['A', 'B', 'X', 'K', '-S'] },
  genesys_no_abandons: { above: ['At'], below: ['A'] },
  genesys_flow_outs_no_abandons: { above: ['At'], below: ['A', 'X', 'K'] },
  ucce_ignore: { above: ['At'], below: [...UCCE_OFFERED, '-Bc'] },
  ucce_negative: { above: ['At'], below: UCCE_OFFERED },
  ucce_positive: { above: ['At', 'Bc'], below: UCCE_OFFERED },
  uccx_handled: { above: ['At'], below: ['A'] },
  uccx_without_abandon: { above: ['At'], below: ['N', '-Bt'] },
  uccx_positive: { above: ['At', 'Bt'], below: ['N'] },
  uccx_negative: { above: ['At'], below: ['N'] },
  wazo_qos: { above: ['At'], below: ['A'] },
  vicidial_tma: { above: ['At'], below: ['A'] },
  newvoicemedia: { above: ['At'], below: ['A', 'B', 'K'] },
} as const satisfies Record<string, Formula>;

export type LevelMethod = keyof typeof FORMULAS;
export const LEVEL_METHODS = Object.keys(FORMULAS) as LevelMethod[];

export function isLevelMethod(name: string): name is LevelMethod {
  return Object.hasOwn(FORMULAS, name);
}

// The product that counts so.
export const LEVEL_PRODUCTS: Record<LevelMethod, string> = {
  asterisk_sl: 'Asterisk SL',
  asterisk_sl2: 'Asterisk SL2',
  amazon: 'Amazon Connect',
  genesys: 'Genesys Cloud',
  genesys_flow_outs: 'Genesys Cloud, flow-outs',
  genesys_no_short: 'Genesys Cloud, no short abandons',
  genesys_flow_outs_no_short: 'Genesys Cloud, flow-outs, no short abandons',
  genesys_no_abandons: 'Genesys Cloud, no abandons',
  genesys_flow_outs_no_abandons: 'Genesys Cloud, flow-outs, no abandons',
  ucce_ignore: 'Cisco UCCE, abandons ignored',
  ucce_negative: 'Cisco UCCE, abandons negative',
  ucce_positive: 'Cisco UCCE, abandons positive',
  uccx_handled: 'Cisco UCCX, only handled',
  uccx_without_abandon: 'Cisco UCCX, without abandoned',
  uccx_positive: 'Cisco UCCX, abandoned positively',
  uccx_negative: 'Cisco UCCX, abandoned negatively',
  wazo_qos: 'Wazo QoS',
  vicidial_tma: 'VICIdial TMA',
  newvoicemedia: 'NewVoiceMedia',
};

// Waits of one kind: all of them where their distribution is known, only how many where it is not, null: not even that.
export interface LevelWaits {
  count: number;
  bins: Bins | null;
}

export interface LevelCounts {
  entered: number;
  answered: Bins;
  abandoned: Bins;
  exits: LevelWaits | null; // by timeout, empty queue or withdrawal
  keys: LevelWaits | null;
}

export interface Level {
  above: number;
  below: number;
  value: number | null; // nothing below the line: it does not exist
}

function withinOf(waits: LevelWaits | null, limitMs: number): number | null {
  if (!waits) {
    return null;
  }
  return waits.count === 0 ? 0 : waits.bins && countWithin(waits.bins, limitMs);
}

function outlasted(counts: LevelCounts, limitMs: number): number | null {
  const exits = withinOf(counts.exits, limitMs);
  const keys = withinOf(counts.keys, limitMs);
  if (exits === null || keys === null) {
    return null;
  }
  return counts.exits!.count + counts.keys!.count - exits - keys;
}

function letterOf(letter: Letter, counts: LevelCounts, limitMs: number, shortMs: number): number | null {
  switch (letter) {
    case 'At':
      return countWithin(counts.answered, limitMs);
    case 'A':
      return countAll(counts.answered);
    case 'Bt':
      return countWithin(counts.abandoned, limitMs);
    case 'B':
      return countAll(counts.abandoned);
    case 'S':
      return countWithin(counts.abandoned, shortMs);
    case 'Bc': // the short threshold may be the longer one
      return Math.max(0, countWithin(counts.abandoned, limitMs) - countWithin(counts.abandoned, shortMs));
    case 'Xt':
      return withinOf(counts.exits, limitMs);
    case 'X':
      return counts.exits && counts.exits.count;
    case 'K':
      return counts.keys && counts.keys.count;
    case 'N':
      return counts.entered;
    case 'O':
      return outlasted(counts, limitMs);
  }
}

function split(term: Term): [Letter, number] {
  return term.startsWith('-') ? [term.slice(1) as Letter, -1] : [term as Letter, 1];
}

function sumOf(terms: readonly Term[], counts: LevelCounts, limitMs: number, shortMs: number): number | null {
  let sum = 0;
  for (const term of terms) {
    const [letter, sign] = split(term);
    const value = letterOf(letter, counts, limitMs, shortMs);
    if (value === null) {
      return null;
    }
    sum += sign * value;
  }
  return sum;
}

// The service level; null: these counts do not tell what this method needs (ask the collector).
export function levelOf(method: LevelMethod, counts: LevelCounts, limitMs: number, shortMs: number): Level | null {
  const above = sumOf(FORMULAS[method].above, counts, limitMs, shortMs);
  const below = sumOf(FORMULAS[method].below, counts, limitMs, shortMs);
  if (above === null || below === null) {
    return null;
  }
  return { above, below, value: below > 0 ? above / below : null };
}

// Abandons with a wait <= the threshold.
export function shortAbandons(counts: LevelCounts, shortMs: number): number {
  return countWithin(counts.abandoned, shortMs);
}

const WORDS: Record<'en' | 'zh', Record<Letter, string>> = {
  en: {
    At: 'answered within {T}',
    A: 'answered',
    Bt: 'abandoned within {T}',
    B: 'abandoned',
    S: 'abandoned within {S}',
    Xt: 'timed out, empty or withdrawn within {T}',
    X: 'timed out, empty or withdrawn',
    K: 'left by key',
    N: 'entered',
    Bc: 'abandoned after {S} and within {T}',
    O: 'left otherwise after {T}',
  },
  zh: {
    At: '{T} 内接听',
    A: '已接听',
    Bt: '{T} 内放弃',
    B: '已放弃',
    S: '{S} 内放弃',
    Xt: '{T} 内超时、空队列或撤出',
    X: '超时、空队列或撤出',
    K: '按键离开',
    N: '进入队列',
    Bc: '{S} 后、{T} 内放弃',
    O: '{T} 后以其他方式离开',
  },
};

// Null: as each queue is set.
function seconds(ms: number | null, lang: 'en' | 'zh'): string {
  if (ms === null) {
    return lang === 'zh' ? '设定时间' : 'the set time';
  }
  return lang === 'zh' ? `${ms / 1000} 秒` : `${ms / 1000} s`;
}

function sumText(terms: readonly Term[], lang: 'en' | 'zh', limitMs: number, shortMs: number | null): string {
  const text = terms
    .map((term, at) => {
      const [letter, sign] = split(term);
      const word = WORDS[lang][letter].replace('{T}', seconds(limitMs, lang)).replace('{S}', seconds(shortMs, lang));
      return (sign < 0 ? ' − ' : at > 0 ? ' + ' : '') + word;
    })
    .join('');
  return terms.length > 1 ? `(${text})` : text;
}

// "answered within 20 s / (answered + abandoned)".
export function levelFormula(method: string, lang: 'en' | 'zh', limitMs: number, shortMs: number | null): string {
  if (!isLevelMethod(method)) {
    return method;
  }
  const { above, below } = FORMULAS[method];
  return `${sumText(above, lang, limitMs, shortMs)} / ${sumText(below, lang, limitMs, shortMs)}`;
}

export function usesShortAbandon(method: LevelMethod): boolean {
  const terms: readonly Term[] = [...FORMULAS[method].above, ...FORMULAS[method].below];
  return terms.some((term) => term === '-S' || term === 'Bc' || term === '-Bc');
}
