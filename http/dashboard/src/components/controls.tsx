// Pause, resume and cancel of a session, each after a question.
import { useState } from 'preact/hooks';
import { steerSession, type Action } from '../calls';
import { isActive, type Session } from '../types';
import { ActionDialog } from './action-dialog';
import { focusPageTitle } from './page-title';

const DIALOGS: Record<Action, { title: string; text: string; confirm: string; dismiss: string }> = {
  pause: {
    title: 'Pause this session?',
    text: 'No further step is taken and no deadline passes until it is resumed. Updates of the open round are still accepted.',
    confirm: 'Pause',
    dismiss: 'Let it run',
  },
  resume: {
    title: 'Resume this session?',
    text: 'It goes on where it stopped; the open round gets a full timeout again.',
    confirm: 'Resume',
    dismiss: 'Leave it paused',
  },
  cancel: {
    title: 'Cancel this session?',
    text: 'It ends without a result and cannot be continued. Versions that were made so far stay.',
    confirm: 'Cancel the session',
    dismiss: 'Keep it',
  },
};

interface Props {
  session: Session;
  onChange: (session: Session) => void;
}

export function Controls({ session, onChange }: Props) {
  const [asking, setAsking] = useState<Action | null>(null);
  const toggle: Action = session.status === 'paused' ? 'resume' : 'pause';
  const dialog = asking && DIALOGS[asking];

  const run = async (reason: string) => {
    onChange(await steerSession(session.id, asking!, reason));
  };
  // The button that opened the dialog has the focus again, or the heading if that is gone.
  const close = () => {
    setAsking(null);
    setTimeout(() => document.activeElement === document.body && focusPageTitle());
  };

  return (
    <div class="buttons">
      {isActive(session) && (
        <>
          <button type="button" class="button" onClick={() => setAsking(toggle)}>
            {toggle === 'pause' ? 'Pause' : 'Resume'}
          </button>
          <button type="button" class="button danger-quiet" onClick={() => setAsking('cancel')}>
            Cancel
          </button>
        </>
      )}
      {asking && dialog && (
        <ActionDialog
          key={asking}
          title={dialog.title}
          confirm={dialog.confirm}
          dismiss={dialog.dismiss}
          danger={asking === 'cancel'}
          asksReason={asking !== 'resume'}
          run={run}
          onClose={close}
        >
          {dialog.text}
        </ActionDialog>
      )}
    </div>
  );
}
