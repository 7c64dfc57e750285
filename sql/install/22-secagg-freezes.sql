-- Secure aggregation: the next stage of an attempt ----------------------------------------------------
-- Each set is fixed by the UPDATE that changes the state; messages after it are
-- refused. What was fixed is in the row when others see the state.

CREATE FUNCTION federated.drop_members(session federated.sessions, round federated.rounds, islands bigint[], why text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	late bigint;
BEGIN
	FOR late IN
		SELECT i.id FROM federated.islands i WHERE i.id = ANY (islands) ORDER BY i.host_id COLLATE "C"
	LOOP
		PERFORM federated.drop_participant(session.id, round.id, late, 'dropped', why);
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.drop_members(federated.sessions, federated.rounds, bigint[], text) IS 'Drop Islands from a round that missed a stage';

CREATE FUNCTION federated.freeze_roster(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	advs bytea[];
	threshold integer;
BEGIN
	UPDATE federated.secagg_members m SET u = roster.place
	FROM (SELECT r.island_id, row_number() OVER (ORDER BY r.pid) AS place
		  FROM federated.secagg_members r JOIN federated.tasks t ON t.round_id = round.id AND t.island_id = r.island_id
		  WHERE r.attempt_id = attempt.id AND t.state = 'assigned') roster
	WHERE m.attempt_id = attempt.id AND m.island_id = roster.island_id;
	SELECT array_agg(m.adv ORDER BY m.u) INTO advs FROM federated.secagg_members m WHERE m.attempt_id = attempt.id AND m.u IS NOT NULL;
	threshold := federated.secagg_threshold(attempt.mode, cardinality(advs));
	UPDATE federated.secagg_attempts a
	SET state = 'share', n = cardinality(advs), t = threshold, extensions = 0, deadline = now() + federated.stage_timeout(session, 'share'),
		ctx = federated.secagg_ctx(a.c0, threshold, (session.config -> 'secagg_max_cohort')::integer, advs)
	WHERE a.id = attempt.id AND a.state = 'advertise' RETURNING * INTO STRICT attempt;
	PERFORM federated.drop_members(session, round, ARRAY(
		SELECT t.island_id FROM federated.tasks t WHERE t.round_id = round.id AND t.state = 'assigned'
		  AND NOT EXISTS (SELECT FROM federated.secagg_members m WHERE m.attempt_id = attempt.id AND m.island_id = t.island_id)),
		'missed the roster');
	PERFORM federated.log_stage(attempt, jsonb_build_object('n', attempt.n, 't', attempt.t, 'ctx', encode(attempt.ctx, 'hex')));
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'secagg_roster_frozen');
END
$$;
COMMENT ON FUNCTION federated.freeze_roster(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'U1: who has advertised and is here makes the roster; u, n, t and ctx follow from it';

CREATE FUNCTION federated.freeze_shares(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.secagg_attempts a SET state = 'mask', extensions = 0, deadline = NULL
	WHERE a.id = attempt.id AND a.state = 'share' RETURNING * INTO STRICT attempt;
	PERFORM federated.drop_members(session, round, ARRAY(
		SELECT m.island_id FROM federated.secagg_members m WHERE m.attempt_id = attempt.id AND m.u IS NOT NULL AND m.shared_at IS NULL),
		'missed sending its shares');
	PERFORM federated.log_stage(attempt, jsonb_build_object('shared', cardinality(federated.shared_set(attempt.id))));
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'secagg_shares_frozen');
END
$$;
COMMENT ON FUNCTION federated.freeze_shares(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'U2: who has shared may mask; masks between all of them are in every update';

-- U3, and which secret of each Island may be revealed: both by the UPDATE of the
-- attempt (freeze_secagg_owners).
CREATE FUNCTION federated.freeze_sum(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	next_state CONSTANT text := CASE WHEN federated.waits_in_agree(attempt) THEN 'agree' ELSE 'reveal' END;
BEGIN
	UPDATE federated.rounds r SET state = 'aggregating', frozen_at = clock_timestamp()
	WHERE r.id = round.id AND r.state = 'open' RETURNING * INTO STRICT round;
	UPDATE federated.secagg_attempts a SET state = next_state, extensions = 0, deadline = now() + federated.stage_timeout(session, next_state)
	WHERE a.id = attempt.id AND a.state = 'mask' RETURNING * INTO STRICT attempt;
	PERFORM federated.drop_members(session, round, ARRAY(
		SELECT t.island_id FROM federated.tasks t WHERE t.round_id = round.id AND t.state = 'assigned'), 'missed the deadline');
	PERFORM federated.count_samples(session, round);
	PERFORM federated.plan_weights(round);
	PERFORM federated.log_event(session.id, 'round_frozen',
		jsonb_build_object('round', round.round_no, 'kind', round.kind, 'updates', cardinality(federated.summed_set(attempt.id))));
	PERFORM federated.log_stage(attempt, jsonb_build_object('shared', cardinality(federated.shared_set(attempt.id)),
		'summed', cardinality(federated.summed_set(attempt.id)), 'sets', encode(attempt.sets, 'hex')));
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'round_frozen');
END
$$;
COMMENT ON FUNCTION federated.freeze_sum(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'U3: whose update is in when this statement is reached is summed, and nobody else ever';

CREATE FUNCTION federated.open_reveal(session federated.sessions, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.secagg_attempts a SET state = 'reveal', deadline = now() + federated.stage_timeout(session, 'reveal')
	WHERE a.id = attempt.id AND a.state = 'agree' RETURNING * INTO STRICT attempt;
	PERFORM federated.log_stage(attempt, jsonb_build_object(
		'agreed', (SELECT count(m.agreement) FROM federated.secagg_members m WHERE m.attempt_id = attempt.id)));
	PERFORM federated.announce_task(session.id);
	RETURN 'secagg_reveal_opened';
END
$$;
COMMENT ON FUNCTION federated.open_reveal(federated.sessions, federated.secagg_attempts) IS
	'U4: who has signed may reveal, in mode semi_honest everybody in the set. From here the attempt is never given up for another';
