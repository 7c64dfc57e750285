// A button that has the server recompute the chain of a session's events, and what came out.
import { useState } from 'preact/hooks';
import { verifyEvents } from '../calls';
import { verdictText } from '../event-words';
import type { ChainVerdict } from '../types';
import { Alert } from './alert';
import { Icon } from './icon';

interface Props {
  sessionId: string;
  verdict: ChainVerdict | undefined;
  onVerdict: (verdict: ChainVerdict | undefined) => void;
}

export function VerifyChain({ sessionId, verdict, onVerdict }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    onVerdict(undefined);
    try {
      onVerdict((await verifyEvents(sessionId))[0]);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return (
    <div class="verify">
      <button type="button" class="button small" aria-disabled={busy} onClick={run}>
        {busy ? 'Verifying …' : 'Verify'}
        <span class="visually-hidden"> the chain of events</span>
      </button>
      <div role="status">
        {verdict && (
          <p class={verdict.ok ? 'verdict good' : 'verdict bad'}>
            <Icon name={verdict.ok ? 'completed' : 'failed'} />
            {verdictText(verdict)}
          </p>
        )}
      </div>
      <Alert error={error} />
    </div>
  );
}
