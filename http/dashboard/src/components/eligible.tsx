// Which Islands could take part in a session of a workload, so that one does not
// start a session that waits forever.
import { listEligible } from '../calls';
import { plural } from '../format';
import { usePoll } from '../poll';

const PERIOD = 10_000;

export function Eligible({ workloadId }: { workloadId: number }) {
  const { data } = usePoll(
    `eligible ${workloadId}`,
    (signal) => listEligible(workloadId, signal),
    () => PERIOD,
  );
  if (!data) return null;
  const ready = data.filter((island) => island.eligible);
  const others = data.filter((island) => !island.eligible);
  return (
    <div class="eligible" role="status">
      <p>
        <strong>{plural(ready.length, 'Island')}</strong> can take part now
        {ready.length > 0 && ready.length <= 8 && `: ${ready.map((island) => island.host_id).join(', ')}`}.
      </p>
      {others.length > 0 && (
        <details>
          <summary>{plural(others.length, 'Island')} cannot</summary>
          <ul>
            {others.map((island) => (
              <li key={island.host_id}>
                {island.host_id}: {island.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
