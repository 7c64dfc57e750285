// Which polls get no answer at the moment; the notice on top of the page follows this.
import { Store } from './store';

export interface Trouble {
  message: string;
  since: number; // milliseconds: when the first of them failed
}

export const trouble = new Store<Trouble | null>(null);

const failing = new Map<object, string>();
let since = 0;

export function noteFailure(poll: object, message: string): void {
  if (failing.size === 0) since = Date.now();
  failing.set(poll, message);
  if (trouble.get()?.message !== message) trouble.set({ message, since });
}

export function noteSuccess(poll: object): void {
  if (!failing.delete(poll)) return;
  const [next] = failing.values();
  trouble.set(next === undefined ? null : { message: next, since });
}
