// What each Island's update contributed to a round, where the server has measured it.
import { useState } from 'preact/hooks';
import { listContributions } from '../calls';
import { Panel } from '../components/panel';
import { formatMetric, formatShare } from '../format';
import { SELDOM, useKept, usePoll } from '../poll';
import type { Contribution, Session } from '../types';
import type { SectionProps } from './section';

const shown = (value: number | null, format: (value: number) => string): string => (value === null ? '–' : format(value));

// Newest first.
export const measuredRounds = (session: Session): number[] =>
  session.participants.some((participant) => participant.contribution)
    ? session.rounds
        .filter((round) => round.kind === 'train' && round.state === 'closed')
        .map((round) => round.round)
        .reverse()
    : [];

export const isMeasured = (row: Contribution): boolean => row.cosine !== null || row.norm_share !== null || row.leave_one_out !== null;

function Row({ row }: { row: Contribution }) {
  return (
    <tr>
      <th scope="row">{row.host_id}</th>
      <td class="end">
        {shown(row.norm_share, formatShare)}
        {row.norm_share !== null && <progress class="bar thin" value={row.norm_share} max={1} aria-hidden="true" />}
      </td>
      <td class="end">{shown(row.cosine, formatMetric)}</td>
      <td class="end">{shown(row.leave_one_out, formatShare)}</td>
    </tr>
  );
}

function Table({ round, rows }: { round: number; rows: Contribution[] }) {
  return (
    <table class="list">
      <caption class="visually-hidden">Contributions to round {round}</caption>
      <thead>
        <tr>
          <th scope="col">Island</th>
          <th scope="col" class="end">
            Share of the movement
          </th>
          <th scope="col" class="end">
            Cosine
          </th>
          <th scope="col" class="end">
            Change without it
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.host_id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Rounds({ session, rounds }: { session: Session; rounds: number[] }) {
  const [chosen, setChosen] = useState<number | null>(null); // null: the newest, whichever that is
  const round = chosen ?? rounds[0]!;
  const { data: latest } = usePoll(
    `contributions ${session.id} ${round}`,
    async (signal) => ({ round, rows: (await listContributions(session.id, round, signal)).filter(isMeasured) }),
    () => SELDOM,
  );
  const data = useKept(latest);
  if (!data) return null;
  return (
    <Panel id="contribution" title="Contribution" note="How far each update went with what all of them made together">
      <label class="inline-field">
        <span class="label">Round</span>
        <select value={String(chosen ?? '')} onChange={(event) => setChosen(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}>
          <option value="">Newest ({rounds[0]})</option>
          {rounds.map((number) => (
            <option key={number} value={String(number)}>
              {number}
            </option>
          ))}
        </select>
      </label>
      {data.rows.length === 0 ? <p class="empty">Nothing was measured in round {data.round}.</p> : <Table round={data.round} rows={data.rows} />}
    </Panel>
  );
}

export function Contributions({ session }: SectionProps) {
  const rounds = measuredRounds(session);
  return rounds.length === 0 ? null : <Rounds session={session} rounds={rounds} />;
}
