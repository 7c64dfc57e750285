// What a screen reader is told besides what has the focus.
import { Store } from './store';

export const announcement = new Store('');

export function announce(sentences: string[]): void {
  if (sentences.length > 0) announcement.set(sentences.join(' '));
}
