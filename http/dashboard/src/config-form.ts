// The start form's knowledge of config keys: in which order and groups, what is
// allowed in words, how a text becomes JSON. Keys that come later appear by themselves.
import { formatCount } from './format';
import type { Algorithm, ConfigKey } from './types';

export interface Group {
  title: string;
  keys: ConfigKey[];
}

// Asked for beside name and workload, and shown without opening anything.
const MAIN: [string, string[]][] = [
  ['Training on the Islands', ['local_epochs', 'learning_rate', 'batch_size', 'proximal_mu']],
  ['Participation', ['min_participants', 'min_updates', 'round_timeout', 'heartbeat_timeout']],
];
const MORE: [string, string[]][] = [
  ['Participation', ['max_participants', 'participation_fraction', 'allow_join', 'recruit_timeout', 'max_extensions']],
  ['Aggregation', ['aggregation', 'server_optimizer', 'server_learning_rate']],
  [
    'Secure aggregation',
    [
      'secure_aggregation',
      'secagg_mode',
      'secagg_weights',
      'secagg_range',
      'secagg_sample_cap',
      'secagg_metrics',
      'secagg_metric_bounds',
      'secagg_max_cohort',
      'secagg_max_colluding',
      'secagg_max_attempts',
      'secagg_advertise_timeout',
      'secagg_share_timeout',
      'secagg_agree_timeout',
      'secagg_reveal_timeout',
    ],
  ],
  ['When to stop, what to keep', ['target', 'patience', 'keep_versions']],
  ['For the trainer', ['seed', 'hyperparameters']],
];
const OWN_PLACE = ['algorithm'];

function take(rules: ConfigKey[], groups: [string, string[]][]): Group[] {
  return groups
    .map(([title, keys]) => ({ title, keys: keys.flatMap((key) => rules.find((rule) => rule.key === key) ?? []) }))
    .filter((group) => group.keys.length > 0);
}

export function groupKeys(rules: ConfigKey[]): { main: Group[]; more: Group[] } {
  const placed = new Set([...OWN_PLACE, ...[...MAIN, ...MORE].flatMap(([, keys]) => keys)]);
  const others = rules.filter((rule) => !placed.has(rule.key)).sort((a, b) => a.key.localeCompare(b.key));
  const more = take(rules, MORE);
  if (others.length > 0) more.push({ title: 'Other', keys: others });
  return { main: take(rules, MAIN), more };
}

// The default that counts: the algorithm's, else the key's own; undefined when it stays unset.
export function defaultOf(rule: ConfigKey, algorithm: Algorithm | undefined): unknown {
  return algorithm?.settings[rule.key] ?? rule.default_value ?? undefined;
}

export function showValue(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// "above 0, up to 1,000"; a bound that no one reaches is no news.
export function rangeWords(rule: ConfigKey): string {
  const { minimum, maximum, exclusive } = rule;
  if ((rule.type !== 'integer' && rule.type !== 'number') || minimum === null) return '';
  const least = formatCount(minimum);
  if (maximum === null || maximum > Number.MAX_SAFE_INTEGER) return exclusive ? `above ${least}` : `${least} or more`;
  return exclusive ? `above ${least}, up to ${formatCount(maximum)}` : `${least} to ${formatCount(maximum)}`;
}

export class NotJson extends Error {}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

// A field's text as JSON. A number keeps its digits, however many; what is no
// number goes as it is, so that the server says what it wants.
export function jsonOf(rule: ConfigKey, text: string): string {
  const value = text.trim();
  switch (rule.type) {
    case 'integer':
    case 'number':
      return JSON_NUMBER.test(value) ? value : JSON.stringify(value);
    case 'boolean':
      return value;
    case 'object':
      try {
        JSON.parse(value);
      } catch (error) {
        throw new NotJson(`This is not JSON: ${error instanceof Error ? error.message : String(error)}`);
      }
      return value;
    default:
      return JSON.stringify(value);
  }
}

const member = ([key, json]: [string, string]): string => `${JSON.stringify(key)}:${json}`;

export const jsonObject = (members: [string, string][]): string => `{${members.map(member).join(',')}}`;
