// api: asks the collector. Everything goes to the page's own origin, with the token that the reader signed in with.
//
//   useAnswer<T>(PATH.ranking, {metric: 'service_level', site: undefined}, {every_ms: 60_000})
//       -> {data, error, loading, previous, at, again()}
//     path null: asks nothing (yet). Parameters that are undefined, null or '' are left out; arrays repeat the name.
//     The last answer stays in `data` while a new one is fetched, while the collector is away (`away` says since
//     when), and when only parameters change (`previous` is true until the answer to the new question is there).
//     Components that ask the same share one request.
//   ask<T>(path, params, {signal})          once, throws ApiError
//   send<T>(path, body)                     POST of JSON
//   save(path, params, name)                fetches with the token and offers the file for saving
//   askAgain()                              every mounted question anew (the collector was restarted)
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { createStore, type Store } from './store';
export * from './documents';

export const PATH = {
  about: '/api/v1/about',
  overview: '/api/v1/overview',
  sites: '/api/v1/sites',
  site: (id: string) => '/api/v1/sites/' + encodeURIComponent(id),
  groups: '/api/v1/groups',
  queues: '/api/v1/queues',
  kpi: '/api/v1/kpi',
  export: '/api/v1/export',
  timeseries: '/api/v1/timeseries',
  heatmap: '/api/v1/heatmap',
  distribution: '/api/v1/distribution',
  ranking: '/api/v1/ranking',
  live: '/api/v1/live',
  stream: '/api/v1/live/stream',
  alerts: '/api/v1/alerts',
  mute: '/api/v1/alerts/mute',
  store: '/api/v1/store',
} as const;

// Names of parameters that every question about figures understands.
export const PARAM = {
  serviceLevel: 'service_level',
  method: 'service_level_method',
  shortAbandon: 'short_abandon',
} as const;

type Value = string | number | boolean | null | undefined;
export type Params = Record<string, Value | readonly string[]>;

export class ApiError extends Error {
  constructor(
    readonly code: number, // 0: the collector was not reached
    readonly what: string,
    readonly where: string | null = null,
    readonly retry_s = 0,
  ) {
    super(what);
  }
  // It may go well when asked again, without anybody changing the question.
  get passing(): boolean {
    return this.code === 0 || this.code === 429 || this.code === 502 || this.code === 503 || this.code === 504;
  }
}

// ---- the token ----

const TOKEN_KEY = 'ringside.token';

function storages(): Storage[] {
  try {
    return [sessionStorage, localStorage];
  } catch {
    return [];
  }
}

function storedToken(): string | null {
  for (const storage of storages()) {
    const token = storage.getItem(TOKEN_KEY);
    if (token) return token;
  }
  return null;
}

export interface Session {
  token: string | null;
  refused: boolean; // the token that was used is no longer, or not yet, good
}

export const session: Store<Session> = createStore<Session>({ token: null, refused: false });

// Takes the token from "#token=..." of the address and removes it there; else the remembered one.
export function beginSession(): void {
  if (!takeFromAddress()) session.set({ token: storedToken(), refused: false });
  addEventListener('hashchange', takeFromAddress);
}

function takeFromAddress(): boolean {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!found) return false;
  history.replaceState(null, '', location.pathname + location.search);
  signIn(found, false);
  return true;
}

export function signIn(token: string, onThisDevice: boolean): void {
  forget();
  const storage = storages()[onThisDevice ? 1 : 0];
  try {
    storage?.setItem(TOKEN_KEY, token);
  } catch {
    // good for as long as the page is open
  }
  session.set({ token, refused: false });
}

export function signOut(refused = false): void {
  forget();
  answers.clear();
  session.set({ token: null, refused });
}

function forget(): void {
  for (const storage of storages()) storage.removeItem(TOKEN_KEY);
}

// ---- whether the collector is there ----

export interface Reach {
  away_since: number | null; // ms; null: it answers
}

export const reach = createStore<Reach>({ away_since: null });
let last_ok = 0;

export function reached(): void {
  last_ok = Date.now();
  if (reach.get().away_since !== null) reach.set({ away_since: null });
}

export function notReached(): void {
  if (reach.get().away_since === null) reach.set({ away_since: last_ok || Date.now() });
}

// ---- one question ----

export function addressOf(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) for (const item of value as readonly string[]) query.append(name, item);
    else if (value !== undefined && value !== null && value !== '') query.append(name, String(value));
  }
  const text = query.toString();
  return text ? path + '?' + text : path;
}

function refusal(response: Response, body: unknown): ApiError {
  const error = (body as { error?: { what?: string; where?: string } } | null)?.error;
  const retry = Number(response.headers.get('Retry-After') ?? '');
  return new ApiError(response.status, error?.what ?? response.statusText, error?.where ?? null, retry || 0);
}

async function request(address: string, init: RequestInit): Promise<Response> {
  const token = session.get().token;
  let response: Response;
  try {
    response = await fetch(address, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...(token ? { Authorization: 'Bearer ' + token } : {}) },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    notReached();
    throw new ApiError(0, 'the collector does not answer');
  }
  reached();
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 401 && session.get().token === token) signOut(token !== null);
  throw refusal(response, body);
}

