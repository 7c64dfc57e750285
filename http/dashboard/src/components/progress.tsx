// How many rounds are done. The element itself tells screen readers.
import { plural } from '../format';

interface Props {
  done: number;
  total: number;
  label: string;
  status: string;
}

export function RoundsBar({ done, total, label, status }: Props) {
  return <progress class={`bar bar-${status}`} value={done} max={total} aria-label={label} aria-valuetext={`${done} of ${plural(total, 'round')}`} />;
}
