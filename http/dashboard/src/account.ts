// Who is signed in: the token, kept for this tab only, and what it says of its holder.
// The server decides what is allowed; this only hides what cannot work.
import { Store } from './store';

export interface Account {
  token: string;
  subject: string;
  role: string; // without the prefix federated_
  expiresAt: number | null; // milliseconds
}

const STORAGE_KEY = 'federated.token';

function decodePayload(part: string): Record<string, unknown> {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

// Throws with words for the person who pasted it.
export function readToken(text: string): Account {
  const token = text.trim().replace(/^Bearer\s+/i, '');
  if (token === '') throw new Error('Paste a token, or choose the file that holds it.');
  const parts = token.split('.');
  let payload: Record<string, unknown>;
  try {
    if (parts.length !== 3) throw new Error();
    payload = decodePayload(parts[1]!);
  } catch {
    throw new Error('This is not a token: three parts with dots between them are expected.');
  }
  const role = String(payload.role ?? '').replace(/^federated_/, '');
  const subject = String(payload.sub ?? payload.host_id ?? '');
  const expiresAt = typeof payload.exp === 'number' ? payload.exp * 1000 : null;
  return { token, subject, role, expiresAt };
}

function restore(): Account | null {
  try {
    return readToken(sessionStorage.getItem(STORAGE_KEY) ?? '');
  } catch {
    return null;
  }
}

export const account = new Store<Account | null>(typeof sessionStorage === 'undefined' ? null : restore());
export const farewell = new Store<string | null>(null); // why one was signed out

export function signIn(who: Account): void {
  sessionStorage.setItem(STORAGE_KEY, who.token);
  farewell.set(null);
  account.set(who);
}

export function signOut(reason: string | null = null): void {
  sessionStorage.removeItem(STORAGE_KEY);
  farewell.set(reason);
  account.set(null);
}

export const mayCreate = (who: Account): boolean => who.role === 'creator' || who.role === 'admin';

export const maySteer = (who: Account, session: { owner: string }): boolean =>
  who.role === 'admin' || (who.role === 'creator' && who.subject === session.owner);

export const mayDownload = mayCreate;
