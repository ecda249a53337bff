// text: the words of the page in the reader's language.
//
//   t('overview.title'), t('n.sites', {n: 3})     words of the core dictionary (en.ts; zh.ts has the same keys)
//   const tt = dictionary({en: {...}, zh: {...}})  words of one page (pages/NAME.text.ts); tt('key', {n: 3})
//
// "{n}" is replaced; numbers are written as the language does. "one|many" is chosen by {n}; a text without '|' is for
// every number. A missing key does not compile. The whole page is drawn anew when the language changes.
import { createStore, recall, remember } from '../store';
import { en } from './en';
import { zh } from './zh';

export type Lang = 'en' | 'zh';
export type Key = keyof typeof en;
export type Values = Record<string, string | number>;

const LOCALES: Record<Lang, string> = { en: 'en-GB', zh: 'zh-CN' };

function firstLang(): Lang {
  const asked = new URLSearchParams(location.search).get('lang') ?? recall('lang');
  if (asked === 'en' || asked === 'zh') return asked;
  return navigator.languages.some((name) => name.startsWith('zh')) ? 'zh' : 'en';
}

export const lang = createStore<Lang>(firstLang());

export function setLang(next: Lang): void {
  remember('lang', next);
  lang.set(next);
}

export function locale(): string {
  return LOCALES[lang.get()];
}

function fill(text: string, values: Values | undefined): string {
  let chosen = text;
  if (text.includes('|')) {
    const forms = text.split('|');
    const one = new Intl.PluralRules(locale()).select(Number(values?.['n'] ?? 0)) === 'one';
    chosen = (one ? forms[0] : forms[1]) ?? text;
  }
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values?.[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(locale()).format(value) : value;
  });
}

export function dictionary<K extends string>(words: { en: Record<K, string>; zh: Record<K, string> }) {
  return (key: K, values?: Values): string => fill(words[lang.get()][key], values);
}

export const t = dictionary<Key>({ en, zh });
