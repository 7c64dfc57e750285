-- Secure aggregation: out of shares comes the sum, or nothing -------------------------------------------

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
