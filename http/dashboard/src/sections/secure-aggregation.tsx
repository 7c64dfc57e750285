// Secure aggregation: who learns what, how far the current attempt to sum updates has come, and those before it.
import { useState } from 'preact/hooks';
import { ifAllowed } from '../api';
import { getAttemptHashes, listAttempts } from '../calls';
import { Countdown } from '../components/countdown';
import { Icon, type IconName } from '../components/icon';
import { Panel } from '../components/panel';
import { Time } from '../components/time';
import { formatCount, formatDuration } from '../format';
import { OFTEN, SELDOM, useKept, usePoll } from '../poll';
import {
  ASSUMPTION,
  attemptInDocument,
  isWaiting,
  lastFailure,
  mayDropOut,
  metricWords,
  protectionWords,
  roundName,
  stageText,
  stateWords,
  stepsOf,
  weightWords,
  type Step,
} from '../secagg-words';
import { isActive, type SecaggAttempt, type SecaggHashes, type SecureAggregation as Document, type Session } from '../types';
import type { SectionProps } from './section';

const STEP = 10;

const count = (value: number | null | undefined): string => (value == null ? '–' : formatCount(value));

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Meaning({ secagg }: { secagg: Document }) {
  const { mode, coordinator_learns: learns } = secagg;
  return (
    <div class="prose">
      <p>Islands mask what they send. The masks cancel in the sum over a round’s Islands, so that the coordinator is to learn that sum and no single update.</p>
      {ASSUMPTION[mode] &&
        (mode === 'active' ? (
          <p>{ASSUMPTION[mode]}</p>
        ) : (
          <p class="notice" role="status">
            <Icon name="dropped" />
            {ASSUMPTION[mode]}
          </p>
        ))}
      {learns && learns.length > 0 && (
        <details>
          <summary>What the coordinator learns all the same</summary>
          <ul>
            {learns.map((item) => (
              <li key={item}>{item}</li>
            ))}
          </ul>
          <p>Islands, and whoever reads two successive models, learn how the average changed. Of three Islands each knows the sum of the two others.</p>
        </details>
      )}
    </div>
  );
}

const MARKS: Record<Step['place'], [IconName, string]> = {
  behind: ['completed', ', done'],
  here: ['training', ', now'],
  ahead: ['plain', ', to come'],
};

function Steps({ attempt }: { attempt: SecaggAttempt }) {
  const steps = stepsOf(attempt);
  if (steps.length === 0) return null;
  return (
    <ol class="steps" aria-label="Stages of this attempt">
      {steps.map(({ name, place }) => {
        const done = name === 'Done' && place === 'here'; // there is nothing that goes on in it
        const [icon, words] = MARKS[done ? 'behind' : place];
        return (
          <li key={name} class={`step step-${place}`} aria-current={place === 'here' ? 'step' : undefined}>
            <Icon name={icon} />
            {name}
            <span class="visually-hidden">{words}</span>
          </li>
        );
      })}
    </ol>
  );
}

function Current({ session, attempt }: { session: Session; attempt: SecaggAttempt }) {
  const most = session.config.secagg_max_attempts;
  const spare = mayDropOut(session, attempt);
  return (
    <div class="attempt">
      <h3>
        {roundName(attempt)}, attempt {formatCount(attempt.attempt)}
        {typeof most === 'number' && ` of ${formatCount(most)}`}
      </h3>
      <Steps attempt={attempt} />
      <div class="overview-line">
        <p data-testid="secagg-stage">{stageText(attempt)}</p>
        {attempt.deadline && isActive(session) && isWaiting(attempt) && <Countdown deadline={attempt.deadline} />}
      </div>
      <dl class="facts">
        <Fact name="Islands" value={count(attempt.n)} />
        <Fact name="Needed to the end" value={count(attempt.t)} />
        <Fact name="May drop out" value={count(spare)} />
        <Fact name="Keys sent" value={count(attempt.advertised)} />
        <Fact name="Shared" value={count(attempt.shared)} />
        <Fact name="Updates in" value={count(attempt.committed)} />
        {attempt.mode !== 'semi_honest' && <Fact name="Signed" value={count(attempt.agreed)} />}
        <Fact name="Revealed" value={count(attempt.revealed)} />
      </dl>
    </div>
  );
}

function Failure({ attempt }: { attempt: SecaggAttempt }) {
  return (
    <p class="notice" role="status">
      <Icon name="dropped" />
      {`${roundName(attempt)}, attempt ${formatCount(attempt.attempt)}: ${stateWords(attempt.state).toLowerCase()}${attempt.reason ? `, ${attempt.reason}` : ''}`}
    </p>
  );
}

const HASHES: [keyof SecaggHashes, string][] = [
  ['base', 'Model that is trained on (base)'],
  ['c0', 'What was fixed before (c0)'],
  ['ctx', 'With the roster (ctx)'],
  ['sets', 'With whose updates are summed (sets)'],
];

