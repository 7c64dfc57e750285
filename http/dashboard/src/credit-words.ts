// Prices and lines of the ledger in human words.
import { formatCount, formatCredits } from './format';
import type { Price, StatementLine } from './types';

const SHARES: Record<string, string> = { cosine: 'cosine', norm_share: 'norm share', leave_one_out: 'effect of leaving out' };

// What an update earns; the parts add up.
export function priceWords(price: Price | undefined): string {
  const parts = [
    price?.per_round ? `${formatCredits(price.per_round)} per update` : '',
    price?.per_thousand_samples
      ? `${formatCredits(price.per_thousand_samples)} per 1,000 samples${price.max_samples ? `, at most ${formatCount(price.max_samples)} samples` : ''}`
      : '',
    price?.contribution_pool
      ? `${formatCredits(price.contribution_pool)} per round shared by ${SHARES[price.contribution ?? 'cosine'] ?? price.contribution}`
      : '',
  ].filter(Boolean);
  return parts.join(', and ') || 'nothing';
}

const KINDS: Record<string, string> = {
  grant: 'Grant',
  reserve: 'Reserved for a session',
  payment: 'Payment',
  refund: 'Refund of what was left',
};

export function lineWords(line: StatementLine): string {
  const round = line.round === null ? '' : `, round ${line.round}`;
  const host = line.host_id === null ? '' : ` for ${line.host_id}`;
  return `${KINDS[line.kind] ?? line.kind}${host}${round}${line.note ? `: ${line.note}` : ''}`;
}
