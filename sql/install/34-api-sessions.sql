-- Endpoints: sessions ----------------------------------------------------------------------------------------------

SELECT federated.define_endpoint('create_session',
	'name text, base_workload_id bigint, total_rounds integer, config jsonb DEFAULT ''{}''', 'json', 'VOLATILE', '{creator}',
	'Start a training session of a workload''s current version; answers 201 and the session document', $$
	DECLARE
		id CONSTANT uuid := @extschema@.federated_start_session(name, base_workload_id, total_rounds, config);
	BEGIN
		PERFORM federated.respond(201, json_build_array(json_build_object('Location', '/api/v1/federated/sessions/' || id)));
		RETURN @extschema@.federated_session(id);
	END;$$);

SELECT federated.define_endpoint('session', 'id uuid', 'json', 'STABLE', '{admin,creator,island,viewer,auditor}',
	'The session document: progress, participants, rounds', $$
	RETURN @extschema@.federated_session(id);$$);

SELECT federated.define_endpoint('pause_session', 'id uuid, reason text DEFAULT NULL', 'json', 'VOLATILE', '{creator}',
	'Pause a session: no step is taken and no deadline passes until it is resumed', $$
	PERFORM @extschema@.federated_pause_session(id, reason);
	RETURN @extschema@.federated_session(id);$$);

SELECT federated.define_endpoint('resume_session', 'id uuid', 'json', 'VOLATILE', '{creator}',
	'Resume a paused session', $$
	PERFORM @extschema@.federated_resume_session(id);
	RETURN @extschema@.federated_session(id);$$);

SELECT federated.define_endpoint('cancel_session', 'id uuid, reason text DEFAULT NULL', 'json', 'VOLATILE', '{creator}',
	'End a session without a result', $$
	PERFORM @extschema@.federated_cancel_session(id, reason);
	RETURN @extschema@.federated_session(id);$$);
