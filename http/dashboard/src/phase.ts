// What a session is doing right now, in words.
import { formatMetric, plural } from './format';
import type { ParticipantStatus, Round, Session, SessionRow, SessionStatus } from './types';
import { isActive } from './types';

// A participant of a session that ended early stays in the state it was in.
export type ShownStatus = SessionStatus | ParticipantStatus | 'ended';

export const STATUS_WORDS: Record<ShownStatus, string> = {
  recruiting: 'Recruiting',
  training: 'Training',
  paused: 'Paused',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  invited: 'Waiting',
  gradient_sent: 'Update sent',
  dropped: 'Dropped out',
  ended: 'Ended',
};

export function participantStatus(session: Session, status: ParticipantStatus): ShownStatus {
  return isActive(session) || status === 'dropped' || status === 'completed' ? status : 'ended';
}

export interface Phase {
  text: string;
  round: Round | null; // the one that is under way
  deadline: string | null;
}

export const openRound = (session: Session): Round | null =>
  session.rounds.findLast((round) => round.state === 'open' || round.state === 'aggregating') ?? null;

export const roundsDone = (session: Session): number =>
  session.rounds.filter((round) => round.kind === 'train' && round.state === 'closed').length;

// The same from a row of the list, which has no rounds: the current one is not done yet.
export function roundsDoneInList(row: SessionRow): number {
  return row.status === 'completed' ? row.current_round : Math.max(0, row.current_round - 1);
}

function recruitingText(session: Session): string {
  const there = session.participants.filter((p) => p.status !== 'dropped').length;
  const wanted = Number(session.config.min_participants ?? 1);
  return `Waiting for Islands: ${there} of at least ${wanted} ${there === 1 ? 'is' : 'are'} there`;
}

// Masked updates are combined only after Islands have opened their sum.
const isOpening = ({ secure_aggregation: secagg }: Session): boolean => secagg?.state === 'agree' || secagg?.state === 'reveal';

function roundText(round: Round, session: Session): string {
  const evaluates = round.kind === 'evaluate';
  const name = evaluates ? 'Final evaluation' : `Round ${round.round}`;
  const one = evaluates ? 'result' : 'update';
  if (round.state === 'open') return `${name}: ${round.updates} of ${plural(round.tasks, one)} in`;
  return isOpening(session) ? `${name}: Islands open the sum of ${plural(round.updates, `masked ${one}`)}` : `${name}: combining ${plural(round.updates, one)}`;
}

const ENDINGS: Partial<Record<SessionStatus, string>> = {
  completed: 'The session is complete',
  failed: 'The session has failed',
  cancelled: 'The session was cancelled',
};

export function phaseOf(session: Session): Phase {
  const round = isActive(session) ? openRound(session) : null;
  const ending = ENDINGS[session.status];
  if (ending) return { text: ending, round: null, deadline: null };
  if (session.status === 'paused') {
    return { text: round ? `Paused in round ${round.round}; Islands may still send what they have` : 'Paused', round, deadline: null };
  }
  if (session.status === 'recruiting') return { text: recruitingText(session), round: null, deadline: null };
  if (round) return { text: roundText(round, session), round, deadline: round.state === 'open' ? round.deadline : null };
  return { text: 'Preparing the next round', round: null, deadline: null };
}

// What is worth telling somebody who does not see the page: the differences
// between two documents of one session.
export function changes(before: Session, after: Session): string[] {
  const said: string[] = [];
  if (before.status !== after.status) {
    said.push(`Session is now ${STATUS_WORDS[after.status].toLowerCase()}${after.reason ? `: ${after.reason}` : ''}.`);
  }
  if (roundsDone(after) > roundsDone(before)) {
    const closed = after.rounds.findLast((round) => round.kind === 'train' && round.state === 'closed')!;
    const numbers = Object.entries(closed.evaluation).slice(0, 2).map(([name, value]) => `${name} ${formatMetric(value)}`);
    said.push(`Round ${closed.round} of ${after.total_rounds} is done${numbers.length ? `: ${numbers.join(', ')}` : ''}.`);
  }
  const earlier = new Map(before.participants.map((p) => [p.host_id, p.status]));
  for (const p of after.participants) {
    const was = earlier.get(p.host_id);
    if (was === undefined) said.push(`${p.host_id} has joined.`);
    else if (was !== 'dropped' && p.status === 'dropped') said.push(`${p.host_id} has dropped out${p.reason ? `: ${p.reason}` : ''}.`);
    else if (was === 'dropped' && p.status !== 'dropped') said.push(`${p.host_id} is back.`);
  }
  return said;
}
