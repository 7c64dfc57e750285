// Accounts that one may see, and the statement of one of them: one's own, unless another is chosen.
import { useState } from 'preact/hooks';
import type { Account } from '../account';
import { listBalances, listStatement } from '../calls';
import { Alert } from '../components/alert';
import { PageTitle } from '../components/page-title';
import { Panel } from '../components/panel';
import { Time } from '../components/time';
import { lineWords } from '../credit-words';
import { formatCredits } from '../format';
import { SELDOM, useKept, usePoll } from '../poll';
import { Link, sessionPath } from '../route';
import type { Balance, StatementLine } from '../types';

const STEP = 50;

function Line({ line }: { line: StatementLine }) {
  return (
    <tr>
      <td>
        {lineWords(line)}{' '}
        {line.session_id !== null && (
          <Link to={sessionPath(line.session_id)}>
            session<span class="visually-hidden"> of entry {line.entry_id}</span>
          </Link>
        )}
      </td>
      <td class="cell-time optional">
        <Time at={line.at} />
      </td>
      <td class="end">
        {line.credits > 0 && '+'}
        {formatCredits(line.credits)}
      </td>
      <td class="end">{formatCredits(line.balance)}</td>
    </tr>
  );
}

function Table({ holder, lines }: { holder: string; lines: StatementLine[] }) {
  return (
    <table class="list">
      <caption class="visually-hidden">Statement of {holder}, newest first</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" class="optional">
            When
          </th>
          <th scope="col" class="end">
            Credits
          </th>
          <th scope="col" class="end">
            Balance
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <Line key={line.entry_id} line={line} />
        ))}
      </tbody>
    </table>
  );
}

function Statement({ balance }: { balance: Balance }) {
  const [limit, setLimit] = useState(STEP);
  const { data: latest, error } = usePoll(
    `statement ${balance.account_id} ${balance.credits} ${limit}`,
    (signal) => listStatement(balance.account_id, limit, signal),
    () => SELDOM,
  );
  const data = useKept(latest);
  return (
    <Panel id="statement" title="Statement" note="Newest first">
      <p class="balance">
        Balance of {balance.holder}: <strong>{formatCredits(balance.credits)}</strong>
      </p>
      <Alert error={error} />
      {data && (data.length > 0 ? <Table holder={balance.holder} lines={data} /> : <p class="empty">Nothing was booked yet.</p>)}
      {data && data.length >= limit && (
        <button type="button" class="button" onClick={() => setLimit(limit + STEP)}>
          Show older
        </button>
      )}
    </Panel>
  );
}

function Choice({ balances, chosen, choose }: { balances: Balance[]; chosen: Balance; choose: (id: number) => void }) {
  if (balances.length < 2) return null;
  return (
    <label class="inline-field">
      <span class="label">Account</span>
      <select value={String(chosen.account_id)} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {balances.map((balance) => (
          <option key={balance.account_id} value={String(balance.account_id)}>
            {balance.holder} ({balance.kind}): {formatCredits(balance.credits)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function CreditsPage({ who }: { who: Account }) {
  const [id, setId] = useState<number | null>(null);
  const { data: balances, error } = usePoll('balances', listBalances, () => SELDOM);
  const chosen = balances?.find((balance) => balance.account_id === id) ?? balances?.find((balance) => balance.holder === who.subject) ?? balances?.[0];
  return (
    <>
      <div class="page-head">
        <PageTitle>Credits</PageTitle>
        {balances && chosen && <Choice balances={balances} chosen={chosen} choose={setId} />}
      </div>
      <Alert error={error} />
      {!balances && !error && <p class="loading">Loading …</p>}
      {balances && !chosen && (
        <div class="panel empty">
          <p>There is no account that you may see. One is opened with the first session that has a price, or with the first grant.</p>
        </div>
      )}
      {chosen && <Statement key={chosen.account_id} balance={chosen} />}
    </>
  );
}
