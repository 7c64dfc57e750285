// What the start form sends, made from the texts of its fields.
import { jsonObject, jsonOf, NotJson } from './config-form';
import type { ConfigKey } from './types';

export type Texts = Record<string, string>;

export const ARGUMENTS = ['name', 'base_workload_id', 'total_rounds'];

// What is missing is said here; whether what is there is right, the server says.
function missing(texts: Texts): Texts {
  return {
    ...(texts.name?.trim() ? {} : { name: 'Give the session a name.' }),
    ...(texts.base_workload_id ? {} : { base_workload_id: 'Choose what is to be trained.' }),
    ...(/^\s*\d+\s*$/.test(texts.total_rounds ?? '') ? {} : { total_rounds: 'Give the number of rounds, a whole number.' }),
  };
}

// The request: only config keys that were filled in. Throws the problems of single fields.
export function requestBody(texts: Texts, rules: ConfigKey[]): { body?: string; problems: Texts } {
  const problems = missing(texts);
  const config: [string, string][] = [];
  for (const rule of rules) {
    const text = texts[rule.key] ?? '';
    if (text.trim() === '') continue;
    try {
      config.push([rule.key, jsonOf(rule, text)]);
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      problems[rule.key] = error.message;
    }
  }
  if (Object.keys(problems).length > 0) return { problems };
  const body = jsonObject([
    ['name', JSON.stringify(texts.name!.trim())],
    ['base_workload_id', texts.base_workload_id!],
    ['total_rounds', String(Number(texts.total_rounds))],
    ['config', jsonObject(config)],
  ]);
  return { body, problems };
}
