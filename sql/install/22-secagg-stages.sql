-- Secure aggregation 5: the stages of an attempt --------------------------------------------------
-- Steps of the state machine (24). advance() holds the session's row and, until
-- shares are there, the round's gate: no message gets in beside it. Each set is
-- fixed by the UPDATE that changes the state; messages after it are refused.

CREATE FUNCTION federated.fewest_updates(session federated.sessions) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest(($1.config -> 'min_updates')::integer, 3) $$;
COMMENT ON FUNCTION federated.fewest_updates(federated.sessions) IS 'Fewest Islands that a session lets into a sum';

-- Numbers of an attempt's members, as they are now.
CREATE FUNCTION federated.attempt_counts(attempt federated.secagg_attempts, OUT tasks bigint, OUT advertised bigint, OUT missing bigint,
										 OUT shared bigint, OUT sharing bigint, OUT masking bigint, OUT committed bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT count(*) FILTER (WHERE t.state = 'assigned'),
		   count(*) FILTER (WHERE t.state = 'assigned' AND m.adv IS NOT NULL),
		   count(*) FILTER (WHERE t.state = 'assigned' AND m.adv IS NULL),
		   count(*) FILTER (WHERE m.shared_at IS NOT NULL),
		   count(*) FILTER (WHERE t.state = 'assigned' AND m.u IS NOT NULL AND m.shared_at IS NULL),
		   count(*) FILTER (WHERE t.state = 'assigned' AND m.shared_at IS NOT NULL),
		   count(*) FILTER (WHERE t.state = 'done' AND m.shared_at IS NOT NULL)
	FROM federated.tasks t
	LEFT JOIN federated.secagg_members m ON m.attempt_id = $1.id AND m.island_id = t.island_id
	WHERE t.round_id = $1.round_id
$$;
COMMENT ON FUNCTION federated.attempt_counts(federated.secagg_attempts) IS
	'Islands with a task; of these who has advertised and who has not; who has shared; who is still to share, to upload, and has committed';

CREATE FUNCTION federated.silence_due(session federated.sessions, round federated.rounds) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT CASE WHEN bool_or(i.suspended_at IS NOT NULL) THEN now()
						ELSE min(federated.last_sign(session, t.island_id)) + federated.heartbeat_timeout(session) END
			FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
			WHERE t.round_id = round.id AND t.state = 'assigned');
END
$$;
COMMENT ON FUNCTION federated.silence_due(federated.sessions, federated.rounds) IS
	'When the next Island with a task in a round counts as silent; NULL when nobody has one';

CREATE FUNCTION federated.attempt_elsewhere(attempt federated.secagg_attempts) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN attempt.state IN ('advertise', 'share', 'mask', 'agree')
		AND (SELECT (w.system_identifier, w.database_oid, w.timeline) IS DISTINCT FROM
					(attempt.system_identifier, attempt.database_oid, attempt.timeline) FROM federated.cluster_identity() w);
END
$$;
COMMENT ON FUNCTION federated.attempt_elsewhere(federated.secagg_attempts) IS
	'Whether an attempt that is not revealed began in another cluster or on another timeline: another set could have been frozen there';

-- U2's complaints: an owner of whom more than n - t cannot reveal would never be opened.
CREATE FUNCTION federated.accused_owner(attempt federated.secagg_attempts) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.island_id
	FROM federated.secagg_members m CROSS JOIN LATERAL unnest(m.complaints) accused
	JOIN federated.secagg_members o ON o.attempt_id = m.attempt_id AND o.u = accused
	WHERE m.attempt_id = $1.id
	GROUP BY o.island_id HAVING count(*) > $1.n - $1.t
	ORDER BY count(*) DESC, o.island_id LIMIT 1
$$;
COMMENT ON FUNCTION federated.accused_owner(federated.secagg_attempts) IS
	'An Island of which more than n - t say that its envelopes do not open; NULL if there is none';

-- Revealing is the point of no return: it is not opened if it could not come to
-- t shares of everybody, as too many of those who are left to reveal complain
-- of the same Island.
CREATE FUNCTION federated.can_open(attempt federated.secagg_attempts) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH revealers AS (
		SELECT m.complaints FROM federated.secagg_members m
		WHERE m.attempt_id = $1.id AND m.shared_at IS NOT NULL AND CASE
			WHEN $1.state = 'agree' AND $1.mode = 'active' THEN m.agreement IS NOT NULL
			ELSE EXISTS (SELECT FROM federated.updates u
						 WHERE u.round_id = $1.round_id AND u.island_id = m.island_id AND u.state = 'accepted'
						   AND u.secagg_attempt = $1.attempt) END
	)
	SELECT (SELECT count(*) FROM revealers) >= $1.t + coalesce(
		(SELECT max(accused.times) FROM (SELECT count(*) AS times FROM revealers r, unnest(r.complaints) o GROUP BY o) accused), 0)
