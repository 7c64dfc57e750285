-- Secure aggregation: giving up an attempt before it is revealed, and giving it more time ----------------

CREATE FUNCTION federated.fail_session(session federated.sessions, reason text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Trained is trained: what goes wrong while the last version is only evaluated costs the evaluation.
	IF (SELECT r.kind = 'evaluate' FROM federated.open_round_of(session.id) r) THEN
		UPDATE federated.sessions s SET stop_reason = coalesce(s.stop_reason, 'not evaluated: ' || fail_session.reason)
		WHERE s.id = session.id RETURNING * INTO session;
		RETURN federated.complete_session(session);
	END IF;
	PERFORM federated.end_session(session.id, 'failed', reason);
	RETURN 'session_failed';
END
$$;
COMMENT ON FUNCTION federated.fail_session(federated.sessions, text) IS
	'Fail a session, or complete it when it was only about the evaluation after the last round; the name of that step';

-- Updates, envelopes and aux values of an attempt that was given up are never used again.
CREATE FUNCTION federated.clear_attempt(attempt federated.secagg_attempts) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM federated.secagg_envelopes e WHERE e.attempt_id = attempt.id;
	DELETE FROM federated.secagg_aux x WHERE x.attempt_id = attempt.id;
	DELETE FROM federated.secagg_reveals r WHERE r.attempt_id = attempt.id;
END
$$;
COMMENT ON FUNCTION federated.clear_attempt(federated.secagg_attempts) IS
	'Give up what an attempt has stored of shares and masked values; who took part, signatures and hashes stay';

CREATE FUNCTION federated.give_up_attempt(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts,
										  why text) RETURNS federated.secagg_attempts
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.secagg_attempts a SET state = 'aborted', reason = why, ended_at = now()
	WHERE a.id = attempt.id AND a.state IN ('advertise', 'share', 'mask', 'agree') RETURNING * INTO STRICT attempt;
	PERFORM federated.clear_attempt(attempt);
	UPDATE federated.updates u SET state = 'abandoned', position = NULL, weight = NULL
	WHERE u.round_id = round.id AND u.state IN ('uploading', 'accepted');
	PERFORM federated.retire_updates(round);
	PERFORM federated.abandon_result(round);
	UPDATE federated.participants p SET status = 'training'
	WHERE p.session_id = session.id AND p.status = 'gradient_sent';
	-- Who has left since is not asked again: its update went with the attempt.
	UPDATE federated.tasks t
	SET state = CASE WHEN p.left_at IS NULL THEN 'assigned' ELSE 'dropped' END,
		reason = CASE WHEN p.left_at IS NOT NULL THEN 'left' END, finished_at = p.left_at
	FROM federated.participants p
	WHERE t.round_id = round.id AND t.state = 'done' AND p.session_id = session.id AND p.island_id = t.island_id;
	PERFORM federated.log_stage(attempt, jsonb_build_object('reason', why));
	RETURN attempt;
END
$$;
COMMENT ON FUNCTION federated.give_up_attempt(federated.sessions, federated.rounds, federated.secagg_attempts, text) IS
	'Abort an attempt that is not revealed; its updates and shares go';

CREATE FUNCTION federated.call_back(session federated.sessions, round federated.rounds, islands bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.assign_task(round, t.island_id)
	FROM federated.tasks t
	JOIN federated.islands i ON i.id = t.island_id
	JOIN federated.participants p ON p.session_id = session.id AND p.island_id = t.island_id
	WHERE t.round_id = round.id AND t.state IN ('dropped', 'declined') AND p.left_at IS NULL
	  AND t.island_id = ANY (islands) AND federated.is_alive(session, t.island_id);
END
$$;
COMMENT ON FUNCTION federated.call_back(federated.sessions, federated.rounds, bigint[]) IS
	'Give those Islands of a round their tasks again that had dropped out and are back';

CREATE FUNCTION federated.try_again(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts, why text,
									accused bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	left_out CONSTANT bigint[] := attempt.excluded || CASE WHEN accused IS NOT NULL THEN ARRAY[accused] ELSE '{}' END;
	table_name CONSTANT name := format('round_%s_%s', round.id, attempt.attempt + 1);
BEGIN
	attempt := federated.give_up_attempt(session, round, attempt, why);
	IF attempt.attempt >= (session.config -> 'secagg_max_attempts')::integer THEN
		RETURN federated.fail_session(session, format('secure aggregation of round %s gave up after %s attempts: %s',
													  attempt.round_no, attempt.attempt, why));
	END IF;
	UPDATE federated.rounds r
	SET state = 'open', frozen_at = NULL, deadline = now() + federated.round_timeout(session),
		relation = CASE WHEN r.relation IS NOT NULL THEN table_name END
	WHERE r.id = round.id RETURNING * INTO round;
	PERFORM federated.create_page_table(round.relation) WHERE round.relation IS NOT NULL;
	PERFORM federated.drop_participant(session.id, round.id, accused, 'dropped', 'its shares do not open');
	PERFORM federated.call_back(session, round, ARRAY(SELECT t.island_id FROM federated.tasks t
													  WHERE t.round_id = round.id AND t.island_id <> ALL (left_out)));
	PERFORM federated.begin_attempt(session, round, attempt.attempt + 1, left_out);
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'secagg_retried');
END
$$;
COMMENT ON FUNCTION federated.try_again(federated.sessions, federated.rounds, federated.secagg_attempts, text, bigint) IS
	'Abort an attempt and begin the next, without an Island whose shares others could not open; after the last the session fails';

CREATE FUNCTION federated.extend_attempt(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts,
										 there bigint, needed integer) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF round.kind = 'evaluate' OR round.extensions >= (session.config -> 'max_extensions')::integer THEN
		RETURN federated.fail_session(session, format('round %s had %s of %s Islands in state "%s" of secure aggregation after %s extensions',
			round.round_no, there, needed, attempt.state, round.extensions));
	END IF;
	UPDATE federated.rounds r SET deadline = greatest(r.deadline, now() + federated.round_timeout(session)), extensions = r.extensions + 1
	WHERE r.id = round.id RETURNING * INTO round;
	UPDATE federated.secagg_attempts a
	SET extensions = a.extensions + 1, deadline = now() + federated.stage_timeout(session, a.state) WHERE a.id = attempt.id;
	-- Who is in the roster and fell out may come back; in state advertise, whoever has a task.
	PERFORM federated.call_back(session, round, ARRAY(
		SELECT t.island_id FROM federated.tasks t
		LEFT JOIN federated.secagg_members m ON m.attempt_id = attempt.id AND m.island_id = t.island_id
		WHERE t.round_id = round.id AND t.island_id <> ALL (attempt.excluded)
		  AND (attempt.state = 'advertise' OR m.shared_at IS NOT NULL)));
	PERFORM federated.log_event(session.id, 'round_extended', jsonb_build_object(
		'round', round.round_no, 'updates', there, 'needed', needed, 'deadline', round.deadline, 'secagg_state', attempt.state));
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'round_extended');
END
$$;
COMMENT ON FUNCTION federated.extend_attempt(federated.sessions, federated.rounds, federated.secagg_attempts, bigint, integer) IS
	'Give the current stage of an attempt more time; the session fails after max_extensions';
