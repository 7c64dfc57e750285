// All sessions that one may see, newest first.
import { useState } from 'preact/hooks';
import { mayCreate, type Account } from '../account';
import { listSessions } from '../calls';
import { Alert } from '../components/alert';
import { PageTitle } from '../components/page-title';
import { RoundsBar } from '../components/progress';
import { Status } from '../components/status';
import { Time } from '../components/time';
import { formatCount, plural } from '../format';
import { roundsDoneInList, STATUS_WORDS } from '../phase';
import { OFTEN, useKept, usePoll } from '../poll';
import { Link, navigate, sessionPath, sessionsPath, startPath } from '../route';
import { isActive, type SessionRow } from '../types';

const STEP = 50;
const STATUSES = ['recruiting', 'training', 'paused', 'completed', 'failed', 'cancelled'] as const;

function Filter({ status }: { status: string | null }) {
  return (
    <fieldset class="filter">
      <legend class="visually-hidden">Show sessions with status</legend>
      {[null, ...STATUSES].map((choice) => (
        <label key={choice ?? 'all'} class="chip">
          <input
            type="radio"
            name="status"
            class="visually-hidden"
            checked={choice === status}
            onChange={() => navigate(sessionsPath(choice), true)}
          />
          <span>{choice === null ? 'All' : STATUS_WORDS[choice]}</span>
        </label>
      ))}
    </fieldset>
  );
}

// The roles stay those of a table when a narrow screen lays it out otherwise.
function Row({ session }: { session: SessionRow }) {
  const done = roundsDoneInList(session);
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        <Link to={sessionPath(session.id)}>{session.name}</Link>
        <span class="muted">
          {session.workload} · {session.owner}
        </span>
      </th>
      <td role="cell" class="cell-status">
        <Status status={session.status} />
      </td>
      <td role="cell" class="cell-progress">
        <RoundsBar done={done} total={session.total_rounds} label={`Rounds done of ${session.name}`} status={session.status} />
        <span class="muted">
          {formatCount(done)} of {plural(session.total_rounds, 'round')}
        </span>
      </td>
      <td role="cell" class="cell-time">
        <Time at={session.created_at} />
      </td>
      <td role="cell" class="cell-time optional">
        <Time at={session.finished_at} />
      </td>
    </tr>
  );
}

function Table({ sessions }: { sessions: SessionRow[] }) {
  return (
    <table class="list sessions" role="table">
      <caption class="visually-hidden">Training sessions, newest first</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            Session
          </th>
          <th scope="col" role="columnheader">
            Status
          </th>
          <th scope="col" role="columnheader">
            Progress
          </th>
          <th scope="col" role="columnheader">
            Created
          </th>
          <th scope="col" role="columnheader" class="optional">
            Ended
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {sessions.map((session) => (
          <Row key={session.id} session={session} />
        ))}
      </tbody>
    </table>
  );
}

function Empty({ status, who }: { status: string | null; who: Account }) {
  return (
    <div class="panel empty">
      <p>{status ? `No session is ${status}.` : 'There is no session yet.'}</p>
      {!status && mayCreate(who) && (
        <Link to={startPath} class="button primary">
          Start a session
        </Link>
      )}
    </div>
  );
}

export function Sessions({ status, who }: { status: string | null; who: Account }) {
  const [limit, setLimit] = useState(STEP);
  const { data, error } = usePoll(
    `sessions ${status} ${limit}`,
    (signal) => listSessions({ status, limit }, signal),
    (sessions) => (sessions.some(isActive) ? OFTEN : 2 * OFTEN),
  );
  const sessions = useKept(data);
  return (
    <>
      <div class="page-head">
        <PageTitle>Sessions</PageTitle>
        {mayCreate(who) && (
          <Link to={startPath} class="button primary">
            Start a session
          </Link>
        )}
      </div>
      <Filter status={status} />
      <Alert error={error} />
      {!sessions && !error && <p class="loading">Loading …</p>}
      {sessions && (sessions.length > 0 ? <Table sessions={sessions} /> : <Empty status={status} who={who} />)}
      {sessions && sessions.length >= limit && (
        <button type="button" class="button" onClick={() => setLimit(limit + STEP)}>
          Show more
        </button>
      )}
    </>
  );
}
