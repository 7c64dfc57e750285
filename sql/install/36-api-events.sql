-- Endpoints: whether the log of events is what was written ---------------------------------------------------------------------

SELECT federated.define_endpoint('verify_events', 'session_id uuid DEFAULT NULL',
	'TABLE (session uuid, ok boolean, verified bigint, "position" bigint, event_id bigint, problem text)', 'STABLE',
	'{admin,creator,viewer,auditor}',
	'Recompute the hashes of one session''s events, or of all: a row for each chain, with the first event that is not what was written', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_verify_events(verify_events.session_id);$$);

SELECT federated.define_endpoint('event_anchors', '', 'jsonb', 'STABLE', '{admin,viewer,auditor}',
	'The ends of all chains of events and one digest over them: store them elsewhere', $$
	RETURN @extschema@.federated_event_anchors();$$);

SELECT federated.define_endpoint('check_anchors', 'anchors jsonb',
	'TABLE (session uuid, ok boolean, verified bigint, "position" bigint, event_id bigint, problem text)', 'STABLE',
	'{admin,viewer,auditor}',
	'Whether the chains of events still lead through the ends that event_anchors answered once', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_check_anchors(check_anchors.anchors);$$);
