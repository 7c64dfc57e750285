// A card for each Island that takes part.
import { useState } from 'preact/hooks';
import { Panel } from '../components/panel';
import { Status } from '../components/status';
import { Ago } from '../components/time';
import { formatCount, formatMetric, plural } from '../format';
import { participantStatus } from '../phase';
import { isActive, type Metrics, type Participant, type Session } from '../types';
import type { SectionProps } from './section';

const FEW = 24;

function MetricList({ title, metrics }: { title: string; metrics: Metrics | undefined }) {
  const shown = Object.entries(metrics ?? {}).slice(0, 4);
  if (shown.length === 0) return null;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {shown.map(([name, value]) => (
          <span key={name} class="metric">
            {name} <strong>{formatMetric(value)}</strong>
          </span>
        ))}
      </dd>
    </div>
  );
}

function Card({ who, session }: { who: Participant; session: Session }) {
  const live = isActive(session);
  return (
    <li class={`card card-${who.status}`} data-host={who.host_id}>
      <div class="card-head">
        <h3>{who.host_id}</h3>
        <Status status={participantStatus(session, who.status)} />
      </div>
      {who.reason && <p class="reason">{who.reason}</p>}
      <dl>
        <div>
          <dt>Updates</dt>
          <dd>{who.rounds_completed === null ? 'secret' : plural(who.rounds_completed, 'round')}</dd>
        </div>
        <div>
          <dt>Samples</dt>
          <dd>{who.total_samples === null ? 'not told' : formatCount(who.total_samples)}</dd>
        </div>
        <MetricList title="Evaluation" metrics={who.metrics?.evaluation} />
        <MetricList title="Training" metrics={who.metrics?.training} />
        {live && (
          <div>
            <dt>Last seen</dt>
            <dd>
              <Ago at={who.last_seen} />
            </dd>
          </div>
        )}
      </dl>
    </li>
  );
}

export function Participants({ session }: SectionProps) {
  const [all, setAll] = useState(false);
  const { participants } = session;
  const dropped = participants.filter((p) => p.status === 'dropped').length;
  const shown = all ? participants : participants.slice(0, FEW);
  const note = participants.length > 0 && `${plural(participants.length, 'Island')}${dropped ? `, ${dropped} dropped out` : ''}`;
  return (
    <Panel id="participants" title="Participants" note={note}>
      {participants.length === 0 && <p class="empty">No Island has been invited yet.</p>}
      <ul class="cards">
        {shown.map((who) => (
          <Card key={who.host_id} who={who} session={session} />
        ))}
      </ul>
      {shown.length < participants.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {participants.length}
        </button>
      )}
    </Panel>
  );
}
