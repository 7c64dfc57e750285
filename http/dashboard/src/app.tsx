// The frame: who is signed in, which page, and what is on all of them.
import type { Account } from './account';
import { account } from './account';
import { Header } from './components/header';
import { Announcer, ConnectionNotice } from './components/notices';
import { PageTitle } from './components/page-title';
import { CreditsPage } from './pages/credits';
import { SessionPage } from './pages/session';
import { Sessions } from './pages/sessions';
import { SignIn } from './pages/sign-in';
import { Start } from './pages/start';
import { Link, route, sessionsPath, type Route } from './route';
import { useStore } from './store';

function Unknown() {
  return (
    <>
      <PageTitle>No such page</PageTitle>
      <p>
        <Link to={sessionsPath()}>All sessions</Link>
      </p>
    </>
  );
}

function Page({ at, who }: { at: Route; who: Account }) {
  switch (at.page) {
    case 'sessions':
      return <Sessions status={at.status} who={who} />;
    case 'session':
      return <SessionPage key={at.id} id={at.id} who={who} />;
    case 'credits':
      return <CreditsPage who={who} />;
    case 'start':
      return <Start />;
    default:
      return <Unknown />;
  }
}

export function App() {
  const who = useStore(account);
  const at = useStore(route);
  const skip = (event: Event) => {
    event.preventDefault();
    document.getElementById('main')?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header who={who} at={at} />
      <ConnectionNotice />
      <main id="main" tabIndex={-1}>
        {who ? <Page at={at} who={who} /> : <SignIn />}
      </main>
      <Announcer />
    </>
  );
}