function took({ began_at: began, ended_at: ended }: SecaggAttempt): string {
  return began && ended ? formatDuration((Date.parse(ended) - Date.parse(began)) / 1000) : '–';
}

// An attempt that was given up has no updates: they were thrown away.
const updates = (attempt: SecaggAttempt): string => (attempt.state === 'aborted' ? '–' : count(attempt.committed));

function Details({ session, attempt }: { session: Session; attempt: SecaggAttempt }) {
  const { data: hashes } = usePoll(
    `attempt ${session.id} ${attempt.round} ${attempt.attempt} ${attempt.state}`,
    (signal) => getAttemptHashes(session.id, attempt.round, attempt.attempt, signal),
    () => SELDOM,
  );
  return (
    <dl class="details">
      <Fact name="Islands, and of them needed" value={`${count(attempt.n)}, ${count(attempt.t)}`} />
      <Fact name="Updates" value={updates(attempt)} />
      <div>
        <dt>Began and ended</dt>
        <dd>
          <Time at={attempt.began_at ?? null} />, <Time at={attempt.ended_at ?? null} />
        </dd>
      </div>
      {hashes &&
        HASHES.map(([key, name]) => (
          <div key={key} class="hash">
            <dt>{name}</dt>
            <dd>{hashes[key] === null ? '–' : <code>{hashes[key]}</code>}</dd>
          </div>
        ))}
    </dl>
  );
}

function Row({ session, attempt }: { session: Session; attempt: SecaggAttempt }) {
  const [open, setOpen] = useState(false);
  const name = `${roundName(attempt)}, attempt ${attempt.attempt}`;
  return (
    <>
      <tr>
        <th scope="row">{attempt.kind === 'evaluate' ? 'Evaluation' : formatCount(attempt.round)}</th>
        <td class="end">{formatCount(attempt.attempt)}</td>
        <td>
          {stateWords(attempt.state)}
          {attempt.reason && <span class="muted">: {attempt.reason}</span>}
        </td>
        <td class="end optional">{count(attempt.n)}</td>
        <td class="end optional">{count(attempt.t)}</td>
        <td class="end optional">{updates(attempt)}</td>
        <td class="optional">
          <Time at={attempt.began_at ?? null} />
        </td>
        <td class="optional">{took(attempt)}</td>
        <td class="end">
          <button type="button" class="button small" aria-expanded={open} aria-label={`Details of ${name}`} onClick={() => setOpen(!open)}>
            Details
          </button>
        </td>
      </tr>
      {open && (
        <tr class="row-details">
          <td colSpan={9}>
            <Details session={session} attempt={attempt} />
          </td>
        </tr>
      )}
    </>
  );
}

function Attempts({ session, attempts }: { session: Session; attempts: SecaggAttempt[] }) {
  return (
    <table class="list attempts">
      <caption>Attempts, the newest first</caption>
      <thead>
        <tr>
          <th scope="col">Round</th>
          <th scope="col" class="end">
            Attempt
          </th>
          <th scope="col">State</th>
          <th scope="col" class="end optional">
            Islands
          </th>
          <th scope="col" class="end optional">
            Needed
          </th>
          <th scope="col" class="end optional">
            Updates
          </th>
          <th scope="col" class="optional">
            Began
          </th>
          <th scope="col" class="optional">
            Took
          </th>
          <th scope="col" class="end">
            <span class="visually-hidden">More</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {attempts.map((attempt) => (
          <Row key={`${attempt.round} ${attempt.attempt}`} session={session} attempt={attempt} />
        ))}
      </tbody>
    </table>
  );
}

function Masked({ session, secagg }: { session: Session; secagg: Document }) {
  const [limit, setLimit] = useState(STEP);
  const { data: latest } = usePoll(
    `secagg ${session.id} ${isActive(session)} ${limit}`,
    (signal) => ifAllowed(listAttempts(session.id, limit, signal)),
    () => (isActive(session) ? OFTEN : SELDOM),
  );
  const attempts = useKept(latest) ?? [];
  const current = attempts[0] ?? attemptInDocument(session);
  const failure = lastFailure(attempts);
  return (
    <Panel id="secagg" title="Secure aggregation" note={protectionWords(secagg)}>
      <dl class="facts privacy">
        <Fact name="Mode" value={secagg.mode} />
        <Fact name="Weights" value={weightWords(secagg)} />
        <Fact name="Metrics" value={metricWords(secagg)} />
      </dl>
      <Meaning secagg={secagg} />
      {current ? <Current session={session} attempt={current} /> : <p class="empty">No round has begun yet.</p>}
      {failure && <Failure attempt={failure} />}
      {attempts.length > 0 && <Attempts session={session} attempts={attempts} />}
      {attempts.length === limit && (
        <button type="button" class="button" onClick={() => setLimit(limit + 4 * STEP)}>
          Show older
        </button>
      )}
    </Panel>
  );
}

export function SecureAggregation({ session }: SectionProps) {
  return session.secure_aggregation ? <Masked session={session} secagg={session.secure_aggregation} /> : null;
}
