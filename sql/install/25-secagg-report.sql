-- Secure aggregation: what people see of it ----------------------------------------------------------

-- Nobody may read the tables, so a function does, for a session that its caller sees.
CREATE FUNCTION federated.secagg_attempt_list(session_id uuid)
RETURNS TABLE (round integer, kind text, attempt integer, state text, mode text, n integer, t integer, advertised bigint,
			   shared bigint, committed bigint, agreed bigint, revealed bigint, deadline timestamptz, reason text,
			   base text, c0 text, ctx text, sets text, began_at timestamptz, ended_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.round_no, r.kind, a.attempt, a.state, a.mode, a.n, a.t, count(m.island_id), count(m.shared_at),
		   (SELECT count(*) FROM federated.updates u
			WHERE u.round_id = a.round_id AND u.secagg_attempt = a.attempt AND u.state = 'accepted'),
		   count(m.agreed_at), count(m.revealed_at), CASE a.state WHEN 'mask' THEN r.deadline ELSE a.deadline END,
		   a.reason, encode(a.base, 'hex'), encode(a.c0, 'hex'), encode(a.ctx, 'hex'), encode(a.sets, 'hex'), a.began_at, a.ended_at
	FROM federated.secagg_attempts a
	JOIN federated.rounds r ON r.id = a.round_id
	LEFT JOIN federated.secagg_members m ON m.attempt_id = a.id
	WHERE a.session_id = $1 AND federated.sees_session($1) AND federated.caller_island() IS NULL
	GROUP BY a.id, r.id
$$;
COMMENT ON FUNCTION federated.secagg_attempt_list(uuid) IS 'See federated.secagg_progress';

-- Whoever asks for one session has its attempts read and no others.
CREATE VIEW federated.secagg_progress WITH (security_invoker = true) AS
SELECT s.id AS session_id, a.*
FROM federated.sessions s CROSS JOIN LATERAL federated.secagg_attempt_list(s.id) a;
COMMENT ON VIEW federated.secagg_progress IS
	'Attempts of secure aggregation: state, how many Islands have come how far, deadline, and the hashes that bind it; nothing that is secret';
GRANT EXECUTE ON FUNCTION federated.secagg_attempt_list(uuid) TO federated_admin, federated_creator, federated_viewer, federated_auditor;
GRANT SELECT ON federated.secagg_progress TO federated_admin, federated_creator, federated_viewer, federated_auditor;

CREATE FUNCTION federated.secagg_leaks(config jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_remove(ARRAY[
		'the sum of each round''s updates, ' || CASE WHEN federated.is_distributed($1) THEN 'with the Islands'' noise' ELSE 'exactly' END,
		'who takes part, who drops out and when',
		CASE $1 ->> 'secagg_weights' WHEN 'declared' THEN 'each Island''s number of samples'
			WHEN 'hidden' THEN 'the sum of the Islands'' weights' END,
		CASE WHEN federated.is_distributed($1) AND $1 ? 'dp_adaptive_clip' THEN 'how many updates were within the clip norm, with the Islands'' noise' END,
		CASE $1 ->> 'secagg_metrics' WHEN 'visible' THEN 'each Island''s metrics' WHEN 'masked' THEN 'sums of metrics' END,
		CASE $1 ->> 'secagg_mode' WHEN 'semi_honest' THEN CASE WHEN federated.is_distributed($1)
			THEN 'single updates with their part of the noise, to a coordinator that lies' ELSE 'single updates, to a coordinator that lies' END END], NULL)
$$;
COMMENT ON FUNCTION federated.secagg_leaks(jsonb) IS 'What the coordinator learns in a session with secure aggregation';

CREATE FUNCTION federated.secagg_summary(session federated.sessions) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	newest federated.secagg_attempts;
BEGIN
	IF NOT federated.uses_secagg(session.config) THEN
		RETURN NULL;
	END IF;
	SELECT * INTO newest FROM federated.secagg_attempts a WHERE a.session_id = session.id ORDER BY a.id DESC LIMIT 1;
	RETURN json_build_object(
		'protocol', 'fsa1', 'mode', session.config -> 'secagg_mode', 'weights', session.config -> 'secagg_weights',
		'metrics', session.config -> 'secagg_metrics', 'round', newest.round_no, 'attempt', newest.attempt, 'state', newest.state,
		'islands', newest.n, 'threshold', newest.t,
		'updates', CASE WHEN newest.sets IS NOT NULL THEN cardinality(federated.summed_set(newest.id)) END,
		'coordinator_learns', federated.secagg_leaks(session.config));
END
$$;
COMMENT ON FUNCTION federated.secagg_summary(federated.sessions) IS
	'Secure aggregation of a session: how, how far, and what the coordinator learns all the same; NULL without it';
