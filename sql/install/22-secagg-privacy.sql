-- Distributed differential privacy: the charge of an attempt ------------------------------------------
-- What may be revealed is charged first: when U3 is frozen and, in mode active,
-- enough Islands have signed it, the attempt stays in state agree for one step
-- more, which makes the empty result and charges it, and is committed before the
-- next opens the reveal. An attempt that is given up takes its version with it,
-- so that another is charged anew; what was charged stays charged.

CREATE FUNCTION federated.settled_grid(session federated.sessions, OUT honest integer, OUT levels bigint, OUT noise_var bigint,
									   OUT aux_noise_var bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	settled CONSTANT federated.session_privacy := federated.settled_privacy(session.id);
	grid record;
BEGIN
	SELECT * INTO grid FROM federated.distributed_grid(session.config, settled.divisor, (session.config -> 'secagg_max_cohort')::integer);
	IF grid.problem IS NOT NULL OR grid.count_noise IS DISTINCT FROM settled.count_noise THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the Islands of session %s cannot add its noise', session.id),
			DETAIL = coalesce(grid.problem, format('The noise of the count is %s, settled was %s', grid.count_noise, settled.count_noise)) || '.';
	END IF;
	honest := grid.honest;
	levels := grid.levels;
	noise_var := grid.noise_var;
	aux_noise_var := grid.aux_noise_var;
END
$$;
COMMENT ON FUNCTION federated.settled_grid(federated.sessions) IS
	'Grid and noise of each Island in a session whose training has started, or an error (55000)';

CREATE FUNCTION federated.charge_attempt(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.is_private(session.config) OR federated.is_charged(round) THEN
		RETURN NULL;
	END IF;
	PERFORM federated.create_result(session, round);
	SELECT * INTO STRICT round FROM federated.rounds r WHERE r.id = round.id;
	RETURN federated.charge_privacy(session, round);
END
$$;
COMMENT ON FUNCTION federated.charge_attempt(federated.sessions, federated.rounds) IS
	'The step before a reveal is opened: make the empty result and charge what the sum will spend; NULL if that was done, or nothing is charged';

-- The result that a charge is kept under belongs to the attempt that it was made for.
CREATE FUNCTION federated.abandon_result(round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version_id bigint;
BEGIN
	SELECT r.result_version_id INTO version_id FROM federated.rounds r WHERE r.id = round.id;
	IF version_id IS NOT NULL THEN
		UPDATE federated.rounds r SET result_version_id = NULL WHERE r.id = round.id;
		PERFORM federated.retire_version(version_id, 'abandoned');
		PERFORM federated.abandon_states(round);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.abandon_result(federated.rounds) IS
	'Give up the result that a round was going to make; a later one is another version, and charged anew';

-- Why what an attempt is going to reveal is not what was charged.
CREATE FUNCTION federated.uncharged(attempt federated.secagg_attempts, session federated.sessions) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	charge federated.privacy_charges;
BEGIN
	SELECT c.* INTO charge
	FROM federated.rounds r
	JOIN federated.privacy_charges c ON c.version_id = r.result_version_id AND c.round_id = r.id AND c.mechanism = 'distributed'
	WHERE r.id = attempt.round_id AND r.kind = 'train';
	RETURN CASE
		WHEN charge.id IS NULL THEN 'no charge'
		WHEN charge.clip_norm <> attempt.clip OR charge.grid <> attempt.clip / attempt.levels THEN 'the charge of another clip norm'
		WHEN charge.noise_variance <> federated.honest_updates(session.config) * attempt.noise_var
			OR charge.noise_multiplier <> (session.config -> 'dp_sigma')::float8
			OR (charge.count_noise IS NULL) <> (attempt.aux_noise_var = 0) THEN 'the charge of other noise'
		WHEN charge.cohort <> cardinality(federated.summed_set(attempt.id))
			OR charge.cohort < federated.fewest_updates(session) THEN format('the charge of %s updates', charge.cohort) END;
END
$$;
COMMENT ON FUNCTION federated.uncharged(federated.secagg_attempts, federated.sessions) IS
	'What an attempt of a private session has instead of the charge of what it reveals; NULL if it has that';

CREATE FUNCTION federated.guard_secagg_charge() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions;
	has text;
BEGIN
	IF new.state NOT IN ('agree', 'reveal', 'sum', 'done') OR TG_OP = 'UPDATE' AND old.state = new.state THEN
		RETURN new;
	END IF;
	SELECT * INTO session FROM federated.sessions s WHERE s.id = new.session_id;
	IF NOT federated.is_private(session.config) THEN
		RETURN new;
	ELSIF new.state = 'agree' THEN
		has := (SELECT 'the result of another' FROM federated.rounds r WHERE r.id = new.round_id AND r.result_version_id IS NOT NULL);
	ELSE
		has := federated.uncharged(new, session);
	END IF;
	IF has IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s cannot come to "%s": it has %s', new.attempt, new.round_no, new.state, has),
			DETAIL = 'In a private session each sum is charged with its own numbers before a share of it may be revealed.';
	END IF;
	RETURN new;
END
$$;
COMMENT ON FUNCTION federated.guard_secagg_charge() IS
	'Trigger: nothing of a private session is revealed without its charge (55000), and no charge serves two attempts';

CREATE TRIGGER need_charge BEFORE INSERT OR UPDATE ON federated.secagg_attempts
	FOR EACH ROW EXECUTE FUNCTION federated.guard_secagg_charge();
