// store: a value that components watch. `useStore(store)` draws the component anew when the value changes.
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  get(): T;
  set(value: T): void;
  watch(fn: () => void): () => void;
}

export function createStore<T>(first: T): Store<T> {
  let value = first;
  const watchers = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const fn of [...watchers]) fn();
    },
    watch(fn) {
      watchers.add(fn);
      return () => watchers.delete(fn);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  const [, draw] = useState(0);
  useEffect(() => {
    const seen = store.get();
    const stop = store.watch(() => draw((n) => n + 1));
    if (!Object.is(seen, store.get())) draw((n) => n + 1);
    return stop;
  }, [store]);
  return store.get();
}

// What a browser remembers of this page. Storage may be switched off: then nothing is remembered.
export function recall(key: string): string | null {
  try {
    return localStorage.getItem('ringside.' + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem('ringside.' + key);
    else localStorage.setItem('ringside.' + key, value);
  } catch {
    // nothing is remembered
  }
}
