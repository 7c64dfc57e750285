// Events in human words. A kind that is not known here is shown with its numbers.
import { priceWords } from './credit-words';
import { formatCount, formatCredits, formatDuration, formatMetric, humanize, listWords, plural } from './format';
import type { ChainVerdict, FedEvent } from './types';

type Detail = Record<string, any>; // as the server wrote it

const because = (d: Detail): string => (d.reason ? `: ${d.reason}` : '');

const metrics = (values: Record<string, number> | undefined): string => {
  const shown = Object.entries(values ?? {}).slice(0, 3).map(([name, value]) => `${name} ${formatMetric(value)}`);
  return shown.length ? ` (${shown.join(', ')})` : '';
};

// Nobody knows them where weights are hidden.
const samples = (d: Detail): string => (d.num_samples == null ? '' : ` (${plural(d.num_samples, 'sample')})`);

const credits = (amount: number): string => `${formatCredits(amount)} ${amount === 1 ? 'credit' : 'credits'}`;

const roundOf = (d: Detail): string => (d.kind === 'evaluate' ? 'Final evaluation' : `Round ${d.round}`);

// Which attempt it is goes without saying while it is the first and is not given up.
const attempted = (d: Detail): string => roundOf(d) + (d.attempt > 1 || d.state === 'aborted' ? `, attempt ${d.attempt}` : '');

// What was there for the stage that begins, and what Islands do in it.
const SECAGG: Record<string, (d: Detail) => string> = {
  advertise: () => 'Islands send the keys for secure aggregation',
  share: (d) => `${plural(d.n, 'Island')} ${d.n === 1 ? 'has' : 'have'} sent keys, ${d.t} of them needed to the end; they share their secrets`,
  mask: (d) => `${plural(d.shared, 'Island')} ${d.shared === 1 ? 'has' : 'have'} shared; they train and send masked updates`,
  agree: (d) => `${plural(d.summed, 'masked update')} will be summed; Islands sign that`,
  reveal: (d) =>
    (d.agreed == null ? `${plural(d.summed, 'masked update')} will be summed` : `${plural(d.agreed, 'Island')} ${d.agreed === 1 ? 'has' : 'have'} signed`) +
    '; Islands reveal the shares that open the sum',
  sum: (d) => `${plural(d.revealed, 'Island')} ${d.revealed === 1 ? 'has' : 'have'} revealed shares; the sum is opened`,
  done: () => 'the masks are off the sum',
  aborted: (d) => `given up${because(d)}`,
  failed: (d) => `secure aggregation failed${because(d)}`,
};

// What a round that is extended has too few of.
const LACKING: Record<string, string> = { advertise: 'Islands had sent keys', share: 'Islands had shared', mask: 'masked updates were in' };

