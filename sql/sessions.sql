-- The state machine, driven by hand: one session from start to end, then each
-- thing that can go otherwise.
SELECT test.workload('sessions', 1, -2, 0.5) AS workload \gset

-- A whole session ----------------------------------------------------------------
SELECT test.start('whole', :workload, 2, '{"min_participants": 3}') AS sid \gset
SELECT federated.advance(:'sid') IS NULL AS nobody_there, test.status(:'sid');
SELECT test.accept(:workload, 'ab');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT test.accept(:workload, 'c');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT round_no, kind, state, expected, received, dropped FROM federated.round_progress WHERE session_id = :'sid';

-- The Islands, each as itself
SET SESSION AUTHORIZATION regress_a;
SELECT t ->> 'round_id' AS round, t ->> 'kind' AS kind, t ->> 'round' AS no, t ->> 'total_rounds' AS of, t ->> 'parameters' AS parameters,
	   t ->> 'slices' AS slices, t ->> 'participants' AS participants, t ->> 'session' AS session, t ->> 'workload' AS workload,
	   t ->> 'version_id' AS version, t -> 'config' ->> 'algorithm' AS algorithm
FROM federated_next_task(:'sid') t \gset task_
SELECT :'task_kind', :'task_no', :'task_of', :'task_parameters', :'task_slices', :'task_participants', :'task_session', :'task_workload', :'task_algorithm';
SELECT test.floats(federated_model_slice(:task_version, 0)) AS received;
SELECT a ->> 'status' FROM federated_submit_update(:task_round, test.f32(1, 2, 3), 100,
	'{"evaluation": {"loss": 0.9, "accuracy": 0.5}, "training": {"loss": 0.4}}') a;
SELECT federated_next_task(:'sid') IS NULL AS nothing_more;
RESET SESSION AUTHORIZATION;
CALL test.drive(:'sid');
SET SESSION AUTHORIZATION regress_b;
SELECT federated_next_task() ->> 'round_id' = :'task_round' AS same_round;
SELECT a ->> 'status' FROM federated_submit_update(:task_round, test.f32(-1, 0, 0.125), 300,
	'{"evaluation": {"loss": 0.7, "accuracy": 0.7}}') a;
RESET SESSION AUTHORIZATION;
SELECT test.participants(:'sid');
SET SESSION AUTHORIZATION regress_c;
SELECT federated_next_task() ->> 'round_id' = :'task_round' AS same_round;
SELECT a ->> 'status' FROM federated_submit_update(:task_round, test.f32(0.1, 0.7, -1e-3), 50) a;
RESET SESSION AUTHORIZATION;
SELECT round_no, state, expected, received, dropped FROM federated.round_progress WHERE session_id = :'sid';
SELECT federated.advance(:'sid');
SELECT round_no, state FROM federated.round_progress WHERE session_id = :'sid';
SELECT i.host_id, u.position, u.num_samples, u.weight
FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id WHERE u.round_id = :task_round ORDER BY u.position;
SELECT federated.advance(:'sid');
SELECT round_no, kind, state FROM federated.round_progress WHERE session_id = :'sid';

-- FedAvg, to the bit: base + rate × (sum of n_k / n × delta_k), in float64, in participant order
CREATE FUNCTION test.fed_avg(base real[], deltas real[], samples bigint[], rate float8) RETURNS bytea
LANGUAGE plpgsql
AS $$
DECLARE
	n integer := cardinality(base);
	total float8 := (SELECT sum(s) FROM unnest(samples) s);
	acc float8;
	result real[] := '{}';
BEGIN
	FOR i IN 1 .. n
	LOOP
		acc := 0;
		FOR k IN 1 .. cardinality(samples)
		LOOP
			acc := acc + (samples[k]::float8 / total) * deltas[(k - 1) * n + i]::float8;
		END LOOP;
		result := result || (base[i]::float8 + rate * acc)::real;
	END LOOP;
	RETURN test.f32(VARIADIC result);
END
$$;
SELECT test.weights(:'sid'),
	   test.f32(VARIADIC test.weights(:'sid')) = test.fed_avg('{1,-2,0.5}', '{1,2,3, -1,0,0.125, 0.1,0.7,-1e-3}', '{100,300,50}', 1) AS exact;
-- a metric is averaged over those who reported it, by samples
SELECT total_samples, evaluation, training FROM federated.rounds WHERE id = :task_round;

SELECT test.submit('c', :'sid', 10, '{0,0,0}', '{"evaluation": {"accuracy": 0.75}}');
SELECT test.submit('a', :'sid', 10, '{1,1,1}', '{"evaluation": {"accuracy": 0.25}}');
SELECT test.submit('b', :'sid', 20, '{2,0,-1}');
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT round_no, kind, state, expected FROM federated.round_progress WHERE session_id = :'sid';
-- the last round is only evaluated: an update does not fit it, nor an evaluation the others
SELECT test.submit('a', :'sid', 10, '{1,1,1}') LIKE 'rejected: stale_round: round % is there to evaluate' AS refused;
SELECT test.evaluate('a', :'sid', 10, '{"evaluation": {"accuracy": 0.5}}');
SELECT test.evaluate('a', :'sid', 99, '{"evaluation": {"accuracy": 0.9}}') AS again;
SELECT test.evaluate('b', :'sid', 30, '{"evaluation": {"accuracy": 1}}');
SELECT test.evaluate('c', :'sid', 10);
CALL test.drive(:'sid');
SELECT test.status(:'sid'), test.participants(:'sid');
SELECT s.current_round, v.version, v.status, v.metrics, v.published_at IS NOT NULL AS published, v.id = h.version_id AS current,
	   encode(v.digest, 'hex') = encode(sha256(sha256(test.f32(VARIADIC test.weights(:'sid')))), 'hex') AS digest
FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.result_version_id
JOIN federated.workload_heads h ON h.workload_id = s.workload_id WHERE s.id = :'sid';
SELECT federated.advance(:'sid') IS NULL AS nothing_more;
SELECT test.try('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid')) LIKE '55000: %Its status is "completed".' AS ended;
SELECT count(*) AS pages_left FROM federated.rounds r WHERE r.session_id = :'sid' AND EXISTS (SELECT FROM federated.vectors v WHERE v.relation = r.relation);

-- Server learning rate ------------------------------------------------------------------
SELECT test.workload('rate', 1, 10) AS workload \gset
SELECT test.accept(:workload, 'ab');
SELECT test.start('rate', :workload, 1, '{"server_learning_rate": 0.3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{0.7,-1}'), test.submit('b', :'sid', 2, '{0.1,5}');
CALL test.drive(:'sid');
SELECT test.weights(:'sid'), test.f32(VARIADIC test.weights(:'sid')) = test.fed_avg('{1,10}', '{0.7,-1, 0.1,5}', '{1,2}', 0.3) AS exact;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- The order of arrival and the SIMD level change nothing
SELECT test.start('order', :workload, 1, '{"server_learning_rate": 0.3}') AS other \gset
CALL test.drive(:'other');
SELECT test.submit('b', :'other', 2, '{0.1,5}'), test.submit('a', :'other', 1, '{0.7,-1}');
SET federated.simd = scalar;
CALL test.drive(:'other');
RESET federated.simd;
SELECT count(*) AS results, count(DISTINCT v.digest) AS digests
FROM federated.rounds r JOIN federated.model_versions v ON v.id = r.result_version_id WHERE r.session_id IN (:'sid', :'other');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'other'));

-- A sum that leaves float32 is an error, and the round goes nowhere
SELECT test.workload('overflow', 3e38) AS workload \gset
SELECT test.accept(:workload, 'a');
SELECT test.start('overflow', :workload, 1, '{"min_participants": 1}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{3e38}');
SELECT federated.advance(:'sid');
SELECT test.try(current_user, format('SELECT federated.advance(%L)', :'sid'));
SELECT federated.record_failure(:'sid', '22003', 'the aggregated model leaves the range of float32');
SELECT failures, last_error FROM federated.sessions WHERE id = :'sid';
SELECT count(federated.record_failure(:'sid', '22003', 'again')) FROM generate_series(1, 9);
SELECT test.status(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L, ''diverged'')', :'sid')), test.status(:'sid');

-- Recruiting ---------------------------------------------------------------------------------
SELECT test.workload('recruiting', 0) AS workload \gset
SELECT test.accept(:workload, 'abc');
-- max_participants
SELECT test.start('two of three', :workload, 1, '{"min_participants": 2, "max_participants": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.participants(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid')), test.status(:'sid'), test.tasks(:'sid');
-- not found in time
SELECT test.start('four', :workload, 1, '{"min_participants": 4, "recruit_timeout": 60}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.status(:'sid'), recruit_deadline - created_at AS patience FROM federated.sessions WHERE id = :'sid';
UPDATE federated.sessions SET recruit_deadline = now() WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.status(:'sid');
-- who is silent by then does not count
SELECT test.start('silent', :workload, 1, '{"min_participants": 3}') AS sid \gset
SELECT federated.advance(:'sid');
SELECT test.silence('b', :'sid');
SELECT test.wake('ac');
SELECT federated.advance(:'sid') IS NULL AS waits, test.status(:'sid');
SELECT test.wake('b');
CALL test.drive(:'sid');
SELECT test.status(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Sampling -------------------------------------------------------------------------------------
SELECT test.workload('sampling', 0) AS workload \gset
SELECT test.accept(:workload, 'abcd');
SELECT test.start('half', :workload, 3, '{"min_participants": 4, "participation_fraction": 0.5, "seed": 7}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.tasks(:'sid');
SELECT test.submit(right(i.host_id, 1), :'sid', 10, '{1}')
FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id WHERE t.round_id = test.round(:'sid') ORDER BY i.host_id;
CALL test.drive(:'sid');
SELECT test.tasks(:'sid'), test.participants(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
-- the same seed chooses the same Islands, another one others
SELECT config ->> 'participation_fraction' AS fraction, seed,
	   (SELECT array_agg(string_agg ORDER BY round_no)
		FROM generate_series(1, 6) round_no,
			 LATERAL (SELECT string_agg(i.host_id, '+' ORDER BY i.host_id) FROM federated.islands i
					  WHERE i.id IN (SELECT federated.sample_participants(s, round_no))) chosen)
FROM federated.sessions s WHERE id = :'sid';
UPDATE federated.sessions SET seed = 8 WHERE id = :'sid';
SELECT seed,
	   (SELECT array_agg(string_agg ORDER BY round_no)
		FROM generate_series(1, 6) round_no,
			 LATERAL (SELECT string_agg(i.host_id, '+' ORDER BY i.host_id) FROM federated.islands i
					  WHERE i.id IN (SELECT federated.sample_participants(s, round_no))) chosen)
FROM federated.sessions s WHERE id = :'sid';
-- a seed that is not given is drawn, and recorded
SELECT test.run_as('regress_creator', format('SELECT federated_start_session(''drawn'', %s, 1)', :workload)) AS sid \gset
SELECT (config -> 'seed')::bigint = seed AS recorded, seed >= 0 AS positive FROM federated.sessions WHERE id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
