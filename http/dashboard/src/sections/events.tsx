// What happened, newest first. The newest are polled, older ones fetched on demand;
// no more are kept than were asked for, however long the page stays open.
import { useRef, useState } from 'preact/hooks';
import { describe } from '../api';
import { listEvents } from '../calls';
import { Icon, toneIcon } from '../components/icon';
import { Panel } from '../components/panel';
import { Time } from '../components/time';
import { VerifyChain } from '../components/verify-chain';
import { eventText, eventTone } from '../event-words';
import { OFTEN, SELDOM, usePoll } from '../poll';
import { isActive, type ChainVerdict, type FedEvent } from '../types';
import type { SectionProps } from './section';

const STEP = 20;

// Newer events before those that are there; without an overlap something is
// missing between them, and the older ones are fetched again when asked for.
export function mergeEvents(newest: FedEvent[], known: FedEvent[]): FedEvent[] {
  const oldest = newest.at(-1)?.id;
  if (oldest === undefined || !known.some((event) => event.id >= oldest)) return newest;
  return [...newest, ...known.filter((event) => event.id < oldest)];
}

function Line({ event, broken }: { event: FedEvent; broken: boolean }) {
  const tone = broken ? 'bad' : eventTone(event);
  return (
    <li class={`event event-${tone}${broken ? ' event-broken' : ''}`}>
      <Icon name={toneIcon[tone]} />
      <span>
        {eventText(event)}
        {broken && <strong> The chain is broken here.</strong>}
      </span>
      <Time at={event.at} />
    </li>
  );
}

export function Events({ session }: SectionProps) {
  const known = useRef<FedEvent[]>([]);
  const [limit, setLimit] = useState(STEP);
  const [verdict, setVerdict] = useState<ChainVerdict>();
  const [problem, setProblem] = useState('');
  const [end, setEnd] = useState<{ id: number; first: boolean }>(); // of what was fetched last
  const { data, error, refresh } = usePoll(
    `events ${session.id} ${isActive(session)}`,
    (signal) => listEvents(session.id, STEP, null, signal),
    () => (isActive(session) ? OFTEN : SELDOM),
  );
  if (error) return null; // Islands may not read events
  if (data) known.current = mergeEvents(data, known.current).slice(0, limit);
  const events = known.current;

  // What is shown beside a verdict is what was verified.
  const judge = (found: ChainVerdict | undefined) => {
    setVerdict(found);
    if (found) refresh();
  };

  const showOlder = async () => {
    const before = events.at(-1)!.id;
    setProblem('');
    setLimit(limit + STEP); // nothing that is known is dropped meanwhile
    try {
      const older = await listEvents(session.id, STEP, before);
      if (known.current.at(-1)?.id !== before) return; // asked for twice, or begun anew
      known.current = [...known.current, ...older];
      setEnd({ id: known.current.at(-1)!.id, first: older.length < STEP });
    } catch (reason) {
      setProblem(describe(reason));
    }
  };

  return (
    <Panel id="events" title="Events" note="Newest first">
      <VerifyChain sessionId={session.id} verdict={verdict} onVerdict={judge} />
      <ol class="events">
        {events.map((event) => (
          <Line key={event.id} event={event} broken={event.id === verdict?.event_id} />
        ))}
      </ol>
      {problem && (
        <p class="alert" role="alert">
          {problem}
        </p>
      )}
      {events.length >= STEP && !(end?.first && end.id === events.at(-1)!.id) && (
        <button type="button" class="button small" onClick={showOlder}>
          Show older
        </button>
      )}
    </Panel>
  );
}
