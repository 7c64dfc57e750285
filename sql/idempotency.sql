-- Every call may be repeated: the answer may have been lost on the way, and
-- either side may have died in between.
-- a vector of three slices, the last of them short
SELECT decode(repeat('0000803f', 262080), 'hex') AS s0, decode(repeat('00000040', 262080), 'hex') AS s1, decode(repeat('00004040', 100), 'hex') AS s2 \gset
SELECT test.run_as('regress_creator', $$SELECT federated_create_workload('three slices')$$) AS workload \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload,
	test.safetensors('{"w":{"dtype":"F32","shape":[524260],"data_offsets":[0,2097040]}}', :'s0'::bytea || :'s1'::bytea || :'s2'::bytea))) AS version;
SELECT test.accept(:workload, 'abc');
SELECT test.start('idempotency', :workload, 1, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.round(:'sid') AS round \gset
SELECT sha256(sha256(:'s0') || sha256(:'s1') || sha256(:'s2')) AS digest, sha256(:'s0') AS h0, sha256(:'s1') AS h1, sha256(:'s2') AS h2 \gset

SET SESSION AUTHORIZATION regress_a;
SELECT federated_next_task(:'sid') ->> 'slices' AS slices, federated_next_task(:'sid') ->> 'slices' AS again;

-- begin, put: the same update goes on, whoever asks how often
SELECT a ->> 'status' AS status, a ->> 'present' AS present, a ->> 'update_id' AS id FROM federated_begin_update(:round, :'digest') a \gset u_
SELECT :'u_status', :'u_present';
SELECT a ->> 'status' AS status, a ->> 'present' AS present, (a ->> 'update_id')::bigint = :u_id AS same FROM federated_begin_update(:round, :'digest') a;
SELECT federated_put_slice(:u_id, 2, :'h2', :'s2');
SELECT federated_put_slice(:u_id, 2, :'h2', :'s2');
SELECT federated_put_slice(:u_id, 0, :'h0', :'s0');
SELECT a ->> 'present' AS present FROM federated_begin_update(:round, :'digest') a;
-- a transaction that was lost leaves nothing
BEGIN;
SELECT federated_put_slice(:u_id, 1, :'h1', :'s1');
ROLLBACK;
SELECT a ->> 'present' AS present FROM federated_begin_update(:round, :'digest') a;
SELECT a ->> 'reason' AS reason, a ->> 'detail' AS detail FROM federated_commit_update(:u_id, :'digest', 5) a;
BEGIN;
SELECT federated_put_slice(:u_id, 1, :'h1', :'s1');
SELECT a ->> 'status' AS status FROM federated_commit_update(:u_id, :'digest', 5) a;
ROLLBACK;
SELECT federated_put_slice(:u_id, 1, :'h1', :'s1');
SELECT a ->> 'status' AS status FROM federated_begin_update(:round, :'digest') a;

-- commit: once, however often
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint = :u_id AS same FROM federated_commit_update(:u_id, :'digest', 5, '{"training": {"loss": 1}}') a;
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint = :u_id AS same FROM federated_commit_update(:u_id, :'digest', 999, '{}') a;
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint = :u_id AS same FROM federated_begin_update(:round, :'digest') a;
SELECT federated_put_slice(:u_id, 1, :'h1', :'s1');
SELECT a ->> 'status' AS status FROM federated_submit_update(:round, :'s0'::bytea || :'s1'::bytea || :'s2'::bytea, 5) a;
RESET SESSION AUTHORIZATION;
SELECT state, num_samples, metrics FROM federated.updates WHERE round_id = :round;
SELECT count(*) AS accepted_events FROM federated.events WHERE session_id = :'sid' AND kind = 'update_accepted';

-- Another update in its place is refused, and the first one stands
SET SESSION AUTHORIZATION regress_a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_begin_update(:round, sha256('other')) a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_commit_update(:u_id, sha256('other'), 5) a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_submit_update(:round, :'s2', 5) a;
RESET SESSION AUTHORIZATION;
SELECT state, count(*), sum(num_samples) FROM federated.updates WHERE round_id = :round GROUP BY state;

-- Begun again with other bytes, before the commit: the first attempt is given up
SET SESSION AUTHORIZATION regress_b;
SELECT a ->> 'status' AS status, a ->> 'update_id' AS id FROM federated_begin_update(:round, sha256('first')) a \gset b_
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint <> :b_id AS another FROM federated_begin_update(:round, :'digest') a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_put_slice(:b_id, 0, :'h0', :'s0') a;
SELECT a ->> 'status' AS status FROM federated_submit_update(:round, :'s0'::bytea || :'s1'::bytea || :'s2'::bytea, 5) a;
RESET SESSION AUTHORIZATION;

-- The round goes on without c. What was accepted stays so, also when its
-- acknowledgement is asked for only now
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SET SESSION AUTHORIZATION regress_a;
SELECT a ->> 'status' AS status FROM federated_commit_update(:u_id, :'digest', 5) a;
SELECT a ->> 'status' AS status FROM federated_begin_update(:round, :'digest') a;
SELECT a ->> 'status' AS status FROM federated_submit_update(:round, :'s0'::bytea || :'s1'::bytea || :'s2'::bytea, 5) a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_commit_update(:u_id, sha256('other'), 5) a;
SET SESSION AUTHORIZATION regress_c;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_begin_update(:round, :'digest') a;
RESET SESSION AUTHORIZATION;

-- The result, three slices long: base plus the mean of two equal updates
SELECT v.parameters, federated.slice_count(v.parameters * 4) AS slices,
	   test.vector_slice(v.vector_id, 0) = decode(repeat('00000040', 262080), 'hex') AS two,
	   test.vector_slice(v.vector_id, 1) = decode(repeat('00008040', 262080), 'hex') AS four,
	   test.vector_slice(v.vector_id, 2) = decode(repeat('0000c040', 100), 'hex') AS six,
	   encode(v.digest, 'hex') = encode(sha256(sha256(decode(repeat('00000040', 262080), 'hex')) || sha256(decode(repeat('00008040', 262080), 'hex'))
									   || sha256(decode(repeat('0000c040', 100), 'hex'))), 'hex') AS digest
FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.current_version_id WHERE s.id = :'sid';

-- An evaluation, twice, and the end of the session: three times
SELECT test.round(:'sid') AS last \gset
SELECT test.evaluate('a', :'sid', 5, '{"evaluation": {"loss": 1}}'), test.evaluate('a', :'sid', 5, '{"evaluation": {"loss": 2}}');
SELECT test.evaluate('b', :'sid', 5, '{"evaluation": {"loss": 1}}'), test.evaluate('c', :'sid', 5, '{"evaluation": {"loss": 1}}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 5, '{"evaluation": {"loss": 1}}') AS still;
SELECT evaluation, test.status(:'sid') FROM federated.rounds WHERE id = :last;

-- Aggregation in small steps: each commits its progress, and the bytes are the same
SELECT test.start('chunks', :workload, 1, '{"min_participants": 2, "max_participants": 2}') AS chunks \gset
CALL test.drive(:'chunks');
SELECT test.run_as('regress_' || x, format('SELECT federated_submit_update(%s, %L, 5)', test.round(:'chunks'), :'s0'::bytea || :'s1'::bytea || :'s2'::bytea))::json ->> 'status'
FROM unnest('{a,b}'::text[]) x;
SET federated.aggregation_chunk = 1;
SELECT federated.advance(:'chunks');
SELECT federated.advance(:'chunks');
BEGIN;
SELECT federated.advance(:'chunks');
ROLLBACK;
SELECT federated.advance(:'chunks');
SELECT federated.advance(:'chunks');
RESET federated.aggregation_chunk;
SELECT test.weights(:'chunks') = test.floats(decode(repeat('00004040', 262080), 'hex')) AS three;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'chunks'));
