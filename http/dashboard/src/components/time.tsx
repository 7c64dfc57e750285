// A moment in local form, in full as its title.
import { useNow } from '../clock';
import { formatAbsolute, formatAgo, formatTime } from '../format';

export function Time({ at }: { at: string | number | null }) {
  if (at === null) return <>–</>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatAbsolute(at)}>
      {formatTime(at, Date.now())}
    </time>
  );
}

// "5 s ago", counting on by itself.
export function Ago({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return <>never</>;
  return (
    <time dateTime={at} title={formatAbsolute(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