const WORDS: Record<string, (d: Detail, actor: string) => string> = {
  session_created: (d, actor) => `${actor} started the session: ${plural(d.total_rounds, 'round')} of ${d.workload}`,
  session_started: (d) => `Training begins with ${plural(d.participants, 'Island')}`,
  session_paused: (d) => `Paused${because(d)}`,
  session_resumed: (d, actor) => `${actor} resumed it after ${formatDuration(d.seconds_paused)}`,
  session_completed: (d) => `Session complete${because(d)}`,
  session_failed: (d) => `Session failed${because(d)}`,
  session_cancelled: (d) => `Session cancelled${because(d)}`,
  participant_invited: (d) => `${d.host_id} was invited`,
  participant_dropped: (d) => `${d.host_id} dropped out${because(d)}`,
  participant_returned: (d) => `${d.host_id} is back`,
  round_opened: (d) =>
    `${roundOf(d)} opened for ${listWords(d.islands?.length > 4 ? [plural(d.islands.length, 'Island')] : (d.islands ?? []))}`,
  round_frozen: (d) => `${roundOf(d)}: combining ${plural(d.updates, d.kind === 'evaluate' ? 'result' : 'update')}`,
  round_closed: (d) => `Round ${d.round} closed${d.samples ? ` with ${plural(d.samples, 'sample')}` : ''}${metrics(d.evaluation)}`,
  round_extended: (d) => `${roundOf(d)} extended: ${d.updates} of ${d.needed} needed ${LACKING[d.secagg_state] ?? 'updates were in'}`,
  update_accepted: (d, actor) => `${actor} sent its update of round ${d.round}${samples(d)}`,
  evaluation_accepted: (d, actor) => `${actor} sent its evaluation${samples(d)}`,
  updates_lost: (d) => `Round ${d.round}: ${plural(d.updates, 'update')} lost in a crash, asked for again`,
  version_published: (d) => `Version ${d.version} published${metrics(d.metrics)}`,
  downtime_credited: (d) => `The coordinator was away for ${formatDuration(d.seconds)}; deadlines moved by that`,
  timeline_changed: (d) => `The server was promoted or recovered (timeline ${d.from} to ${d.to})`,
  model_rolled_back: (d, actor) => `${actor} made version ${d.to} current, instead of ${d.from}`,
  version_tagged: (d, actor) => `${actor} tagged version ${d.version} "${d.tag}"${d.from_version == null ? '' : `, which version ${d.from_version} had`}`,
  version_untagged: (d, actor) => `${actor} took the tag "${d.tag}" from version ${d.version}`,
  version_deleted: (d, actor) => `${actor} deleted the weights of version ${d.version}`,
  credits_reserved: (d) => `${credits(d.credits)} reserved for this session`,
  credits_paid: (d) => `Round ${d.round}: ${credits(d.credits)} paid for ${plural(d.updates, 'update')}`,
  credits_refunded: (d) => `${credits(d.credits)} went back to the owner`,
  credits_granted: (d, actor) =>
    d.credits < 0 ? `${actor} took ${credits(-d.credits)} back from ${d.holder}` : `${actor} granted ${d.holder} ${credits(d.credits)}`,
  budget_low: (d) => `The budget runs low: ${credits(d.credits)} left, the next round can cost ${formatCredits(d.next_round)}`,
  privacy_charged: (d) => `Round ${d.round}: noise with multiplier ${formatMetric(d.noise_multiplier)}${d.epsilon == null ? '' : `, epsilon ${formatMetric(d.epsilon)} spent so far`}`,
  privacy_settled: (d) => `Privacy is settled for ${plural(d.participants, 'participant')}: delta ${formatMetric(d.delta)}, sums divided by ${formatMetric(d.divisor)}`,
  secagg_stage: (d) => `${attempted(d)}: ${SECAGG[d.state]?.(d) ?? `secure aggregation is in state ${d.state}`}`,
  secagg_share_deviates: (d) =>
    `${attempted(d)}: what ${places(d.revealers)} revealed of the secret of Island ${d.owner} of the roster does not belong to it; one of them has sent a wrong share`,
  identity_set: (d, actor) => `${actor} entered ${d.replaced == null ? 'the' : 'another'} identity key of ${d.host_id}`,
  price_set: (d, actor) => `${actor} set the price of ${d.workload}: ${priceWords(d.price)}`,
  samples_approved: (d, actor) => `${actor} lets ${d.max_samples} samples of ${d.host_id} count${d.workload == null ? '' : ` in ${d.workload}`}`,
  step_failed: (d) => `A step failed: ${d.message}`,
};

// Indices in the roster, under which Islands go among themselves.
function places(indices: number[]): string {
  return `${indices.length === 1 ? 'Island' : 'Islands'} ${listWords(indices.map(String))}`;
}

const plain = (value: unknown): string =>
  typeof value === 'number' ? (Number.isInteger(value) ? formatCount(value) : formatMetric(value)) : typeof value === 'string' ? value : JSON.stringify(value);

export function eventText(event: FedEvent): string {
  const words = WORDS[event.kind];
  if (words) return words(event.detail, event.actor);
  const numbers = Object.entries(event.detail).map(([key, value]) => `${humanize(key).toLowerCase()} ${plain(value)}`);
  return humanize(event.kind) + (numbers.length ? `: ${numbers.join(', ')}` : '');
}

// What came of verifying the chain of events.
export function verdictText({ ok, verified, position, event_id, problem }: ChainVerdict): string {
  if (ok) return `${plural(verified, 'event')} verified: each is what was written, in the order in which it was written.`;
  const place = position === null ? '' : ` at position ${formatCount(position)}`;
  const which = event_id === null ? '' : ` (event ${event_id})`;
  return `The chain is broken${place}${which}: ${problem}. Right before that: ${plural(verified, 'event')}.`;
}

export type EventTone = 'good' | 'bad' | 'warn' | 'plain';

export function eventTone({ kind, detail }: FedEvent): EventTone {
  if (kind === 'secagg_stage') return detail.state === 'failed' ? 'bad' : detail.state === 'aborted' ? 'warn' : 'plain';
  if (/^(session_completed|version_published)$/.test(kind)) return 'good';
  if (/(failed|lost|cancelled)$/.test(kind)) return 'bad';
  if (/(dropped|extended|paused|budget_low|rolled_back|deleted|deviates)$/.test(kind)) return 'warn';
  return 'plain';
}
