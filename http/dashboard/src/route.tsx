// Which page the address means, and how to get to another without a reload.
import type { ComponentChildren } from 'preact';
import { Store } from './store';

export type Route = { page: 'sessions'; status: string | null } | { page: 'session'; id: string } | { page: 'start' } | { page: 'credits' } | { page: 'unknown' };

const BASE = '/training';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function parseRoute(pathname: string, search = ''): Route {
  if (pathname !== BASE && !pathname.startsWith(`${BASE}/`)) return { page: 'unknown' };
  const parts = pathname.slice(BASE.length).split('/').filter(Boolean);
  if (parts.length === 0 || (parts.length === 1 && parts[0] === 'sessions')) {
    return { page: 'sessions', status: new URLSearchParams(search).get('status') };
  }
  if (parts.length === 1 && parts[0] === 'start') return { page: 'start' };
  if (parts.length === 1 && parts[0] === 'credits') return { page: 'credits' };
  if (parts.length === 2 && parts[0] === 'sessions' && UUID.test(parts[1]!)) return { page: 'session', id: parts[1]!.toLowerCase() };
  return { page: 'unknown' };
}

export const sessionsPath = (status: string | null = null): string => `${BASE}/${status ? `?status=${status}` : ''}`;
export const sessionPath = (id: string): string => `${BASE}/sessions/${id}`;
export const creditsPath = `${BASE}/credits`;
export const startPath = `${BASE}/start`;

const here = (): Route => (typeof location === 'undefined' ? { page: 'unknown' } : parseRoute(location.pathname, location.search));

export const route = new Store<Route>(here());

if (typeof addEventListener !== 'undefined') addEventListener('popstate', () => route.set(here()));

export function navigate(path: string, replace = false): void {
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  route.set(here());
  if (!replace) scrollTo(0, 0);
}

interface LinkProps {
  to: string;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}

export function Link({ to, current, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} onClick={follow} aria-current={current ? 'page' : undefined} {...rest}>
      {children}
    </a>
  );
}
