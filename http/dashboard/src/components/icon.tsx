// Icons on a grid of 16; never without a text beside them.
import type { EventTone } from '../event-words';

const PATHS = {
  recruiting: 'M6.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM2 13.5c.4-2.6 2.2-4 4.5-4s4.1 1.4 4.5 4M12.5 5v4M10.5 7h4',
  training: 'M13.5 8A5.5 5.5 0 0 1 3.3 10.9M2.5 8a5.5 5.5 0 0 1 10.2-2.9M13.2 2v3.3H9.9M2.8 14v-3.3h3.3',
  paused: 'M5.5 3.5v9M10.5 3.5v9',
  completed: 'M3 8.5 6.5 12 13 4.5',
  failed: 'M4 4l8 8M12 4l-8 8',
  cancelled: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM4.2 11.8l7.6-7.6',
  invited: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 5v3.2l2 1.3',
  gradient_sent: 'M8 12.5v-9M4 7.2 8 3.5l4 3.7',
  dropped: 'M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11v.3',
  ended: 'M4 4.5h8v7H4z',
  download: 'M8 3v7M4.8 7.2 8 10.4l3.2-3.2M3 13h10',
  plain: 'M8 9a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export const toneIcon: Record<EventTone, IconName> = { good: 'completed', bad: 'failed', warn: 'dropped', plain: 'plain' };
