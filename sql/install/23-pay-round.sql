-- What a session reserves, pays and gets back ------------------------------------
-- All of it happens in the transaction of the step that causes it.

CREATE FUNCTION federated.count_samples(session federated.sessions, round federated.rounds) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE federated.updates u
	SET counted_samples = federated.counted_samples(u.island_id, $1.workload_id, u.num_samples), account_id = i.account_id
	FROM federated.islands i
	WHERE i.id = u.island_id AND u.round_id = $2.id AND u.state = 'accepted'
$$;
COMMENT ON FUNCTION federated.count_samples(federated.sessions, federated.rounds) IS
	'Fix, with the set, how many samples of each update count and who is paid for it';

-- The only reader of what is known about contributions.
CREATE FUNCTION federated.contribution_weights(round_id bigint, measure text) RETURNS TABLE (island_id bigint, weight numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.island_id, CASE WHEN known.value > 0 AND known.value < 'Infinity' THEN known.value::numeric ELSE 0 END
	FROM federated.updates u
	CROSS JOIN LATERAL (SELECT CASE $2 WHEN 'cosine' THEN u.cosine WHEN 'norm_share' THEN u.norm_share
									   WHEN 'leave_one_out' THEN u.leave_one_out END) known (value)
	WHERE u.round_id = $1 AND u.state = 'accepted'
$$;
COMMENT ON FUNCTION federated.contribution_weights(bigint, text) IS
	'How much each update of a round has contributed by a measure; what is negative, unknown or not a number counts as 0';

-- Largest remainder: everybody gets the whole millionths of its share, and what
-- is left over goes, one each, to those who lost the most by that.
CREATE FUNCTION federated.contribution_shares(round_id bigint, measure text, pool numeric)
RETURNS TABLE (island_id bigint, amount numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH weights AS (
		SELECT c.island_id, i.host_id,
			   CASE WHEN sum(c.weight) OVER () > 0 THEN c.weight ELSE 1 END AS weight
		FROM federated.contribution_weights($1, $2) c JOIN federated.islands i ON i.id = c.island_id
	), exact AS (
		SELECT w.island_id, w.host_id, div($3 * w.weight, sum(w.weight) OVER ()) AS whole,
			   mod($3 * w.weight, sum(w.weight) OVER ()) AS remainder
		FROM weights w
	)
	SELECT e.island_id,
		   e.whole + CASE WHEN row_number() OVER (ORDER BY e.remainder DESC, e.host_id COLLATE "C") <= $3 - sum(e.whole) OVER ()
						  THEN 1 ELSE 0 END
	FROM exact e
$$;
COMMENT ON FUNCTION federated.contribution_shares(bigint, text, numeric) IS
	'A pool shared among the updates of a round by their contribution, exactly; equally when nobody has any';

CREATE FUNCTION federated.round_earnings(session federated.sessions, round federated.rounds)
RETURNS TABLE (island_id bigint, account_id bigint, amount bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.island_id, u.account_id,
		   (federated.update_price($1.config, u.counted_samples) + coalesce(share.amount, 0))::bigint
	FROM federated.updates u
	JOIN federated.islands i ON i.id = u.island_id
	LEFT JOIN federated.contribution_shares($2.id, coalesce($1.config -> 'price' ->> 'contribution', 'cosine'),
											federated.price_part($1.config, 'contribution_pool')) share ON share.island_id = u.island_id
	WHERE u.round_id = $2.id AND u.state = 'accepted' AND $2.kind = 'train'
	ORDER BY i.host_id COLLATE "C"
$$;
COMMENT ON FUNCTION federated.round_earnings(federated.sessions, federated.rounds) IS
	'What each accepted update of a round of training earns, and for whom';

-- Escrow

CREATE FUNCTION federated.escrow_of(session_id uuid) RETURNS federated.accounts
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	escrow federated.accounts;
BEGIN
	SELECT * INTO escrow FROM federated.accounts a WHERE a.kind = 'escrow' AND a.holder = session_id::text;
	RETURN escrow;
END
$$;
COMMENT ON FUNCTION federated.escrow_of(uuid) IS 'The account that holds what a session has reserved; NULLs when it costs nothing';

CREATE FUNCTION federated.reserve_credits(session federated.sessions) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cost numeric := federated.session_cost(session.config, session.total_rounds);
	payer bigint;
	escrow bigint;
BEGIN
	IF federated.round_cost(session.config, 1) = 0 THEN
		RETURN;
	ELSIF cost > 9000000000000000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'numeric_value_out_of_range',
			MESSAGE = 'the session can cost more than the ledger counts',
			DETAIL = format('It can cost %s credits; allowed are at most 9000000000000.', federated.credits(cost)),
			HINT = 'Give a budget.';
	END IF;
	payer := federated.open_account('owner', session.owner_role);
	escrow := federated.open_account('escrow', session.id::text);
	PERFORM federated.lock_accounts(ARRAY[payer, escrow]);
	PERFORM federated.require_credit(payer, cost);
	PERFORM federated.post('reserve', payer, ARRAY[escrow], ARRAY[cost::bigint], session.id);
	PERFORM federated.log_event(session.id, 'credits_reserved', jsonb_build_object('credits', federated.credits(cost)));
END
$$;
COMMENT ON FUNCTION federated.reserve_credits(federated.sessions) IS
	'Put into a session''s escrow what it can cost, or refuse (53400) to start it';

CREATE FUNCTION federated.refund_credits(session_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	escrow federated.accounts := federated.escrow_of(session_id);
	payer bigint;
BEGIN
	IF escrow.id IS NULL THEN
		RETURN;
	END IF;
	SELECT a.id INTO STRICT payer
	FROM federated.sessions s JOIN federated.accounts a ON a.kind = 'owner' AND a.holder = s.owner_role
	WHERE s.id = session_id;
	PERFORM federated.lock_accounts(ARRAY[escrow.id, payer]);
	escrow := federated.escrow_of(session_id);
	IF federated.post('refund', escrow.id, ARRAY[payer], ARRAY[escrow.balance], session_id) IS NOT NULL THEN
		PERFORM federated.log_event(session_id, 'credits_refunded',
			jsonb_build_object('credits', federated.credits(escrow.balance)));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.refund_credits(uuid) IS 'Give a session''s owner back what is left in its escrow';

CREATE FUNCTION federated.pay_round(session federated.sessions, round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	escrow federated.accounts := federated.escrow_of(session.id);
	earned record;
	entries bigint[];
BEGIN
	IF escrow.id IS NULL THEN
		RETURN;
	END IF;
	SELECT array_agg(e.account_id) AS accounts, array_agg(e.amount) AS amounts, array_agg(e.island_id) AS islands,
		   sum(e.amount) AS total
	INTO earned FROM federated.round_earnings(session, round) e;
	-- The owner's with them: this transaction may also end the session.
	PERFORM federated.lock_accounts(earned.accounts || escrow.id || federated.find_account('owner', session.owner_role));
	entries := federated.post('payment', escrow.id, earned.accounts, earned.amounts, session.id, round.id, earned.islands);
	IF entries IS NOT NULL THEN
		PERFORM federated.log_event(session.id, 'credits_paid', jsonb_build_object(
			'round', round.round_no, 'updates', cardinality(entries), 'credits', federated.credits(earned.total)));
		PERFORM federated.warn_of_budget(session, round);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.pay_round(federated.sessions, federated.rounds) IS
	'Pay for the accepted updates of a round that is being closed; again: nothing';

-- The end of the money

CREATE FUNCTION federated.note_low_budget(session federated.sessions, left_over numeric, needed numeric) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM federated.events e WHERE e.session_id = session.id AND e.kind = 'budget_low') THEN
		PERFORM federated.log_event(session.id, 'budget_low', jsonb_build_object(
			'credits', federated.credits(left_over), 'next_round', federated.credits(needed)));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.note_low_budget(federated.sessions, numeric, numeric) IS 'Log budget_low, once for each session';

-- Who has reserved all that a session can cost need not be told that it is spent.
CREATE FUNCTION federated.warn_of_budget(session federated.sessions, round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rest numeric := (federated.escrow_of(session.id)).balance;
	reserved numeric := federated.session_cost(session.config, session.total_rounds);
	needed numeric := federated.round_cost(session.config, (SELECT count(*) FROM federated.tasks t WHERE t.round_id = round.id));
BEGIN
	IF rest < needed * (session.total_rounds - round.round_no) AND (rest < needed OR rest * 5 < reserved) THEN
		PERFORM federated.note_low_budget(session, rest, needed);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.warn_of_budget(federated.sessions, federated.rounds) IS
	'After a payment: whether the rest of the budget is small and not enough for the rounds to come';

CREATE FUNCTION federated.can_pay_round(session federated.sessions, islands bigint) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN federated.round_cost(session.config, islands) <= coalesce((federated.escrow_of(session.id)).balance, 0);
END
$$;
COMMENT ON FUNCTION federated.can_pay_round(federated.sessions, bigint) IS
	'Whether the escrow holds what a round with so many Islands can cost';

-- What was trained is a result; nothing is none.
CREATE FUNCTION federated.stop_training(session federated.sessions, why text) RETURNS federated.sessions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF session.current_round = 0 THEN
		PERFORM federated.end_session(session.id, 'failed', why);
	ELSE
		UPDATE federated.sessions s SET stop_reason = why WHERE s.id = session.id;
	END IF;
	RETURN (SELECT s FROM federated.sessions s WHERE s.id = session.id);
END
$$;
COMMENT ON FUNCTION federated.stop_training(federated.sessions, text) IS
	'No round of training follows: the last version is evaluated and published; without one the session fails';

CREATE FUNCTION federated.stop_unpaid(session federated.sessions, islands bigint) RETURNS federated.sessions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rest numeric := coalesce((federated.escrow_of(session.id)).balance, 0);
	needed numeric := federated.round_cost(session.config, islands);
	why text := format('the budget does not pay round %s: %s is left, and %s Islands can cost %s',
					   session.current_round + 1, federated.credits(rest), islands, federated.credits(needed));
BEGIN
	PERFORM federated.note_low_budget(session, rest, needed);
	RETURN federated.stop_training(session, why);
END
$$;
COMMENT ON FUNCTION federated.stop_unpaid(federated.sessions, bigint) IS
	'Train no further than the budget pays';

CREATE FUNCTION federated.stop_unaffordable(session federated.sessions, islands bigint, present bigint) RETURNS federated.sessions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spent text;
BEGIN
	IF NOT federated.can_pay_round(session, islands) THEN
		RETURN federated.stop_unpaid(session, islands);
	END IF;
	spent := federated.budget_problem(session, federated.drawn_rate(session.config, present));
	IF spent IS NOT NULL THEN
		RETURN federated.stop_training(session, spent);
	END IF;
	RETURN session;
END
$$;
COMMENT ON FUNCTION federated.stop_unaffordable(federated.sessions, bigint, bigint) IS
	'Before a round of so many Islands, drawn of those present: train no further than the credits and the privacy budget allow';

CREATE FUNCTION federated.session_credits(session federated.sessions) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	escrow federated.accounts := federated.escrow_of(session.id);
BEGIN
	-- What others earn is not an Island's business.
	IF escrow.id IS NULL OR federated.caller_island() IS NOT NULL THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT json_build_object(
				'reserved', federated.credits(reserved), 'paid', federated.credits(reserved - refunded - escrow.balance),
				'refunded', federated.credits(refunded), 'left', federated.credits(escrow.balance))
			-- Payments are many; they are what has gone otherwise.
			FROM (SELECT coalesce(sum(l.amount) FILTER (WHERE l.kind = 'reserve'), 0) AS reserved,
						 coalesce(sum(l.amount) FILTER (WHERE l.kind = 'refund'), 0) AS refunded
				  FROM federated.ledger l WHERE l.session_id = session.id AND l.kind IN ('reserve', 'refund')) moved);
END
$$;
COMMENT ON FUNCTION federated.session_credits(federated.sessions) IS
	'What a session has reserved, paid and got back, in credits; NULL when it costs nothing, and for Islands';
