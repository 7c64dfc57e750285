// Secure aggregation in human words: who learns what on which assumption, and how far an attempt has come.
import { formatCount, plural } from './format';
import type { SecaggAttempt, SecureAggregation, Session } from './types';

// In the order of the protocol. Mode semi_honest signs nothing, so that it has
// no "agree"; but where the Islands add noise, what that costs is charged there.
const STAGES = ['advertise', 'share', 'mask', 'agree', 'reveal', 'sum', 'done'] as const;
type Stage = (typeof STAGES)[number];

const NAMES: Record<Stage, string> = {
  advertise: 'Advertise',
  share: 'Share',
  mask: 'Mask',
  agree: 'Agree',
  reveal: 'Reveal',
  sum: 'Sum',
  done: 'Done',
};

export interface Step {
  name: string;
  place: 'behind' | 'here' | 'ahead';
}

// Empty for an attempt that has ended without a sum: it is nowhere on its way.
export function stepsOf({ mode, state }: Pick<SecaggAttempt, 'mode' | 'state'>): Step[] {
  const stages = STAGES.filter((stage) => stage !== 'agree' || mode !== 'semi_honest' || state === 'agree');
  const at = stages.findIndex((stage) => stage === state);
  return at < 0 ? [] : stages.map((stage, place) => ({ name: NAMES[stage], place: place < at ? 'behind' : place > at ? 'ahead' : 'here' }));
}

const ENDED: Record<string, string> = { done: 'Done', aborted: 'Given up', failed: 'Failed' };
export const isWaiting = (attempt: SecaggAttempt): boolean => !(attempt.state in ENDED);
export const stateWords = (state: string): string => ENDED[state] ?? NAMES[state as Stage] ?? state;

const of = (done: number | undefined, all: number | null | undefined, one: string): string =>
  done === undefined ? '' : all == null ? `${plural(done, one)} so far` : `${formatCount(done)} of ${plural(all, one)}`;

// What is going on, with the numbers that are known.
export function stageText({ kind, mode, state, n, t, advertised, shared, committed, agreed, revealed }: SecaggAttempt): string {
  const counted = (what: string, numbers: string): string => (numbers === '' ? what : `${what}: ${numbers}`);
  switch (state) {
    case 'advertise':
      return counted('Islands send the keys of this attempt', of(advertised, null, 'Island'));
    case 'share':
      return counted('Islands give each other shares of their secrets', of(shared, n, 'Island'));
    case 'mask':
      return kind === 'evaluate'
        ? counted('Islands evaluate and send masked results', of(committed, shared, 'result'))
        : counted('Islands train and send masked updates', of(committed, shared, 'update'));
    case 'agree':
      return mode === 'semi_honest'
        ? 'What the sum costs in privacy is written down'
        : counted('Islands sign whose updates are summed', of(agreed, committed, 'signature')) + needed(t);
    case 'reveal':
      return counted('Islands reveal the shares that open the sum', of(revealed, committed, 'Island')) + needed(t);
    case 'sum':
      return 'The masks are taken off the sum';
    case 'done':
      return 'The sum is made';
    default:
      return `This attempt has ${state === 'failed' ? 'failed' : 'been given up'}`;
  }
}

const needed = (t: number | null): string => (t === null ? '' : `, ${formatCount(t)} needed`);

// What is known without the list of attempts, which Islands may not read. The
// evaluation after the last round is counted as one more.
export function attemptInDocument({ secure_aggregation: secagg, rounds }: Pick<Session, 'secure_aggregation' | 'rounds'>): SecaggAttempt | undefined {
  const { mode, round, attempt, state, islands, threshold } = secagg ?? {};
  if (mode == null || round == null || attempt == null || state == null) return undefined;
  const last = rounds.at(-1);
  const kind = last?.kind === 'evaluate' && round > last.round ? 'evaluate' : 'train';
  return { round, kind, attempt, state, mode, n: islands ?? null, t: threshold ?? null, deadline: null, reason: null };
}

// The newest that has ended without a sum, if it is of the round that is under way or came last.
export function lastFailure(attempts: SecaggAttempt[]): SecaggAttempt | undefined {
  const found = attempts.find(({ state }) => state === 'aborted' || state === 'failed');
  return found && found.round === attempts[0]!.round && attempts[0]!.state !== 'done' ? found : undefined;
}

export const roundName = ({ round, kind }: Pick<SecaggAttempt, 'round' | 'kind'>): string =>
  kind === 'evaluate' ? 'Final evaluation' : `Round ${formatCount(round)}`;

// How many Islands may drop out before their updates are summed.
export function mayDropOut(session: Session, { n, t }: Pick<SecaggAttempt, 'n' | 't'>): number | null {
  return n === null || t === null ? null : n - Math.max(t, Number(session.config.min_updates ?? 3), 3);
}

const PROTECTION: Record<string, string> = {
  active: 'Holds against a coordinator that lies',
  semi_honest: 'Does not protect against a coordinator that lies',
};

export const protectionWords = ({ mode }: SecureAggregation): string => PROTECTION[mode] ?? `Mode ${mode}`;

// What a mode rests on.
export const ASSUMPTION: Record<string, string> = {
  active:
    'Mode active: every message is signed, and before an Island reveals anything it sees that enough others were shown the same lists. This rests on keys that the Islands’ owners have compared themselves, and on fewer than a third of a round’s Islands helping the coordinator.',
  semi_honest:
    'Mode semi_honest: it protects only as long as the coordinator follows the protocol. One that lies can invent Islands or exchange keys, and then reads every single update. With an enrolled identity for every Island a session would be of mode active.',
};

const WEIGHTS: Record<string, string> = {
  declared: 'sample counts are told',
  hidden: 'only their sum is seen',
  unit: 'every update counts the same',
};
const METRICS: Record<string, string> = { masked: 'only sums are seen', visible: 'each Island’s are seen', none: 'not sent' };

export const weightWords = ({ weights }: SecureAggregation): string => (weights == null ? '–' : (WEIGHTS[weights] ?? weights));
export const metricWords = ({ metrics }: SecureAggregation): string => (metrics == null ? '–' : (METRICS[metrics] ?? metrics));
