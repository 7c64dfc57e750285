import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, Unreachable } from '../src/api';
import { defaultOf, groupKeys, jsonOf, NotJson, rangeWords } from '../src/config-form';
import { fieldError } from '../src/field-errors';
import { requestBody } from '../src/start-request';
import type { ConfigKey } from '../src/types';

const rule = (given: Partial<ConfigKey>): ConfigKey => ({
  key: 'k', type: 'number', minimum: null, exclusive: false, maximum: null, choices: null, default_value: null, description: '', ...given,
});

test('a field of the form becomes JSON', () => {
  assert.equal(jsonOf(rule({ type: 'integer' }), ' 9223372036854775807 '), '9223372036854775807');
  assert.equal(jsonOf(rule({}), '1e-3'), '1e-3');
  assert.equal(jsonOf(rule({}), '0x10'), '"0x10"'); // the server says what it wants
  assert.equal(jsonOf(rule({}), '.5'), '".5"');
  assert.equal(jsonOf(rule({ type: 'boolean' }), 'true'), 'true');
  assert.equal(jsonOf(rule({ type: 'text' }), 'a "b"'), '"a \\"b\\""');
  assert.equal(jsonOf(rule({ type: 'object' }), '{"a": 1}'), '{"a": 1}');
  assert.throws(() => jsonOf(rule({ type: 'object' }), '{a: 1}'), NotJson);
});

test('ranges in words', () => {
  assert.equal(rangeWords(rule({ minimum: 0, exclusive: true, maximum: 1000 })), 'above 0, up to 1,000');
  assert.equal(rangeWords(rule({ minimum: 1, maximum: 100 })), '1 to 100');
  assert.equal(rangeWords(rule({ minimum: 0, maximum: 9223372036854775807 })), '0 or more');
  assert.equal(rangeWords(rule({ type: 'object' })), '');
});

test('the algorithm sets defaults', () => {
  const algorithm = { name: 'fed_prox', settings: { k: 0.1 }, description: '' };
  assert.equal(defaultOf(rule({ default_value: 1 }), algorithm), 0.1);
  assert.equal(defaultOf(rule({ key: 'other', default_value: 1 }), algorithm), 1);
  assert.equal(defaultOf(rule({}), undefined), undefined);
});

test('every key has a place, also one that nobody has heard of', () => {
  const keys = ['algorithm', 'learning_rate', 'seed', 'noise_multiplier'].map((key) => rule({ key }));
  const { main, more } = groupKeys(keys);
  assert.deepEqual(main.map((group) => group.keys.map((k) => k.key)), [['learning_rate']]);
  assert.deepEqual(more.map((group) => [group.title, ...group.keys.map((k) => k.key)]), [
    ['For the trainer', 'seed'],
    ['Other', 'noise_multiplier'],
  ]);
});

test('keys of secure aggregation are together', () => {
  const { more } = groupKeys(['secagg_reveal_timeout', 'secagg_max_colluding', 'secure_aggregation', 'secagg_mode'].map((key) => rule({ key })));
  assert.deepEqual(more.map((group) => [group.title, ...group.keys.map((k) => k.key)]), [
    ['Secure aggregation', 'secure_aggregation', 'secagg_mode', 'secagg_max_colluding', 'secagg_reveal_timeout'],
  ]);
});

test('only what was filled in is sent', () => {
  const rules = [rule({ key: 'seed', type: 'integer' }), rule({ key: 'batch_size', type: 'integer' })];
  const texts = { name: ' A ', base_workload_id: '7', total_rounds: ' 03', seed: '9007199254740993', batch_size: ' ' };
  assert.equal(requestBody(texts, rules).body, '{"name":"A","base_workload_id":7,"total_rounds":3,"config":{"seed":9007199254740993}}');
  const { body, problems } = requestBody({}, rules);
  assert.equal(body, undefined);
  assert.deepEqual(Object.keys(problems), ['name', 'base_workload_id', 'total_rounds']);
});

test('an error goes to the field that it names', () => {
  const fields = new Set(['name', 'total_rounds', 'learning_rate']);
  const place = (message: string) => fieldError(new ApiError(400, message, 'Given -1.', null, null), fields);
  assert.deepEqual(place('config key "learning_rate" is not valid'), {
    field: 'learning_rate', text: 'Config key "learning_rate" is not valid. Given -1.',
  });
  assert.equal(place('argument "total_rounds" is out of range').field, 'total_rounds');
  assert.equal(place('name of a session is not valid').field, 'name');
  assert.equal(place('config key "unheard_of" is not known').field, null);
  assert.equal(place('workload 3 has no current version').field, null);
  assert.equal(fieldError(new Unreachable(), fields).field, null);
});
