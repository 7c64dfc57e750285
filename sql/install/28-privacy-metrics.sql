-- Metrics of differential privacy ------------------------------------------------------------------------

CREATE FUNCTION federated.measure_privacy() RETURNS SETOF federated.measurement
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT measured.name, 'gauge', measured.help, jsonb_build_object('session', p.session_id, 'mode', p.mode), measured.value
	FROM federated.privacy_spent p JOIN federated.sessions s ON s.id = p.session_id AND s.status IN ('recruiting', 'training', 'paused')
	CROSS JOIN LATERAL (VALUES
		('privacy_epsilon', 'Epsilon that an active private session has spent.', p.epsilon),
		('privacy_epsilon_budget', 'epsilon_budget of an active private session.', p.epsilon_budget)) measured (name, help, value)
	WHERE measured.value IS NOT NULL
$$;
COMMENT ON FUNCTION federated.measure_privacy() IS 'Figures of differential privacy';
