// A button that fetches a version with the token and hands it to the browser as a file.
import { useState } from 'preact/hooks';
import { announce } from '../announce';
import { exportModel } from '../calls';
import { Alert } from './alert';
import { Icon } from './icon';

interface Props {
  workloadId: number;
  workload: string;
  version: number;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function Download({ workloadId, workload, version }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      save(await exportModel(workloadId, version), `${workload.replace(/[^\w.-]+/g, '_')}-${version}.safetensors`);
      announce([`Version ${version} downloaded.`]);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class="button small" aria-disabled={busy} onClick={run}>
        <Icon name="download" />
        {busy ? 'Downloading …' : 'Download'}
        <span class="visually-hidden"> version {version}</span>
      </button>
      <Alert error={error} />
    </>
  );
}
