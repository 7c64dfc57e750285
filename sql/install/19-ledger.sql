-- The ledger ---------------------------------------------------------------------------------
-- An entry is one row: who pays, who is paid, how much. It is a debit and a
-- credit of the same amount, so that no entry can be out of balance, and the
-- balances of all accounts always sum up to zero.

CREATE TABLE federated.ledger (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor		text NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('grant', 'reserve', 'payment', 'refund')),
	from_account bigint NOT NULL REFERENCES federated.accounts,
	to_account	bigint NOT NULL REFERENCES federated.accounts,
	amount		bigint NOT NULL CHECK (amount > 0),
	session_id	uuid REFERENCES federated.sessions,
	round_id	bigint REFERENCES federated.rounds,
	island_id	bigint REFERENCES federated.islands,
	request_key	text UNIQUE CHECK (request_key <> '' AND length(request_key) <= 200),
	note		text,
	CHECK (from_account <> to_account),
	CHECK ((kind = 'grant') = (session_id IS NULL)),
	CHECK ((kind = 'payment') = (round_id IS NOT NULL) AND (round_id IS NULL) = (island_id IS NULL))
);
-- Nothing is paid twice: a session reserves and is refunded once, an Island is paid once for a round.
CREATE UNIQUE INDEX ledger_once ON federated.ledger (session_id, kind, round_id, island_id) NULLS NOT DISTINCT
	WHERE session_id IS NOT NULL;
CREATE INDEX ON federated.ledger (from_account, id);
CREATE INDEX ON federated.ledger (to_account, id);
CREATE INDEX ON federated.ledger (island_id, id) WHERE island_id IS NOT NULL;
COMMENT ON TABLE federated.ledger IS 'Append-only: every movement of credits, from one account to another';
COMMENT ON COLUMN federated.ledger.actor IS 'Role or token subject that caused it; "worker" when the coordinator did';
COMMENT ON COLUMN federated.ledger.kind IS 'grant: from the system, or back to it; reserve: from a session''s owner to its escrow; payment: for an update; refund: what is left at the end';
COMMENT ON COLUMN federated.ledger.amount IS 'Millionths of a credit';
COMMENT ON COLUMN federated.ledger.request_key IS 'Who asks again with the same key gets the same entry';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.ledger
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();

