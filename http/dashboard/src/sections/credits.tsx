// What a session with a price costs: what is reserved for it, paid so far and to
// whom, and what went back.
import { ifAllowed } from '../api';
import { listBudgetWarnings, listEarnings } from '../calls';
import { Icon } from '../components/icon';
import { Panel } from '../components/panel';
import { priceWords } from '../credit-words';
import { eventText } from '../event-words';
import { formatCount, formatCredits } from '../format';
import { OFTEN, SELDOM, useKept, usePoll } from '../poll';
import { isActive, type Earning, type FedEvent, type Price, type Session, type SessionCredits } from '../types';
import type { SectionProps } from './section';

interface Payments {
  earnings: Earning[];
  warnings: FedEvent[];
}

async function loadPayments(session: Session, signal: AbortSignal): Promise<Payments> {
  const warned = isActive(session) ? ifAllowed(listBudgetWarnings(session.id, signal)) : [];
  const [earnings, warnings] = await Promise.all([listEarnings(session.id, signal), warned]);
  return { earnings, warnings };
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Earnings({ earnings }: { earnings: Earning[] }) {
  return (
    <table class="list">
      <caption class="visually-hidden">Credits paid so far, by Island</caption>
      <thead>
        <tr>
          <th scope="col">Island</th>
          <th scope="col" class="end">
            Updates paid
          </th>
          <th scope="col" class="end">
            Credits
          </th>
        </tr>
      </thead>
      <tbody>
        {earnings.map((earning) => (
          <tr key={earning.host_id}>
            <th scope="row">{earning.host_id}</th>
            <td class="end">{formatCount(earning.updates)}</td>
            <td class="end">{formatCredits(earning.credits)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Account({ session, credits }: { session: Session; credits: SessionCredits }) {
  const { data: latest } = usePoll(
    `credits ${session.id} ${isActive(session)}`,
    (signal) => loadPayments(session, signal),
    () => (isActive(session) ? OFTEN : SELDOM),
  );
  const data = useKept(latest);
  const warning = isActive(session) && data?.warnings[0];
  return (
    <Panel id="credits" title="Credits" note={`An update earns ${priceWords(session.config.price as Price | undefined)}`}>
      {warning && (
        <p class="notice" role="status">
          <Icon name="dropped" />
          {eventText(warning)}
        </p>
      )}
      <dl class="facts credits">
        <Fact name="Reserved at the start" value={formatCredits(credits.reserved)} />
        <Fact name="Paid so far" value={formatCredits(credits.paid)} />
        <Fact name="Left in escrow" value={formatCredits(credits.left)} />
        <Fact name="Refunded" value={formatCredits(credits.refunded)} />
      </dl>
      {data && data.earnings.length > 0 && <Earnings earnings={data.earnings} />}
    </Panel>
  );
}

export function Credits({ session }: SectionProps) {
  return session.credits ? <Account session={session} credits={session.credits} /> : null;
}
