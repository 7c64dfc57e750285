import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeChart, metricNames, metricRows } from '../src/metrics';
import type { Round } from '../src/types';

const round = (number: number, kind: Round['kind'], evaluation: Record<string, number>, training: Record<string, number> = {}) =>
  ({ round: number, kind, evaluation, training }) as Round;

const rounds = [
  round(1, 'train', { accuracy: 0.5, loss: 4 }, { loss: 3, 'a metric': 1 }),
  round(2, 'train', { accuracy: 0.6, loss: 2 }, { loss: 1 }),
  round(2, 'evaluate', { accuracy: 0.7, loss: 1 }),
];

test('loss and accuracy come first', () => {
  assert.deepEqual(metricNames(rounds), ['loss', 'accuracy', 'a metric']);
});

test('an evaluation belongs to the model that was received, training to the round', () => {
  assert.deepEqual(metricRows(rounds, 'loss'), [
    { round: 0, evaluation: 4, training: null },
    { round: 1, evaluation: 2, training: 3 },
    { round: 2, evaluation: 1, training: 1 },
  ]);
});

test('a chart in words', () => {
  assert.equal(
    describeChart('loss', metricRows(rounds, 'loss')),
    'Chart of loss by round: evaluation from 4 after round 0 to 1 after round 2; training from 3 after round 1 to 1 after round 2.',
  );
  assert.equal(describeChart('a metric', metricRows(rounds, 'a metric')), 'Chart of a metric by round: training 1 after round 1.');
});
