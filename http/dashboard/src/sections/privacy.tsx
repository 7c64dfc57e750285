// Differential privacy: epsilon against its budget, round by round, what that means and what it leaves open.
import { ifAllowed } from '../api';
import { listCharges, listParticipantPrivacy } from '../calls';
import { Icon } from '../components/icon';
import { Panel } from '../components/panel';
import { formatCount, formatMetric } from '../format';
import { OFTEN, SELDOM, useKept, usePoll } from '../poll';
import { chargesOf, clipWords, isPrivate, mostEpsilon, protectionOf, roundsWords, spentWords, trustWords, type Charge } from '../privacy-words';
import { isActive, type ParticipantPrivacy, type Session, type SessionPrivacy } from '../types';
import type { SectionProps } from './section';

const MOST_CHARGES = 50;

interface Books {
  charges: Charge[];
  participants: ParticipantPrivacy[];
}

async function loadBooks(session: Session, signal: AbortSignal): Promise<Books> {
  const [charges, participants] = await Promise.all([
    ifAllowed(listCharges(session.id, MOST_CHARGES, signal)),
    ifAllowed(listParticipantPrivacy(session.id, signal)),
  ]);
  return { charges: chargesOf(charges), participants };
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Charges({ charges, most }: { charges: Charge[]; most: number | null }) {
  return (
    <table class="list">
      <caption class="visually-hidden">Epsilon spent, by round, the newest first</caption>
      <thead>
        <tr>
          <th scope="col">With round</th>
          <th scope="col" class="end">
            Clip norm
          </th>
          <th scope="col" class="end">
            Epsilon spent so far
          </th>
        </tr>
      </thead>
      <tbody>
        {charges.map(({ id, round, epsilon, clipNorm }) => (
          <tr key={id}>
            <th scope="row">{round}</th>
            <td class="end">{clipNorm === null ? '–' : formatMetric(clipNorm)}</td>
            <td class="end">
              {epsilon === null ? '–' : formatMetric(epsilon)}
              {epsilon !== null && most !== null && <progress class="bar thin" value={Math.min(epsilon, most)} max={most} aria-hidden="true" />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Participants({ participants }: { participants: ParticipantPrivacy[] }) {
  return (
    <table class="list">
      <caption>What the rounds that each Island was in have cost it</caption>
      <thead>
        <tr>
          <th scope="col">Island</th>
          <th scope="col" class="end">
            Rounds
          </th>
          <th scope="col" class="end">
            Epsilon
          </th>
        </tr>
      </thead>
      <tbody>
        {participants.map(({ host_id, rounds, epsilon }) => (
          <tr key={host_id}>
            <th scope="row">{host_id}</th>
            <td class="end">{formatCount(rounds)}</td>
            <td class="end">{epsilon === null ? '–' : formatMetric(epsilon)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Meaning({ privacy }: { privacy: SessionPrivacy }) {
  return (
    <div class="prose">
      <p>{privacy.statement}</p>
      {protectionOf(privacy).map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {privacy.warning && (
        <p class="notice" role="status">
          <Icon name="dropped" />
          {privacy.warning}
        </p>
      )}
      {privacy.notices && privacy.notices.length > 0 && (
        <ul>
          {privacy.notices.map((notice) => (
            <li key={notice}>{notice}</li>
          ))}
        </ul>
      )}
      <details>
        <summary>What epsilon does not count</summary>
        {privacy.coordinator_sees && <p>The coordinator sees: {privacy.coordinator_sees}</p>}
        <ul>
          {privacy.outside_epsilon?.map((item) => (
            <li key={item}>{item}</li>
          ))}
        </ul>
      </details>
    </div>
  );
}

function Account({ session, privacy }: { session: Session; privacy: SessionPrivacy }) {
  const { data: latest } = usePoll(
    `privacy ${session.id} ${isActive(session)}`,
    (signal) => loadBooks(session, signal),
    () => (isActive(session) ? OFTEN : SELDOM),
  );
  const books = useKept(latest);
  const most = mostEpsilon(privacy);
  return (
    <Panel id="privacy" title="Privacy" note={trustWords(privacy)}>
      <dl class="facts privacy">
        <Fact name="Epsilon spent" value={spentWords(privacy)} />
        <Fact name="In" value={roundsWords(privacy.rounds ?? 0)} />
        <Fact name="Delta" value={privacy.delta == null ? '–' : formatMetric(privacy.delta)} />
        <Fact name="Noise multiplier" value={formatMetric(privacy.noise_multiplier ?? 0)} />
        <Fact name="Clip norm" value={clipWords(privacy.clip_norms)} />
        {privacy.max_colluding != null && <Fact name="Islands that may collude" value={formatCount(privacy.max_colluding)} />}
      </dl>
      {most !== null && <progress class="bar" value={Math.min(privacy.epsilon ?? 0, most)} max={most} aria-label="Epsilon spent" aria-valuetext={spentWords(privacy)} />}
      <Meaning privacy={privacy} />
      {books && books.charges.length > 0 && <Charges charges={books.charges} most={most} />}
      {books && books.participants.length > 0 && <Participants participants={books.participants} />}
    </Panel>
  );
}

export function Privacy({ session }: SectionProps) {
  return isPrivate(session.privacy) ? <Account session={session} privacy={session.privacy} /> : null;
}
