// What concerns every page: whether answers come, and what a screen reader is told.
import { announcement } from '../announce';
import { trouble } from '../connection';
import { formatTime } from '../format';
import { retryNow } from '../poll';
import { useStore } from '../store';

export function ConnectionNotice() {
  const now = useStore(trouble);
  return (
    <div class="connection" role="status">
      {now && (
        <div class="connection-notice">
          <p>
            <strong>{now.message}</strong> Retrying. No answer since {formatTime(now.since, Date.now())}.
          </p>
          <button type="button" class="button small" onClick={retryNow}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {useStore(announcement)}
    </div>
  );
}
