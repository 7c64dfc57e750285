import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readToken } from '../src/account';
import { parseJson } from '../src/api';
import { eventText, eventTone } from '../src/event-words';
import { backOff } from '../src/poll';
import { parseRoute } from '../src/route';
import { mergeEvents } from '../src/sections/events';
import type { FedEvent } from '../src/types';

const event = (kind: string, detail: Record<string, unknown>, id = 1): FedEvent => ({ id, at: '', actor: 'alice', kind, detail });

test('events in words, also those of a kind that is not known', () => {
  assert.equal(eventText(event('participant_dropped', { host_id: 'a', reason: 'silent' })), 'a dropped out: silent');
  assert.equal(eventText(event('session_completed', {})), 'Session complete');
  assert.equal(eventText(event('round_closed', { round: 2, samples: 1200, evaluation: { loss: 0.5 } })), 'Round 2 closed with 1,200 samples (loss 0.5)');
  assert.equal(eventText(event('budget_spent', { epsilon: 1.5, host_id: 'a' })), 'Budget spent: epsilon 1.5, host id a');
});

test('every stage of secure aggregation has its sentence', () => {
  const stage = (state: string, detail: Record<string, unknown> = {}) => event('secagg_stage', { round: 2, kind: 'train', attempt: 1, state, ...detail });
  const said: [string, Record<string, unknown>, string][] = [
    ['advertise', { mode: 'active', base: 'ab', c0: 'cd' }, 'Round 2: Islands send the keys for secure aggregation'],
    ['share', { n: 5, t: 4, ctx: 'ab' }, 'Round 2: 5 Islands have sent keys, 4 of them needed to the end; they share their secrets'],
    ['mask', { shared: 5 }, 'Round 2: 5 Islands have shared; they train and send masked updates'],
    ['agree', { shared: 5, summed: 4, sets: 'ab' }, 'Round 2: 4 masked updates will be summed; Islands sign that'],
    ['reveal', { agreed: 4 }, 'Round 2: 4 Islands have signed; Islands reveal the shares that open the sum'],
    ['reveal', { shared: 5, summed: 4, sets: 'ab' }, 'Round 2: 4 masked updates will be summed; Islands reveal the shares that open the sum'],
    ['sum', { revealed: 4 }, 'Round 2: 4 Islands have revealed shares; the sum is opened'],
    ['done', {}, 'Round 2: the masks are off the sum'],
    ['failed', { reason: '2 of 3 shares' }, 'Round 2: secure aggregation failed: 2 of 3 shares'],
    ['aborted', { reason: '2 of 3 Islands have sent their shares' }, 'Round 2, attempt 1: given up: 2 of 3 Islands have sent their shares'],
    ['sleep', {}, 'Round 2: secure aggregation is in state sleep'],
  ];
  for (const [state, detail, words] of said) assert.equal(eventText(stage(state, detail)), words);
  assert.equal(eventText(stage('done', { kind: 'evaluate', attempt: 2 })), 'Final evaluation, attempt 2: the masks are off the sum');
  assert.equal(eventText(event('round_frozen', { round: 3, kind: 'evaluate', updates: 3 })), 'Final evaluation: combining 3 results');
  assert.deepEqual(['failed', 'aborted', 'done'].map((state) => eventTone(stage(state))), ['bad', 'warn', 'plain']);
});

test('other events of secure aggregation and privacy', () => {
  const deviates = event('secagg_share_deviates', { round: 3, attempt: 1, owner: 2, revealers: [1, 4] });
  assert.equal(
    eventText(deviates),
    'Round 3: what Islands 1 and 4 revealed of the secret of Island 2 of the roster does not belong to it; one of them has sent a wrong share',
  );
  assert.equal(eventTone(deviates), 'warn');
  assert.equal(eventText(event('round_extended', { round: 1, updates: 2, needed: 3, secagg_state: 'advertise' })), 'Round 1 extended: 2 of 3 needed Islands had sent keys');
  assert.equal(eventText(event('round_extended', { round: 1, updates: 2, needed: 3 })), 'Round 1 extended: 2 of 3 needed updates were in');
  assert.equal(eventText(event('update_accepted', { round: 1, num_samples: null })), 'alice sent its update of round 1');
  assert.equal(eventText(event('update_accepted', { round: 1, num_samples: 1 })), 'alice sent its update of round 1 (1 sample)');
  assert.equal(eventText(event('identity_set', { host_id: 'a', identity_pk: 'ab', replaced: null })), 'alice entered the identity key of a');
  assert.equal(eventText(event('identity_set', { host_id: 'a', identity_pk: 'ab', replaced: 'cd' })), 'alice entered another identity key of a');
  const settled = { participants: 3, delta: 1e-5, divisor: 2.5, first_clip_norm: 0.5, count_noise: null };
  assert.equal(eventText(event('privacy_settled', settled)), 'Privacy is settled for 3 participants: delta 1.000e-5, sums divided by 2.5');
});

test('newer events go before those that are there, without a gap', () => {
  const ids = (...list: number[]) => list.map((id) => event('x', {}, id));
  const merged = (newest: number[], known: number[]) => mergeEvents(ids(...newest), ids(...known)).map((e) => e.id);
  assert.deepEqual(merged([5, 4, 3], [4, 3, 2, 1]), [5, 4, 3, 2, 1]);
  assert.deepEqual(merged([9, 8, 7], [4, 3]), [9, 8, 7]);
  assert.deepEqual(merged([2, 1], []), [2, 1]);
});

test('addresses', () => {
  const id = '0f0e0d0c-0b0a-4908-8706-050403020100';
  assert.deepEqual(parseRoute('/training/'), { page: 'sessions', status: null });
  assert.deepEqual(parseRoute('/training/', '?status=failed'), { page: 'sessions', status: 'failed' });
  assert.deepEqual(parseRoute(`/training/sessions/${id.toUpperCase()}`), { page: 'session', id });
  assert.deepEqual(parseRoute('/training/sessions/1'), { page: 'unknown' });
  assert.deepEqual(parseRoute('/trainings'), { page: 'unknown' });
});

test('tokens', () => {
  const payload = Buffer.from(JSON.stringify({ sub: 'Zoë', role: 'federated_creator', exp: 10 })).toString('base64url');
  const who = readToken(` Bearer a.${payload}.c\n`);
  assert.deepEqual(who, { token: `a.${payload}.c`, subject: 'Zoë', role: 'creator', expiresAt: 10_000 });
  assert.throws(() => readToken('a.b'), /not a token/);
  assert.throws(() => readToken('a.e30.c.d'), /not a token/);
  assert.throws(() => readToken(' '), /Paste a token/);
});

test('polling slows down while it fails, up to a minute, and obeys the server', () => {
  assert.deepEqual([1, 2, 3, 9].map((n) => backOff(n, null, 0.5)), [2000, 4000, 8000, 60_000]);
  assert.equal(backOff(1, 30, 0.5), 30_000);
});

test('a seed keeps its digits', () => {
  const text = '{"config":{"seed":9007199254740993},"other":{"seed":7}}';
  const parsed = parseJson(text) as { config: { seed: unknown }; other: { seed: unknown } };
  // engines before 2024 do not tell a reviver the source: the number is then as good as they have it
  assert.equal(String(parsed.config.seed).slice(0, 15), '900719925474099');
  assert.equal(parsed.other.seed, 7);
});
