// Differential privacy in human words.
import { formatMetric, plural } from './format';
import type { FedEvent, SessionPrivacy } from './types';

export const isPrivate = (privacy: SessionPrivacy | undefined): privacy is SessionPrivacy => privacy !== undefined && privacy.mode !== 'none';

const NOISE: Record<string, string> = {
  central: 'The coordinator clips updates and adds noise to their sum',
  local: 'Each Island clips its update and adds noise to it',
};

export const trustWords = (privacy: SessionPrivacy): string => NOISE[privacy.mode] ?? `Noise is added in mode ${privacy.mode}`;

// "3.2 of 8", or "3.2" where there is no budget.
export function spentWords({ epsilon = 0, epsilon_budget: budget }: SessionPrivacy): string {
  return budget == null ? formatMetric(epsilon) : `${formatMetric(epsilon)} of ${formatMetric(budget)}`;
}

// What a bar of epsilon is measured against: the budget, else what all rounds will cost.
export const mostEpsilon = (privacy: SessionPrivacy): number | null => privacy.epsilon_budget ?? privacy.planned_epsilon ?? null;

// "0.5", or "0.1 to 0.43" where it has moved.
export function clipWords(norms: number[] | null | undefined): string {
  if (!norms || norms.length === 0) return '–';
  const first = norms[0]!;
  const last = norms.at(-1)!;
  return first === last ? formatMetric(last) : `${formatMetric(first)} to ${formatMetric(last)}`;
}

export interface Charge {
  id: number;
  round: number;
  epsilon: number | null; // spent with this round and all before it
  clipNorm: number | null;
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

export const chargesOf = (events: FedEvent[]): Charge[] =>
  events.map(({ id, detail }) => ({ id, round: Number(detail.round), epsilon: number(detail.epsilon), clipNorm: number(detail.clip_norm) }));

export const roundsWords = (rounds: number): string => (rounds === 0 ? 'no round yet' : plural(rounds, 'round'));
