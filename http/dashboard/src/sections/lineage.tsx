// Where the versions of the session's workload come from, which one is current,
// and the way back to another.
import { useState } from 'preact/hooks';
import { account, maySteer } from '../account';
import { announce } from '../announce';
import { listPublished, listTagged, rollBack, workloadOwner } from '../calls';
import { ActionDialog } from '../components/action-dialog';
import { Marks } from '../components/marks';
import { Panel } from '../components/panel';
import { Time } from '../components/time';
import { lineageOf, type LineageNode } from '../lineage';
import { roundsDone } from '../phase';
import { retryNow, SELDOM, useKept, usePoll, useRefreshed } from '../poll';
import { Link, sessionPath } from '../route';
import { useStore } from '../store';
import type { Session, Version } from '../types';
import type { SectionProps } from './section';

const STEP = 50;

interface Family {
  versions: Version[];
  owner: string; // of the workload: who started a session of it may be another
}

async function loadFamily(workloadId: number, limit: number, signal: AbortSignal): Promise<Family> {
  const [published, tagged, owner] = await Promise.all([
    listPublished(workloadId, limit, signal),
    listTagged(workloadId, signal),
    workloadOwner(workloadId, signal),
  ]);
  const oldest = published.at(-1)?.version ?? 0;
  const shown = published.length < limit ? tagged : tagged.filter((version) => version.version > oldest);
  return { versions: [...published, ...shown], owner: owner ?? '' };
}

interface LineProps {
  line: LineageNode[];
  session: Session;
  mayMove: (version: Version) => boolean;
  head: number | undefined;
  ask: (version: Version) => void;
}

const rowId = (version: number): string => `lineage-${version}`;

function Row({ node, session, mayMove, head, ask }: Omit<LineProps, 'line'> & { node: LineageNode }) {
  const { version, cut } = node;
  const later = head !== undefined && version.version > head;
  return (
    <div class="lineage-row" id={rowId(version.version)} tabIndex={-1}>
      <span>
        <strong>Version {version.version}</strong>
        <Marks version={version} session={session} />
      </span>
      <span class="muted lineage-origin">
        {version.session_id === null ? 'imported ' : cut ? 'from an older version ' : ''}
        <Time at={version.published_at ?? version.created_at} />
        {version.session_id !== null && version.session_id !== session.id && (
          <>
            {' '}
            <Link to={sessionPath(version.session_id)}>
              session<span class="visually-hidden"> of version {version.version}</span>
            </Link>
          </>
        )}
      </span>
      {mayMove(version) && (
        <button type="button" class="button small" onClick={() => ask(version)}>
          {later ? 'Make current' : 'Roll back'}
          <span class="visually-hidden">{later ? ` (version ${version.version})` : ` to version ${version.version}`}</span>
        </button>
      )}
    </div>
  );
}

function Line({ line, ...rest }: LineProps) {
  return (
    <ol class="lineage">
      {line.map((node) => (
        <li key={node.version.version} class={node.version.current ? 'is-current' : ''}>
          <Row node={node} {...rest} />
          {node.branches.map((branch) => (
            <div key={branch[0]!.version.version} role="group" aria-label={`Branch from version ${node.version.version}`}>
              <Line line={branch} {...rest} />
            </div>
          ))}
        </li>
      ))}
    </ol>
  );
}

const canBeCurrent = (version: Version): boolean => !version.current && version.status === 'ready' && version.published_at !== null;

export function Lineage({ session }: SectionProps) {
  const who = useStore(account);
  const [limit, setLimit] = useState(STEP);
  const [asking, setAsking] = useState<Version | null>(null);
  const { data: latest, put, refresh } = usePoll(
    `lineage ${session.workload_id} ${limit}`,
    (signal) => loadFamily(session.workload_id, limit, signal),
    () => SELDOM,
  );
  const data = useKept(latest);
  useRefreshed(`${session.status} ${roundsDone(session)}`, refresh);
  if (!data || data.versions.length === 0 || !who) return null;

  const head = data.versions.find((version) => version.current)?.version;
  const run = async () => {
    const target = asking!;
    await rollBack(session.workload_id, target.version);
    put({ ...data, versions: data.versions.map((version) => ({ ...version, current: version.version === target.version })) });
    announce([`Version ${target.version} is current now.`]);
    retryNow(); // others on the page say what is current, too
  };
  // The button is gone when the version has become current.
  const close = () => {
    const row = asking && document.getElementById(rowId(asking.version));
    setAsking(null);
    setTimeout(() => document.activeElement === document.body && row?.focus());
  };

  return (
    <Panel id="lineage" title="Lineage" note={`What the versions of ${session.workload} were made from`}>
      {lineageOf(data.versions).map((line) => (
        <Line
          key={line[0]!.version.version}
          line={line}
          session={session}
          mayMove={(version) => maySteer(who, data) && canBeCurrent(version)}
          head={head}
          ask={setAsking}
        />
      ))}
      {data.versions.filter((version) => version.published_at !== null).length >= limit && (
        <button type="button" class="button" onClick={() => setLimit(limit + STEP)}>
          Show older
        </button>
      )}
      {asking && (
        <ActionDialog
          title={`Make version ${asking.version} current?`}
          confirm={`Make version ${asking.version} current`}
          dismiss={head === undefined ? 'Leave it' : `Keep version ${head}`}
          run={run}
          onClose={close}
        >
          The next session of {session.workload} will start from version {asking.version}
          {head !== undefined && ` instead of version ${head}`}. No version is changed or deleted, and sessions that run go on from what they began
          with. It can be undone.
        </ActionDialog>
      )}
    </Panel>
  );
}
