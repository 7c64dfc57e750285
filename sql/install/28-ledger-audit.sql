-- The auditor's query ------------------------------------------------------------------------------------
-- What the ledger must say, worked out from sessions, rounds, updates, prices
-- and the events of grants; then every way in which it says something else.

CREATE FUNCTION federated.expected_entries()
RETURNS TABLE (kind text, session_id uuid, round_id bigint, island_id bigint, entry_id bigint,
			   from_account bigint, to_account bigint, amount numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH priced AS (
		SELECT s, federated.session_cost(s.config, s.total_rounds) AS reserved,
			   (federated.escrow_of(s.id)).id AS escrow, federated.find_account('owner', s.owner_role) AS owner
		FROM federated.sessions s WHERE federated.round_cost(s.config, 1) > 0
	), paid AS (
		SELECT (p.s).id AS session_id, r.id AS round_id, e.island_id, p.escrow, e.account_id, e.amount
		FROM priced p
		JOIN federated.rounds r ON r.session_id = (p.s).id AND r.state = 'closed'
		CROSS JOIN LATERAL federated.round_earnings(p.s, r) e
		WHERE e.amount > 0
	)
	SELECT 'reserve', (p.s).id, NULL::bigint, NULL::bigint, NULL::bigint, p.owner, p.escrow, p.reserved FROM priced p
	UNION ALL
	SELECT 'payment', p.session_id, p.round_id, p.island_id, NULL, p.escrow, p.account_id, p.amount FROM paid p
	UNION ALL
	SELECT 'refund', (p.s).id, NULL, NULL, NULL, p.escrow, p.owner, p.reserved - coalesce(spent.amount, 0)
	FROM priced p
	LEFT JOIN (SELECT x.session_id, sum(x.amount) AS amount FROM paid x GROUP BY x.session_id) spent ON spent.session_id = (p.s).id
	WHERE (p.s).finished_at IS NOT NULL AND p.reserved > coalesce(spent.amount, 0)
	UNION ALL
	SELECT 'grant', NULL, NULL, NULL, (g.detail ->> 'entry_id')::bigint,
		   CASE WHEN g.micro > 0 THEN g.mint ELSE g.account END, CASE WHEN g.micro > 0 THEN g.account ELSE g.mint END, abs(g.micro)
	FROM (SELECT e.detail, (e.detail ->> 'credits')::numeric * 1000000 AS micro, federated.find_account('system', 'system') AS mint,
				 federated.find_account(e.detail ->> 'kind', e.detail ->> 'holder') AS account
		  FROM federated.events e WHERE e.kind = 'credits_granted') g
$$;
COMMENT ON FUNCTION federated.expected_entries() IS 'Every entry that the ledger must have, without looking at it';

CREATE FUNCTION federated.wrong_entries() RETURNS TABLE (problem text, account_id bigint, entry_id bigint, session_id uuid,
														 round_id bigint, island_id bigint, expected numeric, found numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN l.id IS NULL THEN 'an entry is missing'
				WHEN x.kind IS NULL THEN 'nothing accounts for this entry'
				WHEN (x.from_account, x.to_account) IS DISTINCT FROM (l.from_account, l.to_account) THEN 'wrong account'
				ELSE 'wrong amount' END,
		   coalesce(l.to_account, x.to_account), l.id, coalesce(l.session_id, x.session_id), coalesce(l.round_id, x.round_id),
		   coalesce(l.island_id, x.island_id), x.amount, l.amount
	FROM (SELECT e.*, concat_ws('/', e.kind, e.session_id, e.round_id, e.island_id, e.entry_id) AS key FROM federated.expected_entries() e) x
	FULL JOIN (SELECT l.*, concat_ws('/', l.kind, l.session_id, l.round_id, l.island_id, CASE l.kind WHEN 'grant' THEN l.id END) AS key,
					  row_number() OVER (PARTITION BY l.kind, l.session_id, l.round_id, l.island_id,
										 CASE l.kind WHEN 'grant' THEN l.id END ORDER BY l.id) AS copy
			   FROM federated.ledger l) l ON l.key = x.key AND l.copy = 1
	WHERE (x.from_account, x.to_account, x.amount) IS DISTINCT FROM (l.from_account, l.to_account, l.amount)
$$;
COMMENT ON FUNCTION federated.wrong_entries() IS 'Where the ledger differs from what it must say';

CREATE FUNCTION federated.wrong_balances() RETURNS TABLE (problem text, account_id bigint, entry_id bigint, session_id uuid,
														  round_id bigint, island_id bigint, expected numeric, found numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH worked_out AS (
		SELECT side.account_id, sum(side.change) AS balance
		FROM federated.expected_entries() x
		CROSS JOIN LATERAL (VALUES (x.from_account, -x.amount), (x.to_account, x.amount)) side (account_id, change)
		GROUP BY side.account_id
	)
	SELECT 'wrong balance', a.id, NULL::bigint, NULL::uuid, NULL::bigint, NULL::bigint, coalesce(w.balance, 0), a.balance::numeric
	FROM federated.accounts a FULL JOIN worked_out w ON w.account_id = a.id
	WHERE coalesce(w.balance, 0) IS DISTINCT FROM a.balance
	UNION ALL
	SELECT 'the postings make another balance', a.id, NULL, NULL, NULL, NULL, a.balance, coalesce(p.balance, 0)
	FROM federated.accounts a
	LEFT JOIN (SELECT p.account_id, sum(p.amount) AS balance FROM federated.postings p GROUP BY p.account_id) p ON p.account_id = a.id
	WHERE a.balance <> coalesce(p.balance, 0)
	UNION ALL
	SELECT 'escrow below zero', p.account_id, p.entry_id, a.holder::uuid, NULL, NULL, NULL, p.balance
	FROM (SELECT p.account_id, p.entry_id, sum(p.amount) OVER (PARTITION BY p.account_id ORDER BY p.entry_id) AS balance
		  FROM federated.postings p) p
	JOIN federated.accounts a ON a.id = p.account_id AND a.kind = 'escrow'
	WHERE p.balance < 0
$$;
COMMENT ON FUNCTION federated.wrong_balances() IS 'Where balances differ from what they must be, and from the ledger''s postings';

-- What all of this is worked out from was written down when it happened.
CREATE FUNCTION federated.wrong_sources() RETURNS TABLE (problem text, account_id bigint, entry_id bigint, session_id uuid,
														 round_id bigint, island_id bigint, expected numeric, found numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'the update was accepted with other samples', u.account_id, NULL::bigint, e.session_id, u.round_id, u.island_id,
		   (e.detail ->> 'num_samples')::numeric * 1000000, u.num_samples::numeric * 1000000
	FROM federated.events e JOIN federated.updates u ON u.id = (e.detail ->> 'update_id')::bigint
	WHERE e.kind = 'update_accepted' AND (e.detail ->> 'num_samples')::bigint IS DISTINCT FROM u.num_samples
	UNION ALL
	SELECT 'the session was started with another price', NULL, NULL, s.id, NULL, NULL, NULL, NULL
	FROM federated.events e JOIN federated.sessions s ON s.id = e.session_id
	WHERE e.kind = 'session_created'
	  AND (e.detail -> 'config' -> 'price', e.detail -> 'config' -> 'budget', (e.detail ->> 'total_rounds')::integer)
		  IS DISTINCT FROM (s.config -> 'price', s.config -> 'budget', s.total_rounds)
$$;
COMMENT ON FUNCTION federated.wrong_sources() IS 'Samples and prices that are no longer what the events say they were';

CREATE FUNCTION @extschema@.federated_audit_ledger()
RETURNS TABLE (problem text, account_kind text, holder text, entry_id bigint, session_id uuid, round integer, host_id text,
			   expected numeric, found numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_role('federated_auditor', 'audit the ledger');
	RETURN QUERY
	SELECT w.problem, a.kind, a.holder, w.entry_id, w.session_id, r.round_no, i.host_id,
		   federated.credits(w.expected), federated.credits(w.found)
	FROM (SELECT * FROM federated.wrong_entries() UNION ALL SELECT * FROM federated.wrong_balances()
		  UNION ALL SELECT * FROM federated.wrong_sources()) w
	LEFT JOIN federated.accounts a ON a.id = w.account_id
	LEFT JOIN federated.rounds r ON r.id = w.round_id
	LEFT JOIN federated.islands i ON i.id = w.island_id
	ORDER BY w.entry_id, w.session_id, r.round_no, i.host_id COLLATE "C", w.problem, a.kind, a.holder COLLATE "C";
END
$$;
COMMENT ON FUNCTION @extschema@.federated_audit_ledger() IS
	'Work out every entry and every balance from rounds, updates, prices and the events of grants, and return each difference from the ledger; no rows: it is right';
GRANT EXECUTE ON FUNCTION @extschema@.federated_audit_ledger() TO federated_auditor, federated_admin;