$$;
COMMENT ON FUNCTION federated.can_open(federated.secagg_attempts) IS
	'Whether those whose update is in, or who have signed where Islands sign, hold t shares of every Island';

-- Whether shares are enough for every owner, and some have come since the last look.
CREATE FUNCTION federated.shares_due(attempt federated.secagg_attempts) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(bool_and(have.shares >= $1.t), false) AND sum(have.shares) > $1.checked
	FROM (SELECT count(r.revealer) AS shares
		  FROM federated.secagg_owners o
		  LEFT JOIN federated.secagg_reveals r ON r.attempt_id = o.attempt_id AND r.owner = o.owner
		  WHERE o.attempt_id = $1.id GROUP BY o.owner) have
$$;
COMMENT ON FUNCTION federated.shares_due(federated.secagg_attempts) IS
	'Whether t shares are there for everybody, and more than when they were last put together';

-- When the next step of an attempt is due. The stages below do what is due and
-- nothing else, so that they cannot be due for ever.
CREATE FUNCTION federated.attempt_due(session federated.sessions, round federated.rounds) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attempt federated.secagg_attempts := federated.live_attempt(round.id);
	counts record;
BEGIN
	IF attempt.id IS NULL OR attempt.state = 'sum' OR federated.attempt_elsewhere(attempt) THEN
		RETURN now();
	ELSIF attempt.state = 'reveal' THEN
		RETURN CASE WHEN federated.shares_due(attempt) THEN now() ELSE attempt.deadline END;
	ELSIF attempt.state = 'agree' THEN
		RETURN federated.agreement_due(attempt);
	END IF;
	SELECT * INTO counts FROM federated.attempt_counts(attempt);
	IF (CASE attempt.state
		   WHEN 'advertise' THEN counts.missing = 0 AND counts.advertised >= federated.fewest_updates(session)
		   WHEN 'share' THEN counts.sharing = 0
		   ELSE counts.masking = 0 AND counts.committed >= federated.fewest_summed(session, attempt)
				OR counts.masking + counts.committed < federated.fewest_summed(session, attempt) AND attempt.extensions > 0
				OR federated.accused_owner(attempt) IS NOT NULL END)
		OR counts.tasks = 0 AND round.kind = 'train' AND federated.too_few_left(session.id) IS NOT NULL THEN
		RETURN now();
	END IF;
	RETURN least(CASE attempt.state WHEN 'mask' THEN round.deadline ELSE attempt.deadline END, federated.silence_due(session, round));
END
$$;
COMMENT ON FUNCTION federated.attempt_due(federated.sessions, federated.rounds) IS 'When the next step of a round''s attempt is due';

CREATE FUNCTION federated.fewest_summed(session federated.sessions, attempt federated.secagg_attempts) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest($2.t, federated.fewest_updates($1)) $$;
COMMENT ON FUNCTION federated.fewest_summed(federated.sessions, federated.secagg_attempts) IS 'M: fewest updates that an attempt sums';

CREATE FUNCTION federated.agreement_due(attempt federated.secagg_attempts) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN count(m.agreed_at) = cardinality(federated.summed_set($1.id)) THEN now()
				WHEN $1.mode = 'semi_honest' THEN now()
				WHEN count(m.agreed_at) >= $1.t AND federated.can_open($1) THEN least($1.deadline, max(m.agreed_at) + interval '10 seconds')
				ELSE $1.deadline END
	FROM federated.secagg_members m WHERE m.attempt_id = $1.id
$$;
COMMENT ON FUNCTION federated.agreement_due(federated.secagg_attempts) IS
	'When signatures are enough: all, or as many as it takes and none for ten seconds; otherwise the deadline. In mode semi_honest none are asked for';

-- Giving up an attempt, before it is revealed

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

-- The next stage. What was fixed is in the row when others see the state.

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

