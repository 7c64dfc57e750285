// Who are you? A token, pasted or from a file, tried on the server before it is kept.
import { useState } from 'preact/hooks';
import { farewell, readToken, signIn } from '../account';
import { ApiError, describe } from '../api';
import { tryToken } from '../calls';
import { Field, controlId } from '../components/field';
import { PageTitle } from '../components/page-title';
import { useStore } from '../store';

const FILE_LIMIT = 65_536;

async function check(text: string): Promise<void> {
  const who = readToken(text);
  try {
    await tryToken(who.token);
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) {
      throw new Error(`The token is valid, but its role "${who.role}" may not use the dashboard.`);
    }
    throw error;
  }
  signIn(who);
}

export function SignIn() {
  const reason = useStore(farewell);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await check(text);
    } catch (problem) {
      setError(describe(problem));
      setBusy(false);
      document.getElementById(controlId('token'))?.focus();
    }
  };

  const choose = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = ''; // so that the same file can be chosen again
    if (!file) return;
    if (file.size > FILE_LIMIT) {
      setError('This file is too large to hold a token.');
      document.getElementById(controlId('token'))?.focus();
    } else {
      setError(undefined);
      setText((await file.text()).trim());
    }
  };

  return (
    <div class="sign-in panel">
      <PageTitle>Sign in</PageTitle>
      {reason && (
        <div class="alert" role="alert">
          You were signed out. {reason}
        </div>
      )}
      <form onSubmit={submit} noValidate>
        <Field
          name="token"
          label="Access token"
          error={error}
          hint="Issued by an administrator of this server. It is kept in this browser tab only, until you sign out or close the tab."
          wide
        >
          {(control) => (
            <textarea
              {...control}
              class="secret"
              rows={4}
              required
              spellcheck={false}
              autocomplete="off"
              autocapitalize="off"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="buttons spread">
          <label class="button file">
            Choose a file …
            <input type="file" class="visually-hidden" onChange={(event) => choose(event.currentTarget)} />
          </label>
          <button type="submit" class="button primary" aria-disabled={busy}>
            {busy ? 'Signing in …' : 'Sign in'}
          </button>
        </div>
      </form>
    </div>
  );
}
