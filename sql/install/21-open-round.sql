-- The state machine 1: recruiting and opening rounds ------------------------------------------
-- Each function takes one step of a session whose row the caller has locked,
-- and says which.

CREATE FUNCTION federated.places_left(session federated.sessions) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest(0, ($1.config -> 'max_participants')::bigint - count(*))
	FROM federated.participants p WHERE p.session_id = $1.id AND p.left_at IS NULL
$$;
COMMENT ON FUNCTION federated.places_left(federated.sessions) IS
	'How many more Islands a session may invite; who has left for good makes room';

CREATE FUNCTION federated.admits(session federated.sessions, island_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN session.config ->> 'secagg_mode' IS DISTINCT FROM 'active'
		OR EXISTS (SELECT FROM federated.island_identities i WHERE i.island_id = admits.island_id);
END
$$;
COMMENT ON FUNCTION federated.admits(federated.sessions, bigint) IS
	'Whether a session takes an eligible Island: in mode active of secure aggregation only one with an identity';

CREATE FUNCTION federated.invite_islands(session federated.sessions) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island record;
	invited integer := 0;
BEGIN
	FOR island IN
		SELECT e.island_id, e.host_id, c.num_samples
		FROM federated.eligibility(session.workload_id) e
		JOIN federated.consents c ON c.island_id = e.island_id AND c.workload_id = session.workload_id
		WHERE e.reason IS NULL AND federated.admits(session, e.island_id)
		  AND NOT EXISTS (SELECT FROM federated.participants p WHERE p.session_id = session.id AND p.island_id = e.island_id)
		ORDER BY e.host_id COLLATE "C"
		LIMIT federated.places_left(session)
	LOOP
		INSERT INTO federated.participants (session_id, island_id, total_samples)
		VALUES (session.id, island.island_id,
				CASE WHEN coalesce(session.config ->> 'secagg_weights', 'declared') = 'declared' THEN island.num_samples END);
		PERFORM federated.log_event(session.id, 'participant_invited', jsonb_build_object('host_id', island.host_id));
		invited := invited + 1;
	END LOOP;
	RETURN invited;
END
$$;
COMMENT ON FUNCTION federated.invite_islands(federated.sessions) IS 'Take in every eligible Island that there is room for';

CREATE FUNCTION federated.is_alive(session federated.sessions, island_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN federated.last_sign($1, $2) >= now() - federated.heartbeat_timeout($1)
	   AND NOT EXISTS (SELECT FROM federated.islands i WHERE i.id = $2 AND i.suspended_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION federated.is_alive(federated.sessions, bigint) IS
	'Whether an Island was heard from within the session''s heartbeat_timeout and is not suspended';

CREATE FUNCTION federated.recruit(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted integer := (session.config -> 'min_participants')::integer;
	ready integer;
	problem text;
BEGIN
	IF federated.invite_islands(session) > 0 THEN
		RETURN 'islands_invited';
	END IF;
	SELECT count(*) INTO ready FROM federated.participants p
	WHERE p.session_id = session.id AND p.left_at IS NULL AND federated.is_alive(session, p.island_id);

	IF ready >= wanted THEN
		UPDATE federated.sessions s SET status = 'training', started_at = now()
		WHERE s.id = session.id AND s.status = 'recruiting'
		RETURNING * INTO session;
		problem := federated.settle_privacy(session);
		IF problem IS NOT NULL THEN
			PERFORM federated.end_session(session.id, 'failed', problem);
			RETURN 'session_failed';
		END IF;
		PERFORM federated.store_task_text(session) WHERE federated.uses_secagg(session.config);
		PERFORM federated.log_event(session.id, 'session_started', jsonb_build_object('participants', ready));
		RETURN federated.open_round(session);
	ELSIF session.recruit_deadline <= now() THEN
		PERFORM federated.end_session(session.id, 'failed',
			format('%s of %s required participants were found in time', ready, wanted));
		RETURN 'session_failed';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.recruit(federated.sessions) IS
	'Invite Islands; start when min_participants are there, fail when the time for that is over';

-- Whoever is silent when a round opens is out of it.
CREATE FUNCTION federated.drop_silent(session federated.sessions) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island_id bigint;
BEGIN
	FOR island_id IN
		SELECT p.island_id FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id
		WHERE p.session_id = session.id AND p.status <> 'dropped' AND NOT federated.is_alive(session, p.island_id)
		ORDER BY i.host_id COLLATE "C"
	LOOP
		PERFORM federated.mark_dropped(session.id, island_id, federated.absence_reason(session, island_id));
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.drop_silent(federated.sessions) IS 'Mark participants that are silent or suspended as dropped';

CREATE FUNCTION federated.absence_reason(session federated.sessions, island_id bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT format('suspended: %s', i.suspend_reason) FROM federated.islands i
					 WHERE i.id = $2 AND i.suspended_at IS NOT NULL),
					format('not heard from for more than %s s', $1.config ->> 'heartbeat_timeout'))
$$;
COMMENT ON FUNCTION federated.absence_reason(federated.sessions, bigint) IS 'Why an Island that is not alive is not';

-- Seeded: the same session, seed, round and participants choose the same Islands.
CREATE FUNCTION federated.sample_participants(session federated.sessions, round_no integer) RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH candidates AS (
		SELECT p.island_id,
			   row_number() OVER (ORDER BY sha256(convert_to(format('%s/%s/%s', $1.seed, $2, i.host_id), 'UTF8'))) AS place,
			   count(*) OVER () AS total
		FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id
		WHERE p.session_id = $1.id AND p.left_at IS NULL AND federated.is_alive($1, p.island_id)
	)
	SELECT c.island_id FROM candidates c
	WHERE c.place <= federated.sample_size($1.config, c.total)
$$;
COMMENT ON FUNCTION federated.sample_participants(federated.sessions, integer) IS
	'Islands of a round: a seeded sample of the participants that are there';

CREATE FUNCTION federated.assign_task(round federated.rounds, island_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	was text;
BEGIN
	INSERT INTO federated.tasks AS t (round_id, island_id) VALUES (round.id, island_id)
	ON CONFLICT ON CONSTRAINT tasks_pkey DO UPDATE
		SET state = 'assigned', reason = NULL, finished_at = NULL
		WHERE t.state IN ('dropped', 'declined');
	SELECT p.status INTO was FROM federated.participants p
	WHERE p.session_id = round.session_id AND p.island_id = assign_task.island_id;
	UPDATE federated.participants p
	SET status = CASE WHEN was = 'invited' THEN 'invited' ELSE 'training' END, reason = NULL
	WHERE p.session_id = round.session_id AND p.island_id = assign_task.island_id;
	IF was = 'dropped' THEN
		PERFORM federated.log_event(round.session_id, 'participant_returned',
			jsonb_build_object('host_id', (SELECT i.host_id FROM federated.islands i WHERE i.id = island_id)));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.assign_task(federated.rounds, bigint) IS
	'Give a participant its task in a round; one that had dropped out is back with it';

-- Otherwise drop-outs of many rounds would add up to more than half, with everybody there.
CREATE FUNCTION federated.welcome_back(session federated.sessions) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island record;
BEGIN
	FOR island IN
		SELECT p.island_id, i.host_id FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id
		WHERE p.session_id = session.id AND p.left_at IS NULL AND p.status = 'dropped'
		  AND federated.is_alive(session, p.island_id)
		ORDER BY i.host_id COLLATE "C"
	LOOP
		UPDATE federated.participants p SET status = 'invited', reason = NULL
		WHERE p.session_id = session.id AND p.island_id = island.island_id AND p.status = 'dropped';
		PERFORM federated.log_event(session.id, 'participant_returned', jsonb_build_object('host_id', island.host_id));
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.welcome_back(federated.sessions) IS
	'Who dropped out earlier and is there again, but was not chosen, waits for the next round';

CREATE FUNCTION federated.trains_next(session federated.sessions) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1.current_round < $1.total_rounds AND $1.stop_reason IS NULL $$;
COMMENT ON FUNCTION federated.trains_next(federated.sessions) IS
	'Whether the next round trains; else it only evaluates the last version';

CREATE FUNCTION federated.insert_round(session federated.sessions, present bigint) RETURNS federated.rounds
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	round federated.rounds;
	trains boolean := federated.trains_next(session);
BEGIN
	INSERT INTO federated.rounds (session_id, round_no, kind, base_version_id, deadline, unlogged, sampling_rate)
	VALUES (session.id, CASE WHEN trains THEN session.current_round + 1 ELSE session.current_round END,
			CASE WHEN trains THEN 'train' ELSE 'evaluate' END, session.current_version_id,
			now() + federated.round_timeout(session),
			trains AND federated.setting('update_durability') = 'unlogged' AND NOT federated.uses_secagg(session.config),
			CASE WHEN trains THEN federated.drawn_rate(session.config, present) ELSE 1 END)
	RETURNING * INTO round;
	IF trains THEN
		UPDATE federated.rounds r SET relation = 'round_' || r.id WHERE r.id = round.id RETURNING * INTO round;
		PERFORM federated.create_page_table(round.relation, round.unlogged);
		PERFORM federated.mark_page_table(round.relation) WHERE round.unlogged;
		UPDATE federated.sessions s SET current_round = round.round_no WHERE s.id = session.id;
	END IF;
	RETURN round;
END
$$;
COMMENT ON FUNCTION federated.insert_round(federated.sessions, bigint) IS
	'The next round of a session, of so many participants that are there: it trains, or, after the last one, only evaluates';

CREATE FUNCTION federated.open_round(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	round federated.rounds;
	island_id bigint;
	too_few text;
	present bigint[];
	wanted bigint[];
BEGIN
	IF (session.config -> 'allow_join')::boolean AND session.current_round > 0 THEN
		PERFORM federated.invite_islands(session);
	END IF;
	PERFORM federated.drop_silent(session);
	-- One sample for all: what the round can cost, and who has a task in it.
	present := ARRAY(SELECT federated.present_participants(session));
	wanted := ARRAY(SELECT federated.choose_participants(session, session.current_round + 1, present));
	IF cardinality(present) = 0 OR federated.dropped_now(session) * 2 > (SELECT count(*) FROM federated.participants p WHERE p.session_id = session.id) THEN
		-- Trained is trained: without Islands the last version is not evaluated.
		IF NOT federated.trains_next(session) THEN
			RETURN federated.complete_session(session);
		END IF;
		too_few := coalesce(federated.too_few_left(session.id), 'no participant is there');
		PERFORM federated.end_session(session.id, 'failed', too_few);
		RETURN 'session_failed';
	END IF;

	IF federated.trains_next(session) THEN
		session := federated.stop_unaffordable(session, cardinality(wanted), cardinality(present));
		IF session.finished_at IS NOT NULL THEN
			RETURN 'session_failed';
		END IF;
	END IF;
	-- Without metrics there is nothing to evaluate for.
	IF NOT federated.trains_next(session) AND session.config ->> 'secagg_metrics' = 'none' THEN
		RETURN federated.complete_session(session);
	END IF;
	round := federated.insert_round(session, cardinality(present));
	IF round.kind = 'evaluate' THEN
		wanted := ARRAY(SELECT * FROM federated.sample_participants(session, round.round_no));
	END IF;
	-- Who is not chosen waits.
	UPDATE federated.participants p SET status = 'invited', reason = NULL
	WHERE p.session_id = session.id AND p.left_at IS NULL AND p.status = 'gradient_sent';
	FOREACH island_id IN ARRAY wanted
	LOOP
		PERFORM federated.assign_task(round, island_id);
	END LOOP;
	PERFORM federated.welcome_back(session);
	IF federated.masks_round(session, round.kind) THEN
		PERFORM federated.begin_attempt(session, round, 1, '{}');
	END IF;

	PERFORM federated.log_opened(session, round);
	PERFORM federated.announce_task(session.id);
	RETURN 'round_opened';
END
$$;
COMMENT ON FUNCTION federated.open_round(federated.sessions) IS
	'Open the next round, or fail when more than half of the participants are gone';

CREATE FUNCTION federated.log_opened(session federated.sessions, round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen CONSTANT text[] := ARRAY(
		SELECT i.host_id FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
		WHERE t.round_id = round.id ORDER BY i.host_id COLLATE "C");
	secret CONSTANT boolean := federated.draws_islands(session.config);
BEGIN
	PERFORM federated.log_event(session.id, 'round_opened',
		jsonb_build_object('round', round.round_no, 'kind', round.kind, 'version_id', round.base_version_id,
						   'islands', CASE WHEN NOT secret THEN chosen END, 'deadline', round.deadline));
	IF secret THEN
		PERFORM federated.log_event(session.id, 'islands_drawn', jsonb_build_object('round', round.round_no, 'islands', chosen));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.log_opened(federated.sessions, federated.rounds) IS
	'Log that a round was opened and with whom; who was drawn in secret stands in an event of its own';

-- Those who dropped out of the last round but are there again do not count.
CREATE FUNCTION federated.dropped_now(session federated.sessions) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT count(*) FROM federated.participants p
	WHERE p.session_id = $1.id AND p.status = 'dropped'
	  AND (p.left_at IS NOT NULL OR NOT federated.is_alive($1, p.island_id))
$$;
COMMENT ON FUNCTION federated.dropped_now(federated.sessions) IS 'Participants that are out and cannot come back now';
