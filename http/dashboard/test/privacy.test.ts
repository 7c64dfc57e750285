import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventText } from '../src/event-words';
import { chargesOf, clipWords, isPrivate, mostEpsilon, protectionOf, roundsWords, spentWords, trustWords } from '../src/privacy-words';
import type { FedEvent, SessionPrivacy } from '../src/types';

const central: SessionPrivacy = { mode: 'central', statement: 'Said.', epsilon: 3.14159, epsilon_budget: 8, planned_epsilon: 20, clip_norms: [0.5] };

test('sessions without privacy, and servers that say nothing of it', () => {
  assert.equal(isPrivate(undefined), false);
  assert.equal(isPrivate({ mode: 'none', statement: 'None.' }), false);
  assert.equal(isPrivate(central), true);
});

test('epsilon against the budget, or against what is planned', () => {
  assert.equal(spentWords(central), '3.142 of 8');
  assert.equal(mostEpsilon(central), 8);
  assert.equal(spentWords({ ...central, epsilon_budget: null }), '3.142');
  assert.equal(mostEpsilon({ ...central, epsilon_budget: null }), 20);
  assert.equal(mostEpsilon({ mode: 'local', statement: '' }), null);
});

test('who adds the noise, also in a mode that is not known', () => {
  assert.match(trustWords(central), /^The coordinator/);
  assert.match(trustWords({ ...central, mode: 'local' }), /^Each Island/);
  assert.match(trustWords({ ...central, mode: 'distributed' }), /^Each Island adds its part of the noise/);
  assert.match(trustWords({ ...central, mode: 'shuffled' }), /shuffled/);
});

test('noise that Islands add: against whom it protects, and what that rests on', () => {
  const distributed: SessionPrivacy = { ...central, mode: 'distributed' };
  assert.deepEqual(protectionOf(central), []);
  assert.deepEqual(protectionOf({ ...distributed, max_colluding: 1, honest_updates: 3, secagg_mode: 'active' }), [
    'It protects participants from the readers of models and from the coordinator, also together with up to 1 Island that colludes with it.',
    'It rests on the noise of at least 3 Islands in each sum that follow the protocol, and on secure aggregation of mode active, which holds against a coordinator that lies where owners have compared their Islands’ keys.',
  ]);
  assert.match(protectionOf({ ...distributed, max_colluding: 2 })[0]!, /up to 2 Islands that collude with it/);
  assert.match(protectionOf({ ...distributed, max_colluding: 0 })[0]!, /as long as no Island colludes with it/);
  assert.match(protectionOf({ ...distributed, secagg_mode: 'semi_honest' })[1]!, /one that lies sees single updates/);
  assert.match(protectionOf({ ...distributed, secagg_mode: 'sealed' })[1]!, /mode sealed/);
  assert.deepEqual(protectionOf(distributed), ['It protects participants from the readers of models and from the coordinator.']);
});

test('clip norms that move and ones that do not', () => {
  assert.equal(clipWords([0.5, 0.5]), '0.5');
  assert.equal(clipWords([0.1, 0.3, 0.43219]), '0.1 to 0.4322');
  assert.equal(clipWords(null), '–');
});

test('charges from events, also from ones without epsilon', () => {
  const event = (id: number, detail: Record<string, unknown>): FedEvent => ({ id, at: '', actor: 'worker', kind: 'privacy_charged', detail });
  const charged = event(7, { round: 2, epsilon: 6.5, clip_norm: 0.5, noise_multiplier: 1.1 });
  assert.deepEqual(chargesOf([charged, event(5, { round: 1 })]), [
    { id: 7, round: 2, epsilon: 6.5, clipNorm: 0.5 },
    { id: 5, round: 1, epsilon: null, clipNorm: null },
  ]);
  assert.equal(eventText(charged), 'Round 2: noise with multiplier 1.1, epsilon 6.5 spent so far');
  assert.equal(roundsWords(0), 'no round yet');
});
