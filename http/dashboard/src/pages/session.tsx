// One session, live.
import { useEffect, useRef } from 'preact/hooks';
import { maySteer, type Account } from '../account';
import { announce } from '../announce';
import { ApiError } from '../api';
import { getSession } from '../calls';
import { Alert } from '../components/alert';
import { Controls } from '../components/controls';
import { PageTitle } from '../components/page-title';
import { Status } from '../components/status';
import { changes } from '../phase';
import { OFTEN, SELDOM, usePoll } from '../poll';
import { Link, sessionsPath } from '../route';
import { MAIN_SECTIONS, SIDE_SECTIONS } from '../sections';
import { Overview } from '../sections/overview';
import { isActive, type Session } from '../types';

function useChangesAnnounced(session: Session | undefined): void {
  const before = useRef<Session | undefined>(undefined);
  useEffect(() => {
    if (session && before.current) announce(changes(before.current, session));
    before.current = session;
  }, [session]);
}

export function SessionPage({ id, who }: { id: string; who: Account }) {
  const { data: session, error, put } = usePoll(
    `session ${id}`,
    (signal) => getSession(id, signal),
    (document) => (isActive(document) ? OFTEN : SELDOM),
  );
  useChangesAnnounced(session);
  const missing = error instanceof ApiError && error.status === 404;

  return (
    <>
      <p class="crumb">
        <Link to={sessionsPath()}>Sessions</Link>
      </p>
      <div class="page-head">
        <div class="title-line">
          <PageTitle>{session ? session.name : missing ? 'No such session' : 'Session'}</PageTitle>
          {session && <Status status={session.status} />}
        </div>
        {session && maySteer(who, session) && <Controls session={session} onChange={put} />}
      </div>
      <Alert error={error} />
      {!session && !error && <p class="loading">Loading …</p>}
      {session && (
        <>
          <Overview session={session} />
          <div class="columns">
            <div class="main-column">
              {MAIN_SECTIONS.map((Section, place) => (
                <Section key={place} session={session} />
              ))}
            </div>
            <div class="side-column">
              {SIDE_SECTIONS.map((Section, place) => (
                <Section key={place} session={session} />
              ))}
            </div>
          </div>
        </>
      )}
    </>
  );
}
