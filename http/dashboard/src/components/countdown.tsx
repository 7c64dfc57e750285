// Time left to a deadline. Not a live region: a screen reader would never be silent.
import { useNow } from '../clock';
import { formatAbsolute, formatDuration } from '../format';

export function Countdown({ deadline }: { deadline: string }) {
  const left = (Date.parse(deadline) - useNow()) / 1000;
  return (
    <time class="countdown" dateTime={deadline} title={formatAbsolute(deadline)}>
      {left > 0 ? `${formatDuration(left)} to the deadline` : 'the deadline has passed'}
    </time>
  );
}
