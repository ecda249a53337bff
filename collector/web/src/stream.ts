// stream: what the collector tells without being asked (server-sent events). The browser's own EventSource cannot send
// a token, so the stream is read with fetch.
//
//   useLive({site, group, queue, limit}, on) -> {live, connected, at}    the newest live document; null: none yet. Not on: the
//                                             connection is not opened, for what is wanted first
//   useAlertPulse() -> {version, firing, pending} | null      the newest word on alerts; changes when they change
//
// Components with the same filter share one connection. It is closed while nobody sees the page.
import { useEffect, useMemo } from 'preact/hooks';
import { addressOf, askAgain, ApiError, notReached, openStream, PATH, reached, session, type LiveDocument } from './api';
import { createStore, useStore, type Store } from './store';

export interface LiveFilter {
  site?: string | undefined;
  group?: string | undefined;
  queue?: string | undefined;
  limit?: number | undefined; // rows only where callers wait longest; without it every queue of every site is told
}

export interface Live {
  live: LiveDocument | null;
  connected: boolean;
  at: number; // ms
}

export interface AlertPulse {
  version: number;
  firing: number;
  pending: number;
}

export const alertPulse = createStore<AlertPulse | null>(null);
export const instance = createStore<string | null>(null);

// The collector runs anew: what was fetched from the one before is asked for again.
export function sawInstance(id: string): void {
  const before = instance.get();
  instance.set(id);
  if (before !== null && before !== id) askAgain();
}

interface StreamEvent {
  name: string;
  data: string;
  id: string | null;
}

// Cuts a stream of text into events.
class EventReader {
  private rest = '';
  private name = '';
  private data: string[] = [];
  private id: string | null = null;
  retry_ms: number | null = null;

  *take(text: string): Generator<StreamEvent> {
    this.rest += text;
    let end: number;
    let from = 0;
    while ((end = this.rest.indexOf('\n', from)) >= 0) {
      const event = this.line(this.rest.slice(from, end).replace(/\r$/, ''));
      from = end + 1;
      if (event) yield event;
    }
    this.rest = this.rest.slice(from);
  }

  private line(line: string): StreamEvent | null {
    if (line === '') {
      const event = { name: this.name || 'message', data: this.data.join('\n'), id: this.id };
      const told = this.data.length > 0 || this.name !== '';
      this.name = '';
      this.data = [];
      return told ? event : null;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id') this.id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry_ms = Number(value);
    return null;
  }
}

const QUIET_MS = 40_000; // a comment comes every 15 s

class Connection {
  readonly state: Store<Live> = createStore<Live>({ live: null, connected: false, at: 0 });
  private users = 0;
  private open: AbortController | null = null;
  private timer = 0;
  private watchdog = 0;
  private tries = 0;
  private retry_ms = 3000;
  private last_id: string | null = null;

  constructor(private readonly address: string) {
    document.addEventListener('visibilitychange', () => this.look());
  }

  use(): () => void {
    this.users++;
    this.look();
    return () => {
      this.users--;
      this.look();
    };
  }

  private look(): void {
    const wanted = this.users > 0 && !document.hidden;
    if (wanted && !this.open) void this.run();
    if (!wanted) this.close();
  }

  private close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.open?.abort();
    this.open = null;
    this.told({ connected: false });
  }

  private told(change: Partial<Live>): void {
    this.state.set({ ...this.state.get(), ...change });
  }

  private async run(): Promise<void> {
    clearTimeout(this.timer);
    const controller = new AbortController();
    this.open = controller;
    let refused = false;
    try {
      const headers: Record<string, string> = this.last_id ? { 'Last-Event-ID': this.last_id } : {};
      const response = await openStream(this.address, headers, controller.signal);
      this.tries = 0;
      await this.read(response, controller);
    } catch (error) {
      refused = error instanceof ApiError && !error.passing;
    }
    if (this.open !== controller) return;
    if (!refused) notReached();
    this.open = null;
    this.told({ connected: false });
    clearTimeout(this.watchdog);
    if (!refused && session.get().token !== null && this.users > 0) this.later();
  }

  private later(): void {
    const first = this.tries === 0; // a stream that ended may be had again at once
    const wait_ms = (first ? 600 : Math.min(30_000, this.retry_ms * 2 ** (this.tries - 1))) * (0.5 + Math.random());
    this.tries = Math.min(this.tries + 1, 5);
    this.timer = window.setTimeout(() => this.look(), wait_ms);
  }

  private async read(response: Response, controller: AbortController): Promise<void> {
    const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const events = new EventReader();
    this.told({ connected: true });
    while (body) {
      clearTimeout(this.watchdog);
      this.watchdog = window.setTimeout(() => controller.abort(), QUIET_MS);
      const { value, done } = await body.read();
      if (done) break;
      reached();
      let live: string | null = null; // only the newest of several is worth reading
      for (const event of events.take(value)) {
        if (event.id) this.last_id = event.id;
        if (event.name === 'live') live = event.data;
        else this.other(event);
      }
      if (events.retry_ms !== null) this.retry_ms = events.retry_ms;
      if (live !== null) this.told({ live: JSON.parse(live) as LiveDocument, at: Date.now() });
    }
  }

  private other(event: StreamEvent): void {
    if (event.name === 'hello') sawInstance((JSON.parse(event.data) as { instance: string }).instance);
    else if (event.name === 'alerts') alertPulse.set(JSON.parse(event.data) as AlertPulse);
  }
}

const connections = new Map<string, Connection>();

function connectionOf(filter: LiveFilter): Connection {
  const address = addressOf(PATH.stream, { site: filter.site, group: filter.group, queue: filter.queue, limit: filter.limit });
  let found = connections.get(address);
  if (!found) {
    found = new Connection(address);
    connections.set(address, found);
  }
  return found;
}

export function useLive(filter: LiveFilter, on = true): Live {
  const connection = useMemo(() => connectionOf(filter), [filter.site, filter.group, filter.queue, filter.limit]);
  useEffect(() => (on ? connection.use() : undefined), [connection, on]);
  return useStore(connection.state);
}

export function useAlertPulse(): AlertPulse | null {
  return useStore(alertPulse);
}