export async function ask<T>(path: string, params?: Params, how: { signal?: AbortSignal } = {}): Promise<T> {
  const response = await request(addressOf(path, params), how.signal ? { signal: how.signal } : {});
  try {
    return (await response.json()) as T;
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError(0, 'the answer broke off');
  }
}

export async function send<T>(path: string, body: unknown): Promise<T> {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  return (await (await request(path, init)).json()) as T;
}

// A stream's body; see stream.ts.
export function openStream(address: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  return request(address, { headers: { Accept: 'text/event-stream', ...headers }, signal });
}

export async function save(path: string, params: Params, name: string): Promise<void> {
  const blob = await (await request(addressOf(path, params), {})).blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- shared, repeated questions ----

const KEPT_MAX = 60;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

class Question {
  data: unknown = undefined;
  error: ApiError | null = null;
  at = 0;
  private asking: AbortController | null = null;
  private timer = 0;
  private tries = 0;
  private watchers = new Map<() => void, number>(); // how often each wants it, ms; 0: once

  constructor(readonly address: string) {}

  get loading(): boolean {
    return this.asking !== null;
  }

  watch(fn: () => void, every_ms: number): () => void {
    this.watchers.set(fn, every_ms);
    const old = Date.now() - this.at > Math.max(this.every() || 30_000, 1000);
    if (!this.asking && (this.data === undefined || old)) void this.fetch();
    else this.schedule();
    return () => {
      this.watchers.delete(fn);
      if (this.watchers.size === 0) this.rest();
      else this.schedule();
    };
  }

  again(): void {
    if (this.watchers.size === 0) {
      this.at = 0;
      return;
    }
    this.asking?.abort();
    this.asking = null;
    void this.fetch();
  }

  get watched(): boolean {
    return this.watchers.size > 0;
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  private every(): number {
    const wishes = [...this.watchers.values()].filter((ms) => ms > 0);
    return wishes.length > 0 ? Math.min(...wishes) : 0;
  }

  private tell(): void {
    for (const fn of [...this.watchers.keys()]) fn();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.watchers.size === 0 || this.asking) return;
    const wait_ms = this.error?.passing ? this.backOff() : this.every();
    if (wait_ms > 0) {
      const left_ms = this.error ? wait_ms : Math.max(0, this.at + wait_ms - Date.now());
      this.timer = window.setTimeout(() => this.due(), left_ms);
    }
  }

  // A page that nobody sees asks nothing; it catches up once it is seen.
  private due(): void {
    if (!document.hidden) void this.fetch();
    else document.addEventListener('visibilitychange', () => this.schedule(), { once: true });
  }

  private backOff(): number {
    const step_ms = BACK_OFF_MS[Math.min(this.tries, BACK_OFF_MS.length) - 1] ?? 1000;
    return Math.max((this.error?.retry_s ?? 0) * 1000, step_ms * (0.75 + Math.random() / 2));
  }

  private async fetch(): Promise<void> {
    clearTimeout(this.timer);
    const controller = new AbortController();
    this.asking = controller;
    this.tell();
    try {
      this.data = await ask<unknown>(this.address, undefined, { signal: controller.signal });
      this.error = null;
      this.at = Date.now();
      this.tries = 0;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError(0, String(error));
      this.tries++;
    }
    if (this.asking === controller) this.asking = null;
    this.tell();
    this.schedule();
  }
}

const answers = new Map<string, Question>();

function questionOf(address: string): Question {
  let found = answers.get(address);
  if (found) {
    answers.delete(address); // to the end: the longest unasked goes first
  } else {
    found = new Question(address);
    for (const [key, old] of answers) {
      if (answers.size < KEPT_MAX) break;
      if (!old.watched) answers.delete(key);
    }
  }
  answers.set(address, found);
  return found;
}

export function askAgain(): void {
  for (const question of answers.values()) question.again();
}

export interface Answer<T> {
  data: T | undefined;
  error: ApiError | null;
  loading: boolean;
  previous: boolean; // `data` answers the question before this one
  at: number; // ms, when data came; 0: never
  again: () => void;
}

export function useAnswer<T>(path: string | null, params: Params = {}, how: { every_ms?: number } = {}): Answer<T> {
  const address = path === null ? null : addressOf(path, params);
  const [, draw] = useState(0);
  const last = useRef<{ path: string; data: T } | null>(null);
  const question = useMemo(() => (address === null ? null : questionOf(address)), [address]);
  const every_ms = how.every_ms ?? 0;
  useEffect(() => question?.watch(() => draw((n) => n + 1), every_ms), [question, every_ms]);

  const fresh = question?.data as T | undefined;
  if (path !== null && fresh !== undefined) last.current = { path, data: fresh };
  const kept = fresh === undefined && last.current?.path === path && !refused(question) ? last.current?.data : undefined;
  return {
    data: fresh ?? kept,
    error: question?.error ?? null,
    loading: question !== null && (question.loading || (fresh === undefined && question.error === null)),
    previous: kept !== undefined,
    at: question?.at ?? 0,
    again: () => question?.again(),
  };
}

function refused(question: Question | null): boolean {
  return question?.error != null && !question.error.passing;
}