-- Lock order: accounts come last, all that a transaction touches at once, in
-- the order of their ids.
CREATE FUNCTION federated.lock_accounts(account_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	patience text := current_setting('lock_timeout');
BEGIN
	PERFORM federated.require_read_committed();
	-- The worker has other sessions; a person's open transaction must not hold
	-- up rounds, which end in these accounts. A step that fails is tried again.
	IF federated.current_actor() = 'worker' THEN
		PERFORM set_config('lock_timeout', '1s', true);
	ELSE
		PERFORM federated.limit_idle();
	END IF;
	PERFORM FROM federated.accounts a WHERE a.id = ANY (account_ids) ORDER BY a.id FOR NO KEY UPDATE;
	PERFORM set_config('lock_timeout', patience, true);
END
$$;
COMMENT ON FUNCTION federated.lock_accounts(bigint[]) IS 'Lock accounts until the end of the transaction, in the order of their ids';

CREATE FUNCTION federated.new_balance(account federated.accounts, change numeric) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF abs(account.balance + change) > 9223372036854775807 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'numeric_value_out_of_range',
			MESSAGE = format('balance of %s account "%s" would be out of range', account.kind, account.holder),
			DETAIL = format('It is %s credits and would change by %s; the ledger counts up to 9223372036854.775807.',
							federated.credits(account.balance), federated.credits(change));
	END IF;
	RETURN account.balance + change;
END
$$;
COMMENT ON FUNCTION federated.new_balance(federated.accounts, numeric) IS 'A balance after a change, or an error (22003)';

-- The only writer of ledger and balances. What was posted before is not posted
-- again. The caller has locked the accounts.
CREATE FUNCTION federated.post(kind text, payer bigint, payees bigint[], amounts bigint[], session_id uuid DEFAULT NULL,
							   round_id bigint DEFAULT NULL, islands bigint[] DEFAULT NULL, note text DEFAULT NULL,
							   request_key text DEFAULT NULL) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	actor text := federated.current_actor();
	entries bigint[];
BEGIN
	WITH posted AS (
		INSERT INTO federated.ledger AS l (actor, kind, from_account, to_account, amount, session_id, round_id, island_id,
										   note, request_key)
		SELECT actor, $1, $2, line.payee, line.amount, $5, $6, line.island, $8, $9
		FROM unnest($3, $4, $7) WITH ORDINALITY line (payee, amount, island, place)
		WHERE line.amount > 0 ORDER BY line.place
		ON CONFLICT DO NOTHING
		RETURNING l.id, l.from_account, l.to_account, l.amount
	), moved AS (
		SELECT side.account_id, sum(side.change) AS change
		FROM posted p CROSS JOIN LATERAL (VALUES (p.from_account, -p.amount::numeric), (p.to_account, p.amount)) side (account_id, change)
		GROUP BY side.account_id
	), settled AS (
		UPDATE federated.accounts a SET balance = federated.new_balance(a, m.change) FROM moved m WHERE a.id = m.account_id
	)
	SELECT array_agg(p.id ORDER BY p.id) INTO entries FROM posted p;
	RETURN entries;
END
$$;
COMMENT ON FUNCTION federated.post(text, bigint, bigint[], bigint[], uuid, bigint, bigint[], text, text) IS
	'Move credits from one account to others and say by which entries; what was moved before is left out';

CREATE FUNCTION federated.require_credit(account_id bigint, needed numeric) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	credit_limit bigint := federated.setting('credit_limit')::bigint;
	account federated.accounts;
BEGIN
	SELECT * INTO STRICT account FROM federated.accounts a WHERE a.id = account_id;
	IF credit_limit >= 0 AND account.balance - needed < credit_limit * -1000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'configuration_limit_exceeded',
			MESSAGE = format('%s account "%s" has not enough credits', account.kind, account.holder),
			DETAIL = format('Balance %s, needed %s; federated.credit_limit lets it go down to %s.',
							federated.credits(account.balance), federated.credits(needed), -credit_limit),
			HINT = 'An administrator grants credits: federated_grant_credits(holder, amount, note).';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_credit(bigint, numeric) IS
	'Refuse (53400) what would take a locked account lower than federated.credit_limit allows';

-- What is seen of it

CREATE VIEW federated.balances WITH (security_invoker = true) AS
SELECT a.id AS account_id, a.kind, a.holder, federated.credits(a.balance) AS credits, a.opened_at
FROM federated.accounts a;
COMMENT ON VIEW federated.balances IS 'Accounts that the caller may see, in credits';

CREATE VIEW federated.postings WITH (security_invoker = true) AS
SELECT l.id AS entry_id, side.account_id, side.amount
FROM federated.ledger l
CROSS JOIN LATERAL (VALUES (l.from_account, -l.amount), (l.to_account, l.amount)) side (account_id, amount);
COMMENT ON VIEW federated.postings IS 'Both sides of every ledger entry, in millionths of a credit; the sum of an entry is 0';

CREATE VIEW federated.statements WITH (security_invoker = true) AS
SELECT a.id AS account_id, a.kind AS account_kind, a.holder, l.id AS entry_id, l.at, l.kind, l.session_id, r.round_no AS round,
	   i.host_id, federated.credits(p.amount) AS credits,
	   federated.credits(sum(p.amount) OVER (PARTITION BY a.id, a.kind, a.holder ORDER BY l.id)) AS balance, l.actor, l.note
FROM federated.accounts a
JOIN federated.postings p ON p.account_id = a.id
JOIN federated.ledger l ON l.id = p.entry_id
LEFT JOIN federated.rounds r ON r.id = l.round_id
LEFT JOIN federated.islands i ON i.id = l.island_id;
COMMENT ON VIEW federated.statements IS 'Lines of accounts that the caller may see, with the balance after each';

CREATE VIEW federated.ledger_entries WITH (security_invoker = true) AS
SELECT l.id AS entry_id, l.at, l.actor, l.kind, l.session_id, r.round_no AS round, i.host_id,
	   f.kind AS from_kind, f.holder AS from_holder, t.kind AS to_kind, t.holder AS to_holder,
	   federated.credits(l.amount) AS credits, l.note
FROM federated.ledger l
LEFT JOIN federated.accounts f ON f.id = l.from_account
LEFT JOIN federated.accounts t ON t.id = l.to_account
LEFT JOIN federated.rounds r ON r.id = l.round_id
LEFT JOIN federated.islands i ON i.id = l.island_id;
COMMENT ON VIEW federated.ledger_entries IS
	'Movements of credits that touch an account of the caller, a session of the caller or the calling Island; accounts of others are not named';

ALTER TABLE federated.ledger ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.ledger FOR SELECT TO federated_admin, federated_auditor USING (true);
CREATE POLICY read_own ON federated.ledger FOR SELECT TO federated_creator, federated_viewer, federated_island
	-- looked up once, not for each row
	USING (from_account IN (SELECT a.id FROM federated.accounts a) OR to_account IN (SELECT a.id FROM federated.accounts a));
CREATE POLICY read_earned ON federated.ledger FOR SELECT TO federated_island
	USING (island_id = (SELECT federated.caller_island()));
GRANT SELECT ON federated.ledger, federated.balances, federated.postings, federated.statements, federated.ledger_entries
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
