// Where a session stands: rounds, what is under way, until when.
import { Countdown } from '../components/countdown';
import { RoundsBar } from '../components/progress';
import { Time } from '../components/time';
import { formatCount, plural } from '../format';
import { phaseOf, roundsDone } from '../phase';
import { isActive } from '../types';
import type { SectionProps } from './section';

export function Overview({ session }: SectionProps) {
  const done = roundsDone(session);
  const phase = phaseOf(session);
  const { round } = phase;
  return (
    <section class="panel overview" aria-label="Progress">
      <div class="overview-line">
        <p class="phase" data-testid="phase">
          {phase.text}
        </p>
        {phase.deadline && <Countdown deadline={phase.deadline} />}
      </div>
      <div class="overview-line">
        <RoundsBar done={done} total={session.total_rounds} label="Rounds done" status={session.status} />
        <p class="rounds">
          <strong>{formatCount(done)}</strong> of {plural(session.total_rounds, 'round')}
        </p>
      </div>
      {round && round.state === 'open' && round.tasks > 0 && (
        <div class="overview-line minor">
          <progress
            class="bar thin"
            value={round.updates}
            max={round.tasks}
            aria-label={round.kind === 'train' ? 'Updates of this round' : 'Results of the final evaluation'}
          />
        </div>
      )}
      {session.reason && <p class="reason">{session.reason}</p>}
      {session.last_error && isActive(session) && <p class="alert">Last step failed: {session.last_error}</p>}
      <dl class="facts">
        <div>
          <dt>Workload</dt>
          <dd>{session.workload}</dd>
        </div>
        <div>
          <dt>Owner</dt>
          <dd>{session.owner}</dd>
        </div>
        <div>
          <dt>Model version</dt>
          <dd>
            {session.base_version ?? '–'} → {session.result_version ?? '…'}
          </dd>
        </div>
        <div>
          <dt>Created</dt>
          <dd>
            <Time at={session.created_at} />
          </dd>
        </div>
        <div>
          <dt>Training began</dt>
          <dd>
            <Time at={session.started_at} />
          </dd>
        </div>
        <div>
          <dt>Ended</dt>
          <dd>
            <Time at={session.finished_at} />
          </dd>
        </div>
      </dl>
    </section>
  );
}
