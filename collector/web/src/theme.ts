// theme: light or dark, as the device says or as the reader has chosen; light on paper.
import { theme, type Theme } from './chart';
import { createStore, recall, remember } from './store';

export type ThemeChoice = 'auto' | Theme;

function firstChoice(): ThemeChoice {
  const kept = recall('theme');
  return kept === 'light' || kept === 'dark' ? kept : 'auto';
}

export const themeChoice = createStore<ThemeChoice>(firstChoice());
const dark = matchMedia('(prefers-color-scheme: dark)');
const paper = matchMedia('print');

function apply(): void {
  const choice = themeChoice.get();
  const now: Theme = paper.matches ? 'light' : choice === 'auto' ? (dark.matches ? 'dark' : 'light') : choice;
  document.documentElement.dataset['theme'] = now;
  theme.set(now);
}

export function beginTheme(): void {
  dark.addEventListener('change', apply);
  paper.addEventListener('change', apply);
  themeChoice.watch(apply);
  apply();
}

export function setTheme(choice: ThemeChoice): void {
  remember('theme', choice === 'auto' ? null : choice);
  themeChoice.set(choice);
}
