// The top of every page: where one can go, and who one is.
import { mayCreate, signOut, type Account } from '../account';
import { creditsPath, Link, sessionsPath, startPath, type Route } from '../route';
import { Time } from './time';

export function Header({ who, at }: { who: Account | null; at: Route }) {
  return (
    <header class="top">
      <div class="top-inner">
        <Link to={sessionsPath()} class="brand">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} alt="" width="28" height="28" />
          <span>federated</span>
        </Link>
        {who && (
          <>
            <nav aria-label="Main">
              <Link to={sessionsPath()} current={at.page === 'sessions'}>
                Sessions
              </Link>
              {mayCreate(who) && (
                <Link to={startPath} current={at.page === 'start'}>
                  Start a session
                </Link>
              )}
              <Link to={creditsPath} current={at.page === 'credits'}>
                Credits
              </Link>
            </nav>
            <div class="who">
              <span class="who-name">
                <strong>{who.subject}</strong> <span class="role">{who.role}</span>
                {who.expiresAt !== null && (
                  <small>
                    token valid until <Time at={who.expiresAt} />
                  </small>
                )}
              </span>
              <button type="button" class="button small" onClick={() => signOut()}>
                Sign out
              </button>
            </div>
          </>
        )}
      </div>
    </header>
  );
}
