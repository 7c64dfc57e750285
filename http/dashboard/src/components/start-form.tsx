// The form that starts a session, made from the server's own list of config keys.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { createSession } from '../calls';
import { defaultOf, groupKeys, showValue, type Group } from '../config-form';
import { fieldError } from '../field-errors';
import { Link, navigate, sessionPath, sessionsPath } from '../route';
import { ARGUMENTS, requestBody, type Texts } from '../start-request';
import type { Algorithm, ConfigKey, Workload } from '../types';
import { Eligible } from './eligible';
import { Field, controlId } from './field';
import { KeyField } from './key-field';

export interface Schema {
  workloads: Workload[];
  rules: ConfigKey[];
  algorithms: Algorithm[];
}

export function StartForm({ schema }: { schema: Schema }) {
  const { workloads, rules, algorithms } = schema;
  const [texts, setTexts] = useState<Texts>({ base_workload_id: workloads.length === 1 ? String(workloads[0]!.id) : '' });
  const [problems, setProblems] = useState<Texts>({});
  const [problem, setProblem] = useState<string>();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);

  const algorithmRule = rules.find((rule) => rule.key === 'algorithm');
  const algorithmName = texts.algorithm || (algorithmRule ? String(defaultOf(algorithmRule, undefined)) : '');
  const algorithm = algorithms.find((candidate) => candidate.name === algorithmName);
  const groups = groupKeys(rules);
  const hidden = new Set(groups.more.flatMap((group) => group.keys.map((rule) => rule.key)));
  const changed = [...hidden].filter((key) => texts[key]?.trim()).length;

  const set = (name: string, value: string) => {
    setTexts({ ...texts, [name]: value });
    if (problems[name] !== undefined) setProblems(Object.fromEntries(Object.entries(problems).filter(([key]) => key !== name)));
  };
  const input = (name: string) => ({
    value: texts[name] ?? '',
    onInput: (event: { currentTarget: { value: string } }) => set(name, event.currentTarget.value),
  });

  // After the errors are on the page, the first of their fields has the focus.
  const show = (found: Texts) => {
    setProblems(found);
    const names = [...ARGUMENTS, ...rules.map((rule) => rule.key)].filter((name) => found[name] !== undefined);
    if (names.some((name) => hidden.has(name))) setOpen(true);
    setTimeout(() => document.getElementById(names[0] === undefined ? 'form-problem' : controlId(names[0]))?.focus());
  };

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setProblem(undefined);
    const request = requestBody(texts, rules);
    if (request.body === undefined) return show(request.problems);
    setBusy(true);
    try {
      const session = await createSession(request.body);
      announce(['Session started.']);
      navigate(sessionPath(session.id));
    } catch (error) {
      setBusy(false);
      const found = fieldError(error, new Set([...ARGUMENTS, ...rules.map((rule) => rule.key)]));
      if (found.field === null) setProblem(found.text);
      show(found.field === null ? {} : { [found.field]: found.text });
    }
  };

  const fields = (group: Group) => (
    <fieldset key={group.title}>
      <legend>{group.title}</legend>
      <div class="fields">
        {group.keys.map((rule) => (
          <KeyField
            key={rule.key}
            rule={rule}
            algorithm={algorithm}
            value={texts[rule.key] ?? ''}
            error={problems[rule.key]}
            onChange={(value) => set(rule.key, value)}
          />
        ))}
      </div>
    </fieldset>
  );

  return (
    <form class="panel start" onSubmit={submit} noValidate aria-labelledby="page-title">
      <div id="form-problem" tabIndex={-1} role="alert" class={problem ? 'alert' : ''}>
        {problem}
      </div>
      <fieldset>
        <legend>Session</legend>
        <div class="fields two">
          <Field name="name" label="Name" hint="How people will recognise it" error={problems.name}>
            {(control) => <input {...control} type="text" required maxLength={200} autocomplete="off" {...input('name')} />}
          </Field>
          <Field name="total_rounds" label="Rounds" hint="How often the Islands train and their updates are combined" error={problems.total_rounds}>
            {(control) => <input {...control} type="text" required inputMode="numeric" autocomplete="off" {...input('total_rounds')} />}
          </Field>
          <Field name="base_workload_id" label="Workload" hint="What is trained, from its current version on" error={problems.base_workload_id}>
            {(control) => (
              <select {...control} required {...input('base_workload_id')}>
                <option value="">Choose …</option>
                {workloads.map((workload) => (
                  <option key={workload.id} value={String(workload.id)}>
                    {workload.name} (version {workload.current_version})
                  </option>
                ))}
              </select>
            )}
          </Field>
          {algorithmRule && (
            <Field name="algorithm" label="Algorithm" hint={algorithm?.description} error={problems.algorithm}>
              {(control) => (
                <select {...control} {...input('algorithm')}>
                  <option value="">Default ({showValue(defaultOf(algorithmRule, undefined))})</option>
                  {algorithms.map((candidate) => (
                    <option key={candidate.name} value={candidate.name}>
                      {candidate.name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
        </div>
        {texts.base_workload_id && <Eligible workloadId={Number(texts.base_workload_id)} />}
      </fieldset>
      {groups.main.map(fields)}
      {groups.more.length > 0 && (
        <details class="more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>All other settings{changed > 0 && ` (${changed} changed)`}</summary>
          {groups.more.map(fields)}
        </details>
      )}
      <div class="buttons">
        <Link to={sessionsPath()} class="button">
          Back
        </Link>
        <button type="submit" class="button primary" aria-disabled={busy}>
          {busy ? 'Starting …' : 'Start the session'}
        </button>
      </div>
    </form>
  );
}
