import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ASSUMPTION, attemptInDocument, isWaiting, lastFailure, mayDropOut, metricWords, protectionWords, roundName, stageText, stateWords, stepsOf, weightWords } from '../src/secagg-words';
import type { Round, SecaggAttempt, Session } from '../src/types';

const attempt = (given: Partial<SecaggAttempt>): SecaggAttempt => ({
  round: 2, kind: 'train', attempt: 1, state: 'mask', mode: 'active', n: 5, t: 4, advertised: 5, shared: 5, committed: 3, agreed: 0, revealed: 0,
  deadline: null, reason: null, ...given,
});

const line = (given: Partial<SecaggAttempt>) => stepsOf(attempt(given)).map(({ name, place }) => `${name} ${place}`).join(', ');

test('the line of stages has one that goes on, and mode semi_honest signs nothing', () => {
  assert.equal(line({}), 'Advertise behind, Share behind, Mask here, Agree ahead, Reveal ahead, Sum ahead, Done ahead');
  assert.equal(line({ state: 'done' }), 'Advertise behind, Share behind, Mask behind, Agree behind, Reveal behind, Sum behind, Done here');
  assert.equal(line({ mode: 'semi_honest' }), 'Advertise behind, Share behind, Mask here, Reveal ahead, Sum ahead, Done ahead');
  assert.match(line({ mode: 'semi_honest', state: 'agree' }), /Mask behind, Agree here, Reveal ahead/); // where privacy is charged
  assert.equal(line({ state: 'aborted' }), '');
  assert.equal(line({ state: 'failed' }), '');
});

test('each stage says what goes on, with its numbers', () => {
  const say = (state: string, given: Partial<SecaggAttempt> = {}) => stageText(attempt({ state, ...given }));
  assert.equal(say('advertise', { n: null, t: null, advertised: 1 }), 'Islands send the keys of this attempt: 1 Island so far');
  assert.equal(say('share', { shared: 2 }), 'Islands give each other shares of their secrets: 2 of 5 Islands');
  assert.equal(say('mask'), 'Islands train and send masked updates: 3 of 5 updates');
  assert.equal(say('mask', { kind: 'evaluate' }), 'Islands evaluate and send masked results: 3 of 5 results');
  assert.equal(say('agree', { committed: 5, agreed: 2 }), 'Islands sign whose updates are summed: 2 of 5 signatures, 4 needed');
  assert.match(say('agree', { mode: 'semi_honest' }), /privacy is written down/);
  assert.equal(say('reveal', { committed: 5, revealed: 3 }), 'Islands reveal the shares that open the sum: 3 of 5 Islands, 4 needed');
  assert.equal(say('sum'), 'The masks are taken off the sum');
  assert.equal(say('done'), 'The sum is made');
  assert.equal(say('aborted'), 'This attempt has been given up');
  assert.equal(say('failed'), 'This attempt has failed');
});

test('who reads only the document sees the stage without numbers', () => {
  const round = (number: number, kind: Round['kind']) => ({ round: number, kind }) as Round;
  const document = { mode: 'active', round: 2, attempt: 1, state: 'reveal', islands: 5, threshold: 4 };
  const known = attemptInDocument({ secure_aggregation: document, rounds: [round(1, 'train'), round(2, 'train')] })!;
  assert.equal(stageText(known), 'Islands reveal the shares that open the sum, 4 needed');
  assert.equal(stepsOf(known).find(({ place }) => place === 'here')?.name, 'Reveal');
  const named = (...rounds: Round[]) => roundName(attemptInDocument({ secure_aggregation: document, rounds })!);
  assert.equal(named(round(1, 'train'), round(2, 'train')), 'Round 2');
  assert.equal(named(round(1, 'train'), round(1, 'evaluate')), 'Final evaluation');
  assert.equal(named(round(2, 'train'), round(2, 'evaluate')), 'Round 2'); // whose evaluation is not masked
  assert.equal(attemptInDocument({ secure_aggregation: { mode: 'active', round: null, attempt: null, state: null }, rounds: [] }), undefined);
});

test('drop-outs that a round survives: as many as threshold and min_updates leave', () => {
  const session = (min_updates?: number) => ({ config: { min_updates } }) as unknown as Session;
  assert.equal(mayDropOut(session(), attempt({ n: 3, t: 3 })), 0);
  assert.equal(mayDropOut(session(3), attempt({ n: 7, t: 5 })), 2);
  assert.equal(mayDropOut(session(6), attempt({ n: 7, t: 5 })), 1);
  assert.equal(mayDropOut(session(), attempt({ mode: 'semi_honest', n: 4, t: 2 })), 1); // fewer than 3 are never summed
  assert.equal(mayDropOut(session(), attempt({ n: null, t: null })), null);
});

test('a failure is told while it matters', () => {
  const given = attempt({ state: 'aborted', reason: 'no' });
  assert.equal(lastFailure([]), undefined);
  assert.equal(lastFailure([given])?.reason, 'no');
  assert.equal(lastFailure([attempt({ attempt: 2 }), given])?.attempt, 1);
  assert.equal(lastFailure([attempt({ attempt: 2, state: 'done' }), given]), undefined);
  assert.equal(lastFailure([attempt({ round: 3 }), given]), undefined);
});

test('words of modes, weights, metrics, rounds and states, also of ones that are not known', () => {
  assert.equal(protectionWords({ mode: 'semi_honest' }), 'Does not protect against a coordinator that lies');
  assert.match(ASSUMPTION.semi_honest!, /reads every single update/);
  assert.match(ASSUMPTION.active!, /owners have compared themselves/);
  assert.equal(protectionWords({ mode: 'other' }), 'Mode other');
  assert.equal(weightWords({ mode: 'active', weights: 'hidden' }), 'only their sum is seen');
  assert.equal(weightWords({ mode: 'active' }), '–');
  assert.equal(metricWords({ mode: 'active', metrics: 'none' }), 'not sent');
  assert.equal(metricWords({ mode: 'active', metrics: 'other' }), 'other');
  assert.equal(roundName(attempt({ kind: 'evaluate' })), 'Final evaluation');
  assert.equal(roundName(attempt({})), 'Round 2');
  assert.deepEqual(['done', 'aborted', 'failed', 'mask', 'other'].map(stateWords), ['Done', 'Given up', 'Failed', 'Mask', 'other']);
  assert.deepEqual([isWaiting(attempt({})), isWaiting(attempt({ state: 'done' }))], [true, false]);
});
