// The control of one config key, made from its row in config_keys. Left empty it
// means the default.
import { defaultOf, rangeWords, showValue } from '../config-form';
import { humanize } from '../format';
import type { Algorithm, ConfigKey } from '../types';
import { Field } from './field';

interface Props {
  rule: ConfigKey;
  algorithm: Algorithm | undefined;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

export function KeyField({ rule, algorithm, value, error, onChange }: Props) {
  const preset = defaultOf(rule, algorithm);
  const presetText = preset === undefined ? 'not set' : showValue(preset);
  const choices = rule.type === 'boolean' ? ['true', 'false'] : rule.choices;
  const onInput = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value);
  const range = rangeWords(rule);
  const hint = (
    <>
      {rule.description}. {range && `${range.charAt(0).toUpperCase()}${range.slice(1)}. `}
      {!choices && `Default: ${presetText}. `}
      <code>{rule.key}</code>
    </>
  );
  return (
    <Field name={rule.key} label={humanize(rule.key)} hint={hint} error={error} wide={rule.type === 'object'}>
      {(control) =>
        choices ? (
          <select {...control} value={value} onChange={onInput}>
            <option value="">Default ({presetText})</option>
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {rule.type === 'boolean' ? showValue(choice === 'true') : choice}
              </option>
            ))}
          </select>
        ) : rule.type === 'object' ? (
          <textarea {...control} rows={3} spellcheck={false} value={value} placeholder={presetText} onInput={onInput} />
        ) : (
          <input
            {...control}
            type="text"
            inputMode={rule.type === 'integer' ? 'numeric' : rule.type === 'number' ? 'decimal' : 'text'}
            autocomplete="off"
            value={value}
            placeholder={presetText}
            onInput={onInput}
          />
        )
      }
    </Field>
  );
}
