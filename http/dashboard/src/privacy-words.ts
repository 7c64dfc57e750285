// Differential privacy in human words.
import { formatMetric, plural } from './format';
import type { FedEvent, SessionPrivacy } from './types';

export const isPrivate = (privacy: SessionPrivacy | undefined): privacy is SessionPrivacy => privacy !== undefined && privacy.mode !== 'none';

const NOISE: Record<string, string> = {
  central: 'The coordinator clips updates and adds noise to their sum',
  local: 'Each Island clips its update and adds noise to it',
  distributed: 'Each Island adds its part of the noise and masks it with its update; only sums are seen',
};

export const trustWords = (privacy: SessionPrivacy): string => NOISE[privacy.mode] ?? `Noise is added in mode ${privacy.mode}`;

const SECAGG_MODE: Record<string, string> = {
  active: 'secure aggregation of mode active, which holds against a coordinator that lies where owners have compared their Islands’ keys',
  semi_honest: 'a coordinator that follows the protocol: one that lies sees single updates, each with no more than its own part of the noise',
};

// Against whom noise that Islands add protects, and what that rests on; empty in
// other modes, whose statement says it. A server may leave out any of the numbers.
export function protectionOf({ mode, max_colluding: colluding, honest_updates: honest, secagg_mode }: SessionPrivacy): string[] {
  if (mode !== 'distributed') return [];
  const together =
    colluding == null ? '' : colluding === 0 ? ', as long as no Island colludes with it' : `, also together with up to ${plural(colluding, 'Island')} that collude${colluding === 1 ? 's' : ''} with it`;
  const rests = [
    honest == null ? '' : `the noise of at least ${plural(honest, 'Island')} in each sum that follow${honest === 1 ? 's' : ''} the protocol`,
    secagg_mode == null ? '' : (SECAGG_MODE[secagg_mode] ?? `secure aggregation of mode ${secagg_mode}`),
  ].filter((assumption) => assumption !== '');
  return [
    `It protects participants from the readers of models and from the coordinator${together}.`,
    ...(rests.length === 0 ? [] : [`It rests on ${rests.join(', and on ')}.`]),
  ];
}

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
