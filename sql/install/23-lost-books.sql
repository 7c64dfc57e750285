-- Differential privacy: books that may have lost charges ----------------------------------------------
-- An asynchronous standby that was promoted, or a backup that was restored, may
-- not know of rounds whose models are out. Nobody but an administrator can say
-- how many they were.

CREATE FUNCTION federated.world_name() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('%s/%s/%s', c.system_identifier, c.database_oid, c.timeline) FROM federated.cluster_identity() c $$;
COMMENT ON FUNCTION federated.world_name() IS 'Cluster, database and timeline that this is, as a text';

CREATE FUNCTION federated.books_in_doubt(session federated.sessions) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	world CONSTANT text := federated.world_name();
	own CONSTANT text := format('%s/%s/%s', session.system_identifier, session.database_oid, session.timeline);
BEGIN
	RETURN federated.is_private(session.config) AND world <> own AND session.books_checked IS DISTINCT FROM world
		AND NOT (federated.at_home(session) AND federated.setting('failover_keeps_books')::boolean);
END
$$;
COMMENT ON FUNCTION federated.books_in_doubt(federated.sessions) IS
	'Whether a private session may have spent more than its charges say: it finds itself in another cluster or timeline, and nobody has said what was lost';

CREATE FUNCTION federated.require_books(session federated.sessions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF federated.books_in_doubt(session) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('session %s may have spent more privacy than its charges say', session.id),
			DETAIL = 'It ran in another cluster or before a failover or recovery, and rounds whose models are out may be missing here.',
			HINT = 'An administrator says how many: SELECT federated_charge_lost_rounds(session_id, rounds, reason); 0 if none can be.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_books(federated.sessions) IS
	'Refuse (55000) to go on with a private session while nobody has said what its books have lost';

CREATE FUNCTION federated.charge_lost(session federated.sessions, rounds integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost federated.rounds;
	charge federated.privacy_charges;
BEGIN
	lost.round_no := session.current_round;
	-- So many of how many, nobody knows: perhaps of as many.
	lost.sampling_rate := CASE session.config ->> 'dp_sampling' WHEN 'fixed' THEN 1 ELSE federated.drawn_rate(session.config, 1) END;
	charge := federated.new_charge(session, lost);
	INSERT INTO federated.privacy_charges (session_id, round_no, mechanism, noise_multiplier, update_noise_multiplier, clip_norm, grid,
		noise_variance, divisor, sampling, sampling_rate, cohort, delta, count_noise, lost)
	SELECT charge.session_id, charge.round_no, charge.mechanism, charge.noise_multiplier, charge.update_noise_multiplier,
		   charge.clip_norm, charge.grid, charge.noise_variance, charge.divisor, charge.sampling, charge.sampling_rate, 0, charge.delta,
		   charge.count_noise, true
	FROM generate_series(1, rounds);
END
$$;
COMMENT ON FUNCTION federated.charge_lost(federated.sessions, integer) IS
	'So many charges with a session''s noise and sampling, of rounds that nothing else is known of';

CREATE FUNCTION @extschema@.federated_charge_lost_rounds(session_id uuid, rounds integer, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions;
	problem text;
BEGIN
	PERFORM federated.require_role('federated_admin', 'charge lost rounds');
	PERFORM federated.require_argument('rounds', rounds), federated.require_argument('reason', reason);
	PERFORM federated.require_read_committed();
	session := federated.get_session(session_id);
	IF rounds NOT BETWEEN 0 AND 10000 OR reason = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'lost rounds cannot be charged like this',
			DETAIL = format('Given %s rounds and the reason "%s"; allowed 0 to 10000, and a reason.', rounds, left(reason, 200));
	ELSIF NOT federated.is_private(session.config) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('session %s has no differential privacy', session_id),
			DETAIL = 'Nothing is charged to it.';
	END IF;
	PERFORM federated.limit_idle();
	SELECT * INTO session FROM federated.sessions s WHERE s.id = session.id FOR NO KEY UPDATE;
	problem := federated.settle_privacy(session);
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('session %s cannot have spent anything', session_id),
			DETAIL = problem || '.';
	END IF;
	PERFORM federated.charge_lost(session, rounds);
	UPDATE federated.sessions s SET books_checked = federated.world_name() WHERE s.id = session.id;
	PERFORM federated.log_event(session.id, 'lost_rounds_charged', jsonb_build_object('rounds', rounds, 'reason', left(reason, 1000)));
	PERFORM federated.make_durable();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_charge_lost_rounds(uuid, integer, text) IS
	'Say how many rounds of a private session the books may have lost in a failover or a restore, and charge them; 0: none. It can be resumed then';
GRANT EXECUTE ON FUNCTION @extschema@.federated_charge_lost_rounds(uuid, integer, text) TO federated_admin;
