-- Endpoints: what an Island calls ---------------------------------------------------------------------------------------

SELECT federated.define_endpoint('heartbeat', 'capabilities jsonb DEFAULT NULL', 'json', 'VOLATILE', '{island}',
	'The Island is alive, and what it can do', $$
	RETURN @extschema@.federated_heartbeat(capabilities);$$);

SELECT federated.define_endpoint('accept_workload', 'workload_id bigint, num_samples bigint DEFAULT NULL', 'json', 'VOLATILE', '{island}',
	'The Island agrees to train a workload and declares how many samples it has for it', $$
	PERFORM @extschema@.federated_accept_workload(workload_id, num_samples);
	RETURN json_build_object('status', 'accepted');$$);

SELECT federated.define_endpoint('refuse_workload', 'workload_id bigint', 'json', 'VOLATILE', '{island}',
	'The Island takes back its consent', $$
	PERFORM @extschema@.federated_refuse_workload(workload_id);
	RETURN json_build_object('status', 'refused');$$);

SELECT federated.define_endpoint('next_task', 'session_id uuid DEFAULT NULL', 'json', 'VOLATILE', '{island}',
	'What the Island is asked to do; null when nothing is', $$
	RETURN @extschema@.federated_next_task(session_id);$$);

SELECT federated.define_endpoint('decline_task', 'round_id bigint, reason text', 'json', 'VOLATILE', '{island}',
	'The Island does not do a task, and says why', $$
	PERFORM @extschema@.federated_decline_task(round_id, reason);
	RETURN json_build_object('status', 'declined');$$);

SELECT federated.define_endpoint('leave', 'session_id uuid, reason text DEFAULT NULL', 'json', 'VOLATILE', '{island}',
	'The Island leaves a session for good; what it has handed in stays', $$
	PERFORM @extschema@.federated_leave(session_id, reason);
	RETURN json_build_object('status', 'left');$$);

SELECT federated.define_endpoint('begin_update', 'round_id bigint, digest text, encoding text DEFAULT ''f32''', 'json', 'VOLATILE', '{island}',
	'Begin or resume sending an update, known by its digest: SHA-256 over the SHA-256 of every slice, in hexadecimal digits', $$
	RETURN federated.verdict(@extschema@.federated_begin_update(round_id, federated.hex_digest('digest', digest), encoding));$$);

SELECT federated.define_endpoint('put_slice', 'bytea', 'json', 'VOLATILE', '{island}',
	'One slice of an update, in the headers X-Federated-Update, X-Federated-Slice and X-Federated-Digest', $$
	RETURN federated.verdict(@extschema@.federated_put_slice(
		federated.header_number('X-Federated-Update'), federated.header_number('X-Federated-Slice', 2147483647)::integer,
		federated.hex_digest('X-Federated-Digest', federated.request_header('X-Federated-Digest')), $1));$$);

SELECT federated.define_endpoint('commit_update', 'update_id bigint, digest text, num_samples bigint, metrics jsonb DEFAULT ''{}'', signature bytea DEFAULT NULL',
	'json', 'VOLATILE', '{island}', 'Hand in a complete update; once acknowledged it is durable and counts exactly once', $$
	RETURN federated.verdict(@extschema@.federated_commit_update(update_id, federated.hex_digest('digest', digest), num_samples, metrics,
																 signature));$$);

SELECT federated.define_endpoint('submit_update', 'bytea', 'json', 'VOLATILE', '{island}',
	'A whole update that fits one request, in the headers X-Federated-Round, X-Federated-Samples, X-Federated-Metrics (JSON) and perhaps X-Federated-Encoding', $$
	RETURN federated.verdict(@extschema@.federated_submit_update(
		federated.header_number('X-Federated-Round'), $1, federated.header_number('X-Federated-Samples'),
		federated.request_header('X-Federated-Metrics')::jsonb, federated.request_header('X-Federated-Encoding', 'f32')));$$);

SELECT federated.define_endpoint('submit_evaluation',
	'round_id bigint, num_samples bigint, metrics jsonb, digest text DEFAULT NULL, signature bytea DEFAULT NULL', 'json', 'VOLATILE', '{island}',
	'Hand in the evaluation of a model when the task was only that', $$
	RETURN federated.verdict(@extschema@.federated_submit_evaluation(round_id, num_samples, metrics,
		CASE WHEN digest IS NOT NULL THEN federated.hex_digest('digest', digest) END, signature));$$);

-- Tokens

SELECT federated.define_endpoint('renew_token', '', 'json', 'VOLATILE', '{island}',
	'Another token with a lifetime that begins now; the old one stays valid to its end', $$
	RETURN federated.renew_token();$$);

SELECT federated.define_endpoint('enroll', 'capabilities jsonb DEFAULT NULL', 'json', 'VOLATILE', '{invited}',
	'The first token of an Island, for its invitation, which is used up; answers 201', $$
	DECLARE
		issued CONSTANT json := federated.enroll(capabilities);
	BEGIN
		PERFORM federated.respond(201);
		RETURN issued;
	END;$$);
