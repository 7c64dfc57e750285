// Asks before something is done, does it, and shows what the server says to it.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Alert } from './alert';

interface Props {
  title: string;
  children: ComponentChildren; // what will happen
  confirm: string;
  dismiss: string;
  danger?: boolean;
  asksReason?: boolean;
  run: (reason: string) => Promise<void>;
  onClose: () => void;
}

export function ActionDialog({ title, children, confirm, dismiss, danger, asksReason, run, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  useEffect(() => dialog.current?.showModal(), []);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await run(reason.trim());
      dialog.current?.close();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="dialog-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{title}</h2>
        <p>{children}</p>
        {asksReason && (
          <label class="field">
            <span class="label">Reason (optional)</span>
            <input type="text" value={reason} maxLength={500} autocomplete="off" onInput={(e) => setReason(e.currentTarget.value)} />
          </label>
        )}
        <Alert error={error} />
        <div class="buttons">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {dismiss}
          </button>
          <button type="submit" class={`button ${danger ? 'danger' : 'primary'}`} aria-disabled={busy}>
            {busy ? 'One moment …' : confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
