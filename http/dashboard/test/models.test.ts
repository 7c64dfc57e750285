import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineWords, priceWords } from '../src/credit-words';
import { eventText, eventTone, verdictText } from '../src/event-words';
import { lineageOf, type LineageNode } from '../src/lineage';
import { parseRoute } from '../src/route';
import { isMeasured, measuredRounds } from '../src/sections/contribution';
import type { FedEvent, Session, StatementLine, Version } from '../src/types';
import { marksOf } from '../src/version-marks';

const version = (number: number, base: number | null = null, more: Partial<Version> = {}): Version => ({
  version_id: 100 + number,
  version: number,
  status: 'ready',
  current: false,
  metrics: {},
  parameters: 1,
  created_at: '',
  published_at: '2026-01-01T00:00:00Z',
  tags: [],
  session_id: base === null ? null : `session ${number}`,
  provenance: base === null ? {} : { base_version: base },
  ...more,
});
const current = { current: true };

// "1 5(2 3) 7": a line, and in brackets what branches off.
const drawn = (line: LineageNode[]): string =>
  line.map((node) => `${node.cut ? '…' : ''}${node.version.version}${node.branches.map((branch) => `(${drawn(branch)})`).join('')}`).join(' ');
const draw = (versions: Version[]): string[] => lineageOf(versions).map(drawn);

test('the lineage is a line that branches after a rollback', () => {
  assert.deepEqual(draw([version(9, 4, current), version(4, 1), version(1)]), ['1 4 9']);
  assert.deepEqual(draw([version(9, 1, current), version(4, 1), version(1)]), ['1(4) 9']);
  assert.deepEqual(draw([version(9, 4), version(7, 4, current), version(4, 1), version(3, 1), version(1)]), ['1(3) 4(9) 7']);
});

test('the line that leads to the current version goes on, whatever is newer beside it', () => {
  assert.deepEqual(draw([version(9, 8), version(8, 1), version(5, 4, current), version(4, 1), version(1)]), ['1(8 9) 4 5']);
  assert.deepEqual(draw([version(9, 8), version(8, 1), version(5, 4), version(4, 1), version(1, null, current)]), ['1(4 5) 8 9']);
});

test('each import begins a tree, and so does what descends from a version that is not shown', () => {
  assert.deepEqual(draw([version(6, 5), version(5), version(4, 2), version(3, 2, current)]), ['…3', '…4', '5 6']);
});

test('a thousand sessions in a row are one line; what cannot be is no endless loop', () => {
  const chain = Array.from({ length: 1000 }, (_, i) => version(1000 - i, i === 999 ? null : 999 - i));
  assert.equal(lineageOf(chain)[0]!.length, 1000);
  assert.deepEqual(draw([version(2, 3), version(3, 2)]), ['2 3']);
});

test('a tagged version between rounds hangs where its session began', () => {
  const between = version(3, 1, { published_at: null, tags: ['trial'] });
  assert.deepEqual(draw([version(4, 1, current), version(1), between]), ['1(3) 4']);
});

test('marks of versions', () => {
  const session = { base_version: 1, result_version: 2 } as Session;
  assert.deepEqual(marksOf(version(1, null, current), session), ['current', 'base of this session']);
  assert.deepEqual(marksOf(version(2, 1, { status: 'retired' }), session), ['result of this session', 'weights deleted']);
  assert.deepEqual(marksOf(version(3, 1, { status: 'abandoned', published_at: null }), session), ['between rounds', 'abandoned']);
});

test('prices and the ledger in words', () => {
  assert.equal(priceWords({}), 'nothing');
  assert.equal(priceWords({ per_round: 0.000001 }), '0.000001 per update');
  assert.equal(
    priceWords({ per_thousand_samples: 2, max_samples: 5000, contribution_pool: 6, contribution: 'norm_share' }),
    '2 per 1,000 samples, at most 5,000 samples, and 6 per round shared by norm share',
  );
  const line = { kind: 'payment', round: 2, host_id: 'a', note: null } as StatementLine;
  assert.equal(lineWords(line), 'Payment for a, round 2');
  assert.equal(lineWords({ ...line, kind: 'grant', round: null, host_id: null, note: 'contract 17' }), 'Grant: contract 17');
});

test('events of versions and credits in words', () => {
  const say = (kind: string, detail: Record<string, unknown>) => eventText({ id: 1, at: '', actor: 'alice', kind, detail } as FedEvent);
  assert.equal(say('model_rolled_back', { from: 5, to: 3 }), 'alice made version 3 current, instead of 5');
  assert.equal(say('version_tagged', { version: 3, tag: 'prod', from_version: 2 }), 'alice tagged version 3 "prod", which version 2 had');
  assert.equal(say('version_tagged', { version: 3, tag: 'prod', from_version: null }), 'alice tagged version 3 "prod"');
  assert.equal(say('credits_paid', { round: 1, updates: 2, credits: 1.5 }), 'Round 1: 1.5 credits paid for 2 updates');
  assert.equal(say('credits_refunded', { credits: 1 }), '1 credit went back to the owner');
  assert.equal(say('credits_granted', { credits: -2, holder: 'bob' }), 'alice took 2 credits back from bob');
  assert.equal(say('budget_low', { credits: 4, next_round: 6 }), 'The budget runs low: 4 credits left, the next round can cost 6');
  assert.equal(say('price_set', { workload: 'w', price: {} }), 'alice set the price of w: nothing');
  assert.equal(say('samples_approved', { host_id: 'a', workload: null, max_samples: 'any number' }), 'alice lets any number samples of a count');
  assert.equal(eventTone({ id: 1, at: '', actor: '', kind: 'budget_low', detail: {} }), 'warn');
});

test('a verdict on the chain of events', () => {
  const good = { ok: true, verified: 1, position: null, event_id: null, problem: null };
  assert.match(verdictText(good), /^1 event verified/);
  assert.equal(
    verdictText({ ...good, ok: false, verified: 4, position: 5, event_id: 123, problem: 'hash differs' }),
    'The chain is broken at position 5 (event 123): hash differs. Right before that: 4 events.',
  );
  assert.match(verdictText({ ...good, ok: false, problem: 'tail missing' }), /^The chain is broken: tail missing\./);
});

test('contributions are asked for only where there are some', () => {
  const rounds = [1, 2, 3].map((round) => ({ round, kind: 'train', state: round === 3 ? 'open' : 'closed' }));
  const session = (contribution?: object | null) => ({ rounds, participants: [{ host_id: 'a' }, { host_id: 'b', contribution }] }) as unknown as Session;
  assert.deepEqual(measuredRounds(session()), []);
  assert.deepEqual(measuredRounds(session(null)), []);
  assert.deepEqual(measuredRounds(session({ round: 2 })), [2, 1]);
  const row = { round: 1, host_id: 'a', cosine: null, norm_share: null, leave_one_out: null };
  assert.equal(isMeasured(row), false);
  assert.equal(isMeasured({ ...row, cosine: 0 }), true);
});

test('the address of the credits', () => {
  assert.deepEqual(parseRoute('/training/credits'), { page: 'credits' });
});