-- S9: what the sum of the aux values must say, or somebody counted wrong.
CREATE FUNCTION federated.aux_problem(session federated.sessions, round federated.rounds, summed integer, aux bigint[]) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	declared bigint;
BEGIN
	IF federated.is_distributed(session.config) THEN
		-- Nothing is sent that could be counted: it would have no noise.
		RETURN NULL;
	ELSIF aux[2] <> summed THEN
		RETURN format('the masked count is %s for %s updates', aux[2], summed);
	ELSIF session.config ->> 'secagg_weights' = 'declared' THEN
		SELECT sum(federated.secagg_weight(u.num_samples, (session.config -> 'secagg_sample_cap')::bigint)) INTO declared
		FROM federated.updates u WHERE u.round_id = round.id AND u.state = 'accepted';
		IF aux[1] <> declared THEN
			RETURN format('the masked weights add up to %s, the declared samples to %s', aux[1], declared);
		END IF;
	ELSIF aux[1] NOT BETWEEN summed AND summed * federated.secagg_weight(1, 1) THEN
		RETURN format('the masked weights add up to %s for %s updates', aux[1], summed);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.aux_problem(federated.sessions, federated.rounds, integer, bigint[]) IS
	'Why the unmasked aux values of a round cannot be true; NULL when they can';

