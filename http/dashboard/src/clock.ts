// The server's time, so that countdowns are right on a machine whose clock is not.
import { useEffect, useState } from 'preact/hooks';

let offset = 0; // milliseconds that the server is ahead of us

// An HTTP date has whole seconds: smaller differences say nothing.
export function noteServerDate(date: string | null): void {
  const difference = Date.parse(date ?? '') - Date.now();
  if (Number.isNaN(difference)) return;
  offset = Math.abs(difference) > 2000 ? difference : 0;
}

export const serverNow = (): number => Date.now() + offset;

// The server's time in milliseconds, anew every second.
export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
