-- Secure aggregation: how far an attempt is, and when its next step is due ----------------------------
-- Steps of the state machine (24). advance() holds the session's row and, until
-- shares are there, the round's gate: no message gets in beside it.

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
