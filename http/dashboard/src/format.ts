// Numbers and times in words for people, in the browser's own language and time zone.

const count = new Intl.NumberFormat();
export const formatCount = (value: number): string => count.format(value);

// The ledger counts millionths; none of them is hidden.
const credit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
export const formatCredits = (value: number): string => credit.format(value);

const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
export const formatShare = (value: number): string => percent.format(value);

// As exact as a reader of metrics wants it: four significant digits.
export function formatMetric(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(3) : String(Number(value.toPrecision(4)));
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

// Today's times with seconds, others with their day.
export function formatTime(iso: string | number, now: number): string {
  const at = new Date(iso);
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return time.format(at);
  return (at.getFullYear() === today.getFullYear() ? day : dayOfYear).format(at);
}

export const formatAbsolute = (iso: string | number): string => absolute.format(new Date(iso));

// "45 s", "3 min 5 s", "2 h 10 min", "3 d 4 h": the two largest units.
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const units: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = units.findIndex(([amount]) => amount > 0);
  if (first < 0) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

export function formatAgo(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 5 ? 'just now' : `${formatDuration(seconds)} ago`;
}

export const plural = (amount: number, one: string, many = `${one}s`): string => `${formatCount(amount)} ${amount === 1 ? one : many}`;

export const listWords = (words: string[]): string => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`);

// "learning_rate" as a label: "Learning rate".
export function humanize(key: string): string {
  const words = key.replace(/_/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
