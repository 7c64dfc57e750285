-- Endpoints: what an administrator calls -----------------------------------------------------------------------------------

SELECT federated.define_endpoint('register_island', 'host_id text, capabilities jsonb DEFAULT ''{}''', 'json', 'VOLATILE', '{admin}',
	'Register a host that may train; answers 201', $$
	PERFORM @extschema@.federated_register_island(host_id, capabilities);
	PERFORM federated.respond(201);
	RETURN (SELECT row_to_json(i) FROM federated_api.islands i WHERE i.host_id = register_island.host_id);$$);

SELECT federated.define_endpoint('suspend_island', 'host_id text, reason text', 'json', 'VOLATILE', '{admin}',
	'Let an Island take no part until it is reinstated', $$
	PERFORM @extschema@.federated_suspend_island(host_id, reason);
	RETURN (SELECT row_to_json(i) FROM federated_api.islands i WHERE i.host_id = suspend_island.host_id);$$);

SELECT federated.define_endpoint('reinstate_island', 'host_id text', 'json', 'VOLATILE', '{admin}',
	'Undo suspend_island', $$
	PERFORM @extschema@.federated_reinstate_island(host_id);
	RETURN (SELECT row_to_json(i) FROM federated_api.islands i WHERE i.host_id = reinstate_island.host_id);$$);

-- Tokens

SELECT federated.define_endpoint('invite_island', 'host_id text, ttl interval DEFAULT ''7 days''', 'json', 'VOLATILE', '{admin}',
	'An invitation with which "fed island enroll" gets a host its token, once; answers 201', $$
	DECLARE
		invitation CONSTANT json := federated.invite_island(host_id, ttl);
	BEGIN
		PERFORM federated.respond(201);
		RETURN invitation;
	END;$$);

SELECT federated.define_endpoint('issue_token', 'subject text, role text, ttl interval DEFAULT ''30 days''', 'json', 'VOLATILE', '{admin}',
	'A token for a user (role admin, creator, viewer or auditor) or a host (role island); answers 201', $$
	DECLARE
		issued CONSTANT json := federated.issue_token(subject, role, ttl);
	BEGIN
		PERFORM federated.respond(201);
		RETURN issued;
	END;$$);

SELECT federated.define_endpoint('revoke_token', 'jti uuid', 'json', 'VOLATILE', '{admin}',
	'Neither this token nor one that it was renewed from or to is accepted any more', $$
	PERFORM @extschema@.federated_revoke_token(jti);
	RETURN json_build_object('status', 'revoked');$$);

SELECT federated.define_endpoint('rotate_token_secret', 'keep_old boolean DEFAULT true', 'json', 'VOLATILE', '{admin}',
	'Sign with a new secret from now on; with keep_old false all tokens end', $$
	PERFORM @extschema@.federated_rotate_token_secret(keep_old);
	RETURN json_build_object('status', 'rotated');$$);

-- Monitoring

SELECT federated.define_endpoint('health', '', 'TABLE ("check" text, ok boolean, detail text, hint text)', 'STABLE', '{admin,viewer}',
	'What is wrong with the coordinator, and what to do about it', $$
	RETURN QUERY SELECT * FROM federated.health();$$);

SELECT federated.define_endpoint('worker_status', '', 'json', 'STABLE', '{admin,viewer}',
	'The process that drives this database', $$
	RETURN (SELECT row_to_json(w) FROM federated.worker_status() w);$$);

SELECT federated.define_endpoint('metrics', '', 'federated_api."text/plain"', 'STABLE', '{admin,viewer}',
	'Figures of the coordinator in the text format of Prometheus', $$
	RETURN federated.metrics();$$);

DROP FUNCTION federated.define_endpoint(text, text, text, text, text[], text, text);
