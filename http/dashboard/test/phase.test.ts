import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes, participantStatus, phaseOf, roundsDone, roundsDoneInList } from '../src/phase';
import type { Participant, Round, Session } from '../src/types';

const round = (given: Partial<Round>): Round => ({
  round: 1, kind: 'train', state: 'closed', tasks: 3, updates: 3, samples: null, deadline: null,
  opened_at: '2026-01-01T12:00:00Z', closed_at: null, evaluation: {}, training: {}, ...given,
});

const participant = (host_id: string, status: Participant['status'], reason: string | null = null): Participant => ({
  host_id, status, reason, rounds_completed: 0, total_samples: 0, last_seen: null, metrics: null,
});

const session = (given: Partial<Session>): Session => ({
  id: 'x', name: 'Test', status: 'training', current_round: 1, total_rounds: 3, workload: 'w', owner: 'o', reason: null,
  created_at: '2026-01-01T12:00:00Z', started_at: null, finished_at: null, participants: [], workload_id: 1,
  config: { min_participants: 2 }, base_version: 1, result_version: null, last_error: null, rounds: [], ...given,
});

const deadline = '2026-01-01T13:00:00Z';

test('every phase has its words, and only an open round a deadline', () => {
  const there = [participant('a', 'invited'), participant('b', 'dropped')];
  assert.equal(phaseOf(session({ status: 'recruiting', participants: there })).text, 'Waiting for Islands: 1 of at least 2 is there');
  const open = phaseOf(session({ rounds: [round({}), round({ round: 2, state: 'open', updates: 1, deadline })] }));
  assert.equal(open.text, 'Round 2: 1 of 3 updates in');
  assert.equal(open.deadline, deadline);
  const combining = phaseOf(session({ rounds: [round({ state: 'aggregating', updates: 2, deadline })] }));
  assert.equal(combining.text, 'Round 1: combining 2 updates');
  assert.equal(combining.deadline, null);
  const opening = session({ rounds: [round({ state: 'aggregating', updates: 3 })], secure_aggregation: { mode: 'active', state: 'reveal' } });
  assert.equal(phaseOf(opening).text, 'Round 1: Islands open the sum of 3 masked updates');
  const evaluating = { ...opening, rounds: [round({ kind: 'evaluate' as const, state: 'aggregating' as const, updates: 3 })] };
  assert.equal(phaseOf(evaluating).text, 'Final evaluation: Islands open the sum of 3 masked results');
  assert.equal(phaseOf({ ...opening, secure_aggregation: { mode: 'active', state: 'sum' } }).text, 'Round 1: combining 3 updates');
  const last = phaseOf(session({ rounds: [round({ round: 3, kind: 'evaluate', state: 'open', updates: 2 })] }));
  assert.equal(last.text, 'Final evaluation: 2 of 3 results in');
  assert.equal(phaseOf(session({ rounds: [round({})] })).text, 'Preparing the next round');
  assert.match(phaseOf(session({ status: 'paused', rounds: [round({ state: 'open', deadline })] })).text, /^Paused in round 1/);
  assert.equal(phaseOf(session({ status: 'paused', rounds: [round({ state: 'open', deadline })] })).deadline, null);
  assert.equal(phaseOf(session({ status: 'failed', rounds: [round({ state: 'abandoned' })] })).text, 'The session has failed');
});

test('a round counts when it is closed, an evaluation does not', () => {
  const rounds = [round({}), round({ round: 2, state: 'open' }), round({ round: 1, kind: 'evaluate' })];
  assert.equal(roundsDone(session({ rounds })), 1);
  assert.equal(roundsDoneInList(session({ current_round: 2 })), 1);
  assert.equal(roundsDoneInList(session({ current_round: 0, status: 'recruiting' })), 0);
  assert.equal(roundsDoneInList(session({ current_round: 2, status: 'completed' })), 2);
});

test('a participant of a cancelled session does not seem to train', () => {
  assert.equal(participantStatus(session({ status: 'cancelled' }), 'training'), 'ended');
  assert.equal(participantStatus(session({ status: 'cancelled' }), 'dropped'), 'dropped');
  assert.equal(participantStatus(session({ status: 'paused' }), 'training'), 'training');
});

test('what changed is said once', () => {
  const before = session({ rounds: [round({ state: 'open' })], participants: [participant('a', 'training'), participant('b', 'dropped')] });
  assert.deepEqual(changes(before, before), []);
  const after = session({
    status: 'paused', reason: 'lunch', rounds: [round({ evaluation: { loss: 0.25 } })],
    participants: [participant('a', 'dropped', 'silent'), participant('b', 'training'), participant('c', 'invited')],
  });
  assert.deepEqual(changes(before, after), [
    'Session is now paused: lunch.',
    'Round 1 of 3 is done: loss 0.25.',
    'a has dropped out: silent.',
    'b is back.',
    'c has joined.',
  ]);
});