-- S8
CREATE FUNCTION federated.note_deviations(attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_share record;
	problem text;
BEGIN
	FOR found_share IN SELECT * FROM federated.secagg_recover(attempt.id)
	LOOP
		IF NOT found_share.recovered THEN
			problem := coalesce(problem, format('secure aggregation: %s shares of Island %s do not make the secret that it has committed to',
				found_share.shares, (SELECT i.host_id FROM federated.secagg_members m JOIN federated.islands i ON i.id = m.island_id
									 WHERE m.attempt_id = attempt.id AND m.u = found_share.owner)));
		ELSIF cardinality(found_share.deviating) > 0
			-- Shares are looked at again when more have come.
			AND NOT EXISTS (SELECT FROM federated.events e
							WHERE e.session_id = attempt.session_id AND e.kind = 'secagg_share_deviates'
							  AND e.detail @> jsonb_build_object('round', attempt.round_no, 'attempt', attempt.attempt,
																 'owner', found_share.owner, 'revealers', found_share.deviating)) THEN
			PERFORM federated.log_event(attempt.session_id, 'secagg_share_deviates', jsonb_build_object(
				'round', attempt.round_no, 'attempt', attempt.attempt, 'owner', found_share.owner, 'revealers', found_share.deviating));
		END IF;
	END LOOP;
	RETURN problem;
END
$$;
COMMENT ON FUNCTION federated.note_deviations(federated.secagg_attempts) IS
	'Log which shares do not belong to their secret (dealer or revealer lied); the first secret that cannot be had, or NULL';

CREATE FUNCTION federated.open_sum(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text := federated.note_deviations(attempt);
	aux bigint[];
BEGIN
	IF problem IS NOT NULL THEN
		UPDATE federated.secagg_attempts a
		SET checked = (SELECT count(*) FROM federated.secagg_reveals r WHERE r.attempt_id = a.id) WHERE a.id = attempt.id;
		-- More shares may still come.
		IF EXISTS (SELECT FROM federated.secagg_members m
				   WHERE m.attempt_id = attempt.id AND m.revealed_at IS NULL AND federated.due_call(attempt, m.island_id, 'done') = 'reveal') THEN
			RETURN 'secagg_shares_checked';
		END IF;
		RETURN federated.fail_session(session, problem);
	END IF;
	aux := CASE federated.aux_length(session.config) WHEN 0 THEN '{}'
				ELSE federated.secagg_unmask_aux(attempt.id, federated.aux_length(session.config)) END;
	problem := federated.aux_problem(session, round, cardinality(federated.summed_set(attempt.id)), aux);
	IF problem IS NOT NULL THEN
		RETURN federated.fail_session(session, 'secure aggregation: ' || problem);
	END IF;
	UPDATE federated.secagg_attempts a SET state = 'sum', aux_sum = aux, deadline = NULL
	WHERE a.id = attempt.id AND a.state = 'reveal' RETURNING * INTO STRICT attempt;
	-- A private one has it since it was charged.
	PERFORM federated.create_result(session, round) WHERE round.kind = 'train' AND round.result_version_id IS NULL;
	PERFORM federated.log_stage(attempt, jsonb_build_object(
		'revealed', (SELECT count(m.revealed_at) FROM federated.secagg_members m WHERE m.attempt_id = attempt.id)));
	RETURN 'secagg_opened';
END
$$;
COMMENT ON FUNCTION federated.open_sum(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'U5: shares are enough. The sum of the aux values is opened first; if it cannot be true, no version is made';

-- The steps

CREATE FUNCTION federated.fail_reveal(session federated.sessions, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	worst record;
	problem text;
BEGIN
	SELECT o.owner, count(r.revealer) AS shares INTO worst
	FROM federated.secagg_owners o
	LEFT JOIN federated.secagg_reveals r ON r.attempt_id = o.attempt_id AND r.owner = o.owner
	WHERE o.attempt_id = attempt.id GROUP BY o.owner ORDER BY 2, 1 LIMIT 1;
	IF worst.shares >= attempt.t THEN
		-- There are enough, but they do not fit together.
		problem := federated.note_deviations(attempt);
	END IF;
	RETURN federated.fail_session(session, coalesce(problem,
		format('secure aggregation: %s of %s shares for owner %s', worst.shares, attempt.t, worst.owner)));
END
$$;
COMMENT ON FUNCTION federated.fail_reveal(federated.sessions, federated.secagg_attempts) IS
	'The time for shares is over: the session fails, as nothing may be revealed otherwise';

CREATE FUNCTION federated.early_stage(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	counts record;
	overdue CONSTANT boolean := attempt.deadline <= now();
BEGIN
	SELECT * INTO counts FROM federated.attempt_counts(attempt);
	IF attempt.state = 'advertise' THEN
		IF counts.advertised >= federated.fewest_updates(session) AND (overdue OR counts.missing = 0) THEN
			RETURN federated.freeze_roster(session, round, attempt);
		ELSIF overdue THEN
			RETURN federated.extend_attempt(session, round, attempt, counts.advertised, federated.fewest_updates(session));
		END IF;
	ELSIF overdue OR counts.sharing = 0 THEN
		IF counts.shared >= federated.fewest_summed(session, attempt) THEN
			RETURN federated.freeze_shares(session, round, attempt);
		END IF;
		RETURN federated.try_again(session, round, attempt, format('%s of %s Islands have sent their shares',
																   counts.shared, federated.fewest_summed(session, attempt)));
	END IF;
	RETURN federated.after_drop(session, NULL);
END
$$;
COMMENT ON FUNCTION federated.early_stage(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'What is due in states advertise and share: freeze, extend or try again; NULL: nothing';

CREATE FUNCTION federated.mask_stage(session federated.sessions, round federated.rounds, attempt federated.secagg_attempts) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	counts record;
	needed CONSTANT integer := federated.fewest_summed(session, attempt);
	accused CONSTANT bigint := federated.accused_owner(attempt);
	overdue CONSTANT boolean := round.deadline <= now();
BEGIN
	SELECT * INTO counts FROM federated.attempt_counts(attempt);
	IF accused IS NOT NULL THEN
		RETURN federated.try_again(session, round, attempt, format('the shares of Island "%s" do not open',
			(SELECT i.host_id FROM federated.islands i WHERE i.id = accused)), accused);
	ELSIF counts.committed >= needed AND (overdue OR counts.masking = 0) AND federated.can_open(attempt) THEN
		RETURN federated.freeze_sum(session, round, attempt);
	ELSIF counts.committed >= needed AND (overdue AND attempt.extensions > 0 OR counts.masking = 0) THEN
		RETURN federated.try_again(session, round, attempt,
			format('fewer than %s Islands whose updates are in hold shares of each other that open', attempt.t));
	ELSIF counts.masking + counts.committed < needed AND attempt.extensions > 0 THEN
		RETURN federated.try_again(session, round, attempt, format('%s of %s updates can still come', counts.masking + counts.committed, needed));
	ELSIF overdue THEN
		RETURN federated.extend_attempt(session, round, attempt, counts.committed, needed);
	END IF;
	RETURN federated.after_drop(session, NULL);
END
$$;
COMMENT ON FUNCTION federated.mask_stage(federated.sessions, federated.rounds, federated.secagg_attempts) IS
	'What is due while masked updates come in: freeze, extend or try again; NULL: nothing';

CREATE FUNCTION federated.secagg_step(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attempt federated.secagg_attempts := federated.live_attempt(round.id);
	step text;
BEGIN
	IF attempt.id IS NULL THEN
		-- Attempts are not dumped: this round was restored without its own.
		RETURN federated.fail_session(session, format('the attempt of round %s is lost: it goes on where it began, or not at all', round.round_no));
	ELSIF federated.attempt_elsewhere(attempt) THEN
		RETURN federated.try_again(session, round, attempt, 'the coordinator was recovered to an earlier state');
	ELSIF attempt.state IN ('advertise', 'share', 'mask') THEN
		IF federated.drop_silent_tasks(session, round) > 0 THEN
			RETURN federated.after_drop(session, 'participants_dropped');
		ELSIF attempt.state = 'mask' THEN
			RETURN federated.mask_stage(session, round, attempt);
		END IF;
		RETURN federated.early_stage(session, round, attempt);
	ELSIF attempt.state = 'agree' AND federated.agreement_due(attempt) <= now() THEN
		IF federated.can_open(attempt) THEN
			step := federated.charge_attempt(session, round);
			RETURN CASE WHEN step IS NULL THEN federated.open_reveal(session, attempt) ELSE step END;
		END IF;
		RETURN federated.try_again(session, round, attempt, format('fewer than %s Islands have signed and hold shares that open', attempt.t));
	ELSIF attempt.state = 'reveal' THEN
		IF federated.shares_due(attempt) THEN
			RETURN federated.open_sum(session, round, attempt);
		ELSIF attempt.deadline <= now() THEN
			RETURN federated.fail_reveal(session, attempt);
		END IF;
	ELSIF attempt.state = 'sum' THEN
		RETURN CASE round.kind WHEN 'train' THEN federated.aggregate(session, round) ELSE federated.close_evaluation(session, round) END;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.secagg_step(federated.sessions, federated.rounds) IS
	'The next due step of a round with secure aggregation; NULL when nothing is due';

CREATE FUNCTION federated.awaits_messages(round federated.rounds) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN round.state = 'aggregating' AND coalesce((federated.live_attempt(round.id)).state IN ('agree', 'reveal'), false);
END
$$;
COMMENT ON FUNCTION federated.awaits_messages(federated.rounds) IS
	'Whether Islands still send to a round whose set is frozen: signatures and shares';

-- The end of an attempt

CREATE FUNCTION federated.unmasked_metrics(attempt federated.secagg_attempts, config jsonb, part text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(m.metric,
			   (CASE WHEN $1.aux_sum[pair.place] >= 2147483648 THEN $1.aux_sum[pair.place] - 4294967296 ELSE $1.aux_sum[pair.place] END)::float8
			   * (m.bound / $1.levels) * federated.secagg_weight(1, 1)
			   / $1.aux_sum[pair.place + 1]), '{}')
	FROM federated.masked_metrics($2) m CROSS JOIN LATERAL (SELECT 4 + 2 * m.place::integer AS place) pair
	WHERE m.part = $3 AND $1.aux_sum[pair.place + 1] > 0
$$;
COMMENT ON FUNCTION federated.unmasked_metrics(federated.secagg_attempts, jsonb, text) IS
	'Each masked metric of a round, averaged over the Islands that reported it, weighted as their updates';

-- With the round: states before reveal are aborted, from reveal on failed.
CREATE FUNCTION federated.end_attempts(session_id uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ended federated.secagg_attempts;
BEGIN
	UPDATE federated.secagg_attempts a
	SET state = CASE WHEN a.state IN ('reveal', 'sum') THEN 'failed' ELSE 'aborted' END, reason = end_attempts.reason, ended_at = now()
	WHERE a.session_id = end_attempts.session_id AND a.state IN ('advertise', 'share', 'mask', 'agree', 'reveal', 'sum')
	RETURNING * INTO ended;
	IF FOUND THEN
		PERFORM federated.clear_attempt(ended);
		PERFORM federated.log_stage(ended, jsonb_build_object('reason', reason));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.end_attempts(uuid, text) IS 'End the attempt of a session that ends; its shares and masked values go';

CREATE FUNCTION federated.finish_attempt(round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done federated.secagg_attempts;
BEGIN
	UPDATE federated.secagg_attempts a SET state = 'done', ended_at = now()
	WHERE a.round_id = round.id AND a.state = 'sum' RETURNING * INTO done;
	IF FOUND THEN
		PERFORM federated.clear_attempt(done);
		PERFORM federated.log_stage(done, '{}');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.finish_attempt(federated.rounds) IS 'The sum of a round that closes is done; its shares and masked values go';

CREATE FUNCTION federated.model_unchanged(session federated.sessions, digest bytea) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.uses_secagg($1.config)
		AND EXISTS (SELECT FROM federated.secagg_attempts a JOIN federated.rounds r ON r.id = a.round_id
					JOIN federated.model_versions v ON v.id = r.base_version_id
					WHERE a.session_id = $1.id AND a.state IN ('reveal', 'sum', 'done', 'failed') AND v.digest = $2)
$$;
COMMENT ON FUNCTION federated.model_unchanged(federated.sessions, bytea) IS
	'Whether a session with secure aggregation has come to a model again from which a sum was revealed: nothing more may be asked about it';
