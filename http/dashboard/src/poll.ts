// Fetch again and again: often while somebody looks, seldom otherwise, ever more
// seldom while it fails, never two at a time.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, Unreachable } from './api';
import { noteFailure, noteSuccess } from './connection';

export const OFTEN = 2_000;
export const SELDOM = 30_000;
const LONGEST = 60_000;

const RETRY = 'federated:retry';
export const retryNow = (): boolean => dispatchEvent(new Event(RETRY));

// Milliseconds to the next try after so many failures in a row, as long as the server asked for at least.
export function backOff(failures: number, retryAfter: number | null, chance = Math.random()): number {
  const wait = Math.min(OFTEN * 2 ** (failures - 1), LONGEST) * (0.75 + chance / 2);
  return Math.max(wait, (retryAfter ?? 0) * 1000);
}

const mayPass = (error: unknown): boolean => error instanceof Unreachable || (error instanceof ApiError && error.passing);

class Poll<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | null = null;
  private again = false; // asked for while one is running, which may have read too early
  private failures = 0;
  private last: string | undefined;

  constructor(
    private readonly load: (signal: AbortSignal) => Promise<T>,
    private readonly period: (data: T) => number,
    private readonly onData: (data: T) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    document.addEventListener('visibilitychange', this.look);
    addEventListener('online', this.refresh);
    addEventListener(RETRY, this.refresh);
    void this.turn();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.look);
    removeEventListener('online', this.refresh);
    removeEventListener(RETRY, this.refresh);
    this.interrupt();
    noteSuccess(this);
  }

  // What a call has answered is newer than what a poll under way will.
  put(data: T): void {
    this.interrupt();
    this.take(data);
    this.plan(this.period(data));
  }

  refresh = (): void => {
    if (this.running === null) void this.turn();
    else this.again = true;
  };

  private look = (): void => {
    if (document.visibilityState === 'visible') this.refresh();
  };

  private interrupt(): void {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = null;
    this.again = false;
  }

  private plan(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.refresh, this.again ? 0 : document.visibilityState === 'hidden' ? Math.max(wait, SELDOM) : wait);
    this.again = false;
  }

  private async turn(): Promise<void> {
    clearTimeout(this.timer);
    const mine = (this.running = new AbortController());
    try {
      const data = await this.load(mine.signal);
      if (this.running !== mine) return;
      this.running = null;
      this.failures = 0;
      noteSuccess(this);
      this.take(data);
      this.plan(this.period(data));
    } catch (error) {
      if (this.running !== mine) return;
      this.running = null;
      this.fail(error);
    }
  }

  // The same again changes nothing on the page.
  private take(data: T): void {
    const text = JSON.stringify(data);
    if (text === this.last) return;
    this.last = text;
    this.onData(data);
  }

  private fail(error: unknown): void {
    if (mayPass(error)) {
      this.failures += 1;
      noteFailure(this, error instanceof ApiError ? `The server is busy or has a problem (${error.message}).` : 'Offline: the server cannot be reached.');
      this.plan(backOff(this.failures, error instanceof ApiError ? error.retryAfter : null));
    } else {
      noteSuccess(this);
      this.last = undefined;
      this.onError(error);
      this.plan(SELDOM);
    }
  }
}

export interface Polled<T> {
  data: T | undefined;
  error: unknown; // one that will not pass by itself: not found, not allowed
  put: (data: T) => void;
  refresh: () => void;
}

// Follows what `load` answers; begins anew when `key` changes.
export function usePoll<T>(key: string, load: (signal: AbortSignal) => Promise<T>, period: (data: T) => number): Polled<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown }>({ key });
  const poll = useRef<Poll<T> | null>(null);

  useEffect(() => {
    const mine = new Poll(
      load,
      period,
      (data) => setState({ key, data }),
      (error) => setState({ key, error }),
    );
    poll.current = mine;
    mine.start();
    return () => {
      poll.current = null; // an answer that comes later must not start it again
      mine.stop();
    };
  }, [key]);

  return {
    data: state.key === key ? state.data : undefined,
    error: state.key === key ? state.error : undefined,
    put: (data) => poll.current?.put(data),
    refresh: () => poll.current?.refresh(),
  };
}

// What was there last, until another choice has its answer.
export function useKept<T>(data: T | undefined): T | undefined {
  const kept = useRef<T | undefined>(undefined);
  if (data !== undefined) kept.current = data;
  return kept.current;
}

// Asks anew when something else on the page has changed, but not because it is there.
export function useRefreshed(mark: string, refresh: () => void): void {
  const seen = useRef(mark);
  useEffect(() => {
    if (seen.current !== mark) refresh();
    seen.current = mark;
  }, [mark]);
}
