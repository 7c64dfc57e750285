// One way to the server: the token, JSON both ways, and errors with the server's own words.
import { account, signOut } from './account';
import { noteServerDate } from './clock';

const TIMEOUT = 20_000;

// The server answered, and said no.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly details: string | null,
    readonly hint: string | null,
    readonly retryAfter: number | null, // seconds
  ) {
    super(message);
  }

  // Whether the same request may succeed later.
  get passing(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

// No answer came.
export class Unreachable extends Error {
  constructor() {
    super('The server cannot be reached.');
  }
}

interface Options {
  query?: Record<string, string | number>;
  body?: string; // JSON
  accept?: string;
  token?: string; // instead of that of the account
  signal?: AbortSignal;
  timeout?: number;
}

// JavaScript's numbers cannot hold every seed; a wrong one must not be shown.
function reviveSeed(key: string, value: unknown, context?: { source?: string }): unknown {
  return key === 'seed' && typeof value === 'number' && !Number.isSafeInteger(value) && context?.source ? context.source : value;
}

export const parseJson = (text: string): unknown => JSON.parse(text, reviveSeed as (key: string, value: unknown) => unknown);

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let body: { message?: unknown; details?: unknown; hint?: unknown } = {};
  try {
    body = JSON.parse(text) ?? {};
  } catch {
    // a proxy's page
  }
  const say = (value: unknown): string | null => (value == null ? null : typeof value === 'string' ? value : JSON.stringify(value));
  const retry = Number(response.headers.get('Retry-After') ?? 'none');
  return new ApiError(
    response.status,
    say(body.message) ?? `The server answered ${response.status} ${response.statusText}`.trim(),
    say(body.details),
    say(body.hint),
    Number.isFinite(retry) ? retry : null,
  );
}

// The time and the signal bound the body too, which `read` takes in.
async function send<T>(method: string, path: string, options: Options, read: (response: Response) => Promise<T>): Promise<T> {
  const query = new URLSearchParams(Object.entries(options.query ?? {}).map(([k, v]) => [k, String(v)])).toString();
  const token = options.token ?? account.get()?.token;
  const abort = new AbortController();
  const cancel = () => abort.abort();
  const timer = setTimeout(cancel, options.timeout ?? TIMEOUT);
  options.signal?.addEventListener('abort', cancel);
  try {
    const response = await fetch(query ? `${path}?${query}` : path, {
      method,
      headers: {
        Accept: options.accept ?? 'application/json',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(options.body !== undefined ? { 'Content-Type': 'application/json' } : {}),
      },
      ...(options.body !== undefined ? { body: options.body } : {}),
      signal: abort.signal,
      credentials: 'omit',
      cache: 'no-store',
    });
    noteServerDate(response.headers.get('Date'));
    if (!response.ok) throw await errorOf(response);
    return await read(response);
  } catch (error) {
    if (error instanceof ApiError) {
      // Not when somebody only tries a token, or has signed in anew meanwhile.
      if (error.status === 401 && token !== undefined && token === account.get()?.token) signOut(describe(error));
      throw error;
    }
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
  }
}

const readJson = async <T>(response: Response): Promise<T> => parseJson(await response.text()) as T;

export const get = <T>(path: string, options: Options = {}): Promise<T> => send('GET', path, options, readJson<T>);

export const post = <T>(path: string, body: string): Promise<T> => send('POST', path, { body }, readJson<T>);

export const getFile = (path: string, query: Options['query'] & object): Promise<Blob> =>
  send('GET', path, { query, accept: 'application/octet-stream', timeout: 600_000 }, (response) => response.blob());

// What a role may not read is as if there were nothing.
export async function ifAllowed<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  }
}

// An error in one paragraph: message, details, hint.
export function describe(error: unknown): string {
  const parts = error instanceof ApiError ? [error.message, error.details, error.hint] : [error instanceof Error ? error.message : String(error)];
  return parts
    .filter((part) => part)
    .map((part) => sentence(part!))
    .join(' ');
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
