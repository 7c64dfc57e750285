-- Secure aggregation: calls of Islands, which speak to each other through us -----------------------------------
-- Every call may be repeated: the same bytes succeed and change nothing, other
-- bytes are refused, as an answer and not an error (see 19-updates.sql). Binary
-- values come as bytea and go out as hexadecimal digits.

CREATE FUNCTION federated.enter_attempt(me federated.islands, session_id uuid, round integer, attempt integer,
										OUT held federated.rounds, OUT current federated.secagg_attempts,
										OUT own federated.secagg_members, OUT task_state text, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_read_committed();
	PERFORM federated.require_argument('session_id', session_id);
	PERFORM federated.require_argument('round', round);
	PERFORM federated.require_argument('attempt', attempt);
	SELECT * INTO current FROM federated.secagg_attempts a
	WHERE a.session_id = enter_attempt.session_id AND a.round_no = enter_attempt.round AND a.attempt = enter_attempt.attempt;
	IF FOUND THEN
		held := federated.share_round(current.round_id);
		SELECT * INTO current FROM federated.secagg_attempts a WHERE a.id = current.id FOR SHARE;
		SELECT t.state INTO task_state FROM federated.tasks t WHERE t.round_id = held.id AND t.island_id = me.id;
		-- One message of an Island at a time: a repeated one finds what the first has left.
		SELECT * INTO own FROM federated.secagg_members m WHERE m.attempt_id = current.id AND m.island_id = me.id FOR NO KEY UPDATE;
	END IF;

	IF current.id IS NULL THEN
		reason := 'secagg_stale';
		detail := format('session %s has no attempt %s of round %s', session_id, attempt, round);
	ELSIF task_state IS NULL THEN
		reason := 'not_participant';
		detail := format('this Island has no task in round %s', round);
	ELSIF NOT (SELECT federated.at_home(s) FROM federated.sessions s WHERE s.id = held.session_id) THEN
		reason := 'secagg_stale';
		detail := 'this is a copy of the database that the session runs in';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.enter_attempt(federated.islands, uuid, integer, integer) IS
	'An attempt, kept from changing, and the Island''s place in it; or the reason why it has none';

CREATE FUNCTION federated.stage_problem(current federated.secagg_attempts, wanted text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current.state = wanted THEN
		RETURN NULL;
	END IF;
	RETURN format('attempt %s of round %s is in state "%s"; this belongs to "%s"', current.attempt, current.round_no, current.state, wanted);
END
$$;
COMMENT ON FUNCTION federated.stage_problem(federated.secagg_attempts, text) IS 'Why a message does not belong to the state of its attempt; NULL when it does';

CREATE FUNCTION federated.secagg_accepted(wake boolean DEFAULT true) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.make_durable();
	IF wake THEN
		PERFORM federated.wake_worker();
	END IF;
	RETURN json_build_object('status', 'accepted');
END
$$;
COMMENT ON FUNCTION federated.secagg_accepted(boolean) IS 'The answer to a message that is stored, durably';

CREATE FUNCTION federated.sent_before(held federated.rounds, island_id bigint, known bytea, given bytea, did text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF known IS NULL THEN
		RETURN NULL;
	ELSIF known = given THEN
		RETURN federated.secagg_accepted(false);
	END IF;
	RETURN federated.reject(held, island_id, 'secagg_conflict', format('this Island has %s in this attempt', did));
END
$$;
COMMENT ON FUNCTION federated.sent_before(federated.rounds, bigint, bytea, bytea, text) IS
	'The answer to a message of which one is stored, or its hash: taken if it is the same, else refused; NULL if none is';

-- What one Island reads of the others. Nothing here is secret from a member.
CREATE FUNCTION federated.read_attempt(session_id uuid, round integer, attempt integer, VARIADIC not_before text[]) RETURNS federated.secagg_members
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	current federated.secagg_attempts;
	own federated.secagg_members;
BEGIN
	SELECT * INTO current FROM federated.secagg_attempts a
	WHERE a.session_id = read_attempt.session_id AND a.round_no = read_attempt.round AND a.attempt = read_attempt.attempt;
	SELECT * INTO own FROM federated.secagg_members m WHERE m.attempt_id = current.id AND m.island_id = me.id;
	IF own.attempt_id IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('Island "%s" is not in attempt %s of round %s of session %s', me.host_id, attempt, round, session_id);
	ELSIF current.state = ANY (not_before || 'aborted'::text) OR own.u IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s is in state "%s"', attempt, round, current.state),
			DETAIL = 'What was asked for is not fixed yet, or never will be, or the Island came too late.';
	END IF;
	RETURN own;
END
$$;
COMMENT ON FUNCTION federated.read_attempt(uuid, integer, integer, text[]) IS
	'The calling Island''s place in an attempt that has passed some states, or an error (P0002, 55000)';

-- The sets that are fixed when a state has ended

CREATE FUNCTION federated.shared_set(attempt_id bigint) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT m.u FROM federated.secagg_members m
				 WHERE m.attempt_id = shared_set.attempt_id AND m.u IS NOT NULL AND m.shared_at IS NOT NULL ORDER BY m.u);
END
$$;
COMMENT ON FUNCTION federated.shared_set(bigint) IS 'U2: who has shared, in the order of u; it is fixed when state share has ended';

CREATE FUNCTION federated.summed_set(attempt_id bigint) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT o.owner FROM federated.secagg_owners o
				 WHERE o.attempt_id = summed_set.attempt_id AND o.disposition = 'b' ORDER BY o.owner);
END
$$;
COMMENT ON FUNCTION federated.summed_set(bigint) IS 'U3: whose update is summed, in the order of u; empty before state mask has ended';
