// Model versions of the session's workload whose weights are there, with download.
import { useState } from 'preact/hooks';
import { account, mayDownload } from '../account';
import { listVersions } from '../calls';
import { Download } from '../components/download';
import { Marks } from '../components/marks';
import { Panel } from '../components/panel';
import { Time } from '../components/time';
import { formatMetric } from '../format';
import { roundsDone } from '../phase';
import { SELDOM, useKept, usePoll, useRefreshed } from '../poll';
import { useStore } from '../store';
import { isActive, type Session, type Version } from '../types';
import type { SectionProps } from './section';

const STEP = 8;

function Row({ version, session, download }: { version: Version; session: Session; download: boolean }) {
  const metrics = Object.entries(version.metrics).slice(0, 3);
  return (
    <tr>
      <th scope="row">
        {version.version}
        <Marks version={version} session={session} />
      </th>
      <td class="optional">
        <Time at={version.published_at ?? version.created_at} />
      </td>
      <td class="optional">
        {metrics.length === 0 && '–'}
        {metrics.map(([name, value]) => (
          <span key={name} class="metric">
            {name} <strong>{formatMetric(value)}</strong>
          </span>
        ))}
      </td>
      {download && (
        <td class="end">
          <Download workloadId={session.workload_id} workload={session.workload} version={version.version} />
        </td>
      )}
    </tr>
  );
}

export function Versions({ session }: SectionProps) {
  const who = useStore(account);
  const [limit, setLimit] = useState(STEP);
  const { data: latest, refresh } = usePoll(
    `versions ${session.workload_id} ${limit}`,
    (signal) => listVersions(session.workload_id, limit, signal),
    () => SELDOM,
  );
  const data = useKept(latest);
  useRefreshed(`${session.status} ${roundsDone(session)}`, refresh);
  if (!data || data.length === 0 || !who) return null;

  const download = mayDownload(who);
  return (
    <Panel id="versions" title="Model versions" note={`Of workload ${session.workload}${isActive(session) ? '; a new one with each round' : ''}`}>
      <table class="list">
        <caption class="visually-hidden">Versions of {session.workload}, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col" class="optional">
              Made
            </th>
            <th scope="col" class="optional">
              Evaluation
            </th>
            {download && (
              <th scope="col" class="end">
                File
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {data.map((version) => (
            <Row key={version.version_id} version={version} session={session} download={download} />
          ))}
        </tbody>
      </table>
      {data.length === limit && (
        <button type="button" class="button" onClick={() => setLimit(limit + 2 * STEP)}>
          Show older
        </button>
      )}
    </Panel>
  );
}
