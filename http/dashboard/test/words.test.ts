import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readToken } from '../src/account';
import { parseJson } from '../src/api';
import { eventText } from '../src/event-words';
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
