-- Monitoring ---------------------------------------------------------------------------------------------

-- Of a private session, what a single Island sent is for the administrator and
-- the Island (update_secret); where Islands are drawn, so is what tells when it
-- took part (cohort_secret).
CREATE FUNCTION federated.participant_cards(session_id uuid) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH shown AS (
		SELECT p.*, i.host_id, s.status AS session_status, s.workload_id,
			   p.island_id IS DISTINCT FROM federated.caller_island() AND s.id IN (SELECT federated.secret_sessions(false)) AS update_secret,
			   p.island_id IS DISTINCT FROM federated.caller_island() AND s.id IN (SELECT federated.secret_sessions(true)) AS cohort_secret
		FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id JOIN federated.sessions s ON s.id = p.session_id
		WHERE p.session_id = $1
		  -- an Island sees itself and no other
		  AND (p.island_id = federated.caller_island() OR federated.caller_island() IS NULL)
	)
	SELECT coalesce(json_agg(json_build_object(
			   'host_id', p.host_id,
			   'status', CASE WHEN NOT p.cohort_secret THEN p.status WHEN p.left_at IS NOT NULL THEN 'dropped'
							  WHEN p.session_status = 'completed' THEN 'completed' ELSE 'invited' END,
			   'rounds_completed', CASE WHEN NOT p.cohort_secret THEN
					(SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id
					 WHERE r.session_id = p.session_id AND r.kind = 'train' AND u.island_id = p.island_id AND u.state = 'accepted') END,
			   'total_samples', coalesce(CASE WHEN NOT p.cohort_secret THEN p.total_samples ELSE
					(SELECT c.num_samples FROM federated.consents c WHERE c.workload_id = p.workload_id AND c.island_id = p.island_id) END, 0),
			   'approved_samples', federated.approved_samples(p.island_id, p.workload_id),
			   'reason', CASE WHEN NOT p.cohort_secret THEN p.reason END,
			   'last_seen', (SELECT h.last_seen FROM federated.heartbeats h WHERE h.island_id = p.island_id),
			   'metrics', CASE WHEN NOT p.update_secret THEN
					(SELECT u.metrics FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id
					 WHERE r.session_id = p.session_id AND u.island_id = p.island_id AND u.state = 'accepted'
					 ORDER BY u.id DESC LIMIT 1) END,
			   'contribution', CASE WHEN NOT p.update_secret THEN
					(SELECT json_build_object('round', r.round_no, 'cosine', u.cosine, 'norm_share', u.norm_share,
											  'leave_one_out', u.leave_one_out)
					 FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id
					 WHERE r.session_id = p.session_id AND u.island_id = p.island_id AND u.norm_share IS NOT NULL
					 ORDER BY u.id DESC LIMIT 1) END)
		   ORDER BY p.host_id COLLATE "C"), '[]')
	FROM shown p
$$;
COMMENT ON FUNCTION federated.participant_cards(uuid) IS
	'Participants of a session as JSON, as far as the caller may know them; an Island sees only its own';

CREATE FUNCTION federated.round_list(session_id uuid) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(json_build_object(
			   'round', r.round_no, 'kind', r.kind, 'state', r.state,
			   'tasks', CASE WHEN NOT drawn.secret THEN (SELECT count(*) FROM federated.tasks t WHERE t.round_id = r.id) END,
			   'updates', CASE WHEN NOT drawn.secret THEN
					(SELECT count(*) FROM federated.updates u WHERE u.round_id = r.id AND u.state = 'accepted') END,
			   'samples', r.total_samples, 'base_version_id', r.base_version_id, 'result_version_id', r.result_version_id,
			   'deadline', CASE WHEN r.state = 'open' THEN r.deadline END, 'opened_at', r.opened_at, 'closed_at', r.closed_at,
			   'evaluation', r.evaluation, 'training', r.training) ORDER BY r.id), '[]')
	FROM federated.rounds r CROSS JOIN (SELECT $1 IN (SELECT federated.secret_sessions(true)) AS secret) drawn
	WHERE r.session_id = $1
$$;
COMMENT ON FUNCTION federated.round_list(uuid) IS 'Rounds of a session as JSON';

CREATE FUNCTION @extschema@.federated_session(id uuid) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions := federated.get_session(id);
BEGIN
	RETURN json_build_object(
		'id', session.id, 'name', session.name, 'status', session.status, 'current_round', session.current_round,
		'total_rounds', session.total_rounds, 'participants', federated.participant_cards(session.id),
		'reason', session.reason, 'owner', session.owner_role, 'workload_id', session.workload_id,
		'workload', (SELECT w.name FROM federated.workloads w WHERE w.id = session.workload_id),
		'config', session.config,
		'base_version', (SELECT v.version FROM federated.model_versions v WHERE v.id = session.base_version_id),
		'result_version', (SELECT v.version FROM federated.model_versions v WHERE v.id = session.result_version_id),
		'created_at', session.created_at, 'started_at', session.started_at, 'finished_at', session.finished_at,
		'last_error', session.last_error, 'secure_aggregation', federated.secagg_summary(session),
		'credits', federated.session_credits(session), 'rounds', federated.round_list(session.id),
		'privacy', federated.session_privacy_report(session));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_session(uuid) IS
	'The session document: id, name, status, current_round, total_rounds, participants, and more';
GRANT EXECUTE ON FUNCTION @extschema@.federated_session(uuid)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

CREATE VIEW federated.session_list WITH (security_invoker = true) AS
SELECT s.id, s.name, s.status, s.current_round, s.total_rounds, w.name AS workload, s.owner_role, s.reason,
	   s.created_at, s.started_at, s.finished_at
FROM federated.sessions s JOIN federated.workloads w ON w.id = s.workload_id;
COMMENT ON VIEW federated.session_list IS 'Sessions that the caller may see';

CREATE VIEW federated.round_progress WITH (security_invoker = true) AS
SELECT s.id AS session_id, s.name, s.status, r.round_no, s.total_rounds, r.kind, r.state,
	   count(t.*) AS expected,
	   count(*) FILTER (WHERE t.state = 'done') AS received,
	   count(*) FILTER (WHERE t.state IN ('dropped', 'declined')) AS dropped,
	   r.deadline, r.extensions, r.opened_at
FROM federated.sessions s
JOIN federated.rounds r ON r.session_id = s.id
LEFT JOIN federated.tasks t ON t.round_id = r.id
WHERE r.state IN ('open', 'aggregating')
GROUP BY s.id, r.id;
COMMENT ON VIEW federated.round_progress IS 'The open round of every active session: who has answered and until when';

CREATE VIEW federated.versions WITH (security_invoker = true) AS
SELECT v.id AS version_id, w.name AS workload, v.workload_id, v.version, v.status, h.version_id IS NOT NULL AS current,
	   federated.tag_list(v.id) AS tags,
	   v.parent_id, v.session_id, v.round_no AS round, v.parameters, v.metrics, encode(v.digest, 'hex') AS digest,
	   v.provenance, v.owner_role, v.created_at, v.published_at
FROM federated.model_versions v
JOIN federated.workloads w ON w.id = v.workload_id
LEFT JOIN federated.workload_heads h ON h.version_id = v.id;
COMMENT ON VIEW federated.versions IS 'Model versions; "current" is what the next session starts from';

GRANT SELECT ON federated.session_list, federated.round_progress, federated.versions
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
