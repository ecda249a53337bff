// route: where the reader is. The path says which page, the query string what is looked at, so that every view can be
// sent to somebody else as an address.
//
//   usePlace()                  {path, query}; draws anew when it changes
//   useParam('target')          [value or null, set(value or null)]; null removes it from the address
//   setParams({a: '1', b: null}, {push})   several at once; replaces the history entry unless push
//   href('/site/x', {queue: null})         an address that keeps the shared state (SHARED), with changes
//   go('/site/x', {...})                   navigates there
//   <Link to="/site/x" set={{...}}>        in ui.tsx
import { createStore, useStore } from './store';

export interface Place {
  path: string;
  query: URLSearchParams;
}

export type Changes = Record<string, string | null | undefined>;

// Goes along from page to page; everything else belongs to the page that put it there.
export const SHARED = ['period', 'from', 'to', 'zone', 'lang', 'group', 'threshold', 'method', 'target'] as const;

function read(): Place {
  return { path: decodePath(location.pathname), query: new URLSearchParams(location.search) };
}

function decodePath(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

export const place = createStore<Place>(read());
addEventListener('popstate', () => place.set(read()));

export function usePlace(): Place {
  return useStore(place);
}

function withChanges(query: URLSearchParams, set: Changes | undefined): string {
  for (const [name, value] of Object.entries(set ?? {})) {
    if (value === null || value === undefined || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text ? '?' + text : '';
}

export function href(path: string, set?: Changes): string {
  const query = new URLSearchParams();
  for (const name of SHARED) {
    const value = place.get().query.get(name);
    if (value !== null) query.set(name, value);
  }
  return path + withChanges(query, set);
}

export function goTo(address: string, replace = false): void {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  place.set(read());
}

export function go(path: string, set?: Changes): void {
  goTo(href(path, set));
}

export function setParams(set: Changes, how: { push?: boolean } = {}): void {
  goTo(location.pathname + withChanges(new URLSearchParams(location.search), set), !how.push);
}

export function useParam(name: string): [string | null, (value: string | null) => void] {
  const { query } = usePlace();
  return [query.get(name), (value) => setParams({ [name]: value })];
}

export function useNumberParam(name: string, fallback: number): [number, (value: number | null) => void] {
  const [text, set] = useParam(name);
  const value = text === null ? NaN : Number(text);
  return [Number.isFinite(value) ? value : fallback, (next) => set(next === null ? null : String(next))];
}

// The segments of a path, decoded: '/site/a%2Fb/queue/q' -> ['site', 'a/b', 'queue', 'q'].
export function segments(path: string): string[] {
  return path.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

export function pathOf(...parts: string[]): string {
  return '/' + parts.map(encodeURIComponent).join('/');
}
