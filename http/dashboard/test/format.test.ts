import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAgo, formatDuration, formatMetric, humanize, listWords, plural } from '../src/format';

test('durations have their two largest units', () => {
  assert.equal(formatDuration(-3), '0 s');
  assert.equal(formatDuration(59.9), '59 s');
  assert.equal(formatDuration(185), '3 min 5 s');
  assert.equal(formatDuration(3600), '1 h');
  assert.equal(formatDuration(90_061), '1 d 1 h');
});

test('metrics have four significant digits', () => {
  assert.equal(formatMetric(0), '0');
  assert.equal(formatMetric(0.958333333), '0.9583');
  assert.equal(formatMetric(123456.7), '123500');
  assert.equal(formatMetric(-0.00001234), '-1.234e-5');
  assert.equal(formatMetric(1e20), '1.000e+20');
});

test('words', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  assert.equal(formatAgo('2026-01-01T11:59:58Z', now), 'just now');
  assert.equal(formatAgo('2026-01-01T11:58:00Z', now), '2 min ago');
  assert.equal(plural(1, 'Island'), '1 Island');
  assert.equal(plural(0, 'Island'), '0 Islands');
  assert.equal(listWords(['a', 'b', 'c']), 'a, b and c');
  assert.equal(humanize('min_participants'), 'Min participants');
});
