-- Updates that are not written to the WAL: after a crash they are lost, noticed,
-- and asked for again. The crash empties the table, as TRUNCATE does.
SELECT test.workload('unlogged', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
SET federated.update_durability = unlogged;
SELECT test.start('unlogged', :workload, 2) AS sid \gset
CALL test.drive(:'sid');
SELECT r.relation, r.unlogged, c.relpersistence FROM federated.rounds r JOIN pg_class c ON c.oid = format('federated.%I', r.relation)::regclass
WHERE r.id = test.round(:'sid') \gset
SELECT :'unlogged' AS unlogged, :'relpersistence' AS persistence;

-- Lost while the round collects: a has sent, b is in the middle
SELECT test.round(:'sid') AS round, sha256(sha256(test.f32(3))) AS digest, sha256(test.f32(3)) AS slice \gset
SELECT test.submit('a', :'sid', 1, '{1}');
SELECT test.run_as('regress_b', format('SELECT federated_begin_update(%s, %L)', :round, :'digest'))::json ->> 'update_id' AS update \gset
SELECT test.run_as('regress_b', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, :'slice', test.f32(3)));
TRUNCATE federated.:"relation";
SELECT test.pass_deadline(:'sid');
SELECT federated.advance(:'sid'), test.tasks(:'sid'), test.participants(:'sid');
SELECT i.host_id, u.state FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id WHERE u.round_id = :round ORDER BY u.id;
SELECT r.deadline > now() AS deadline_moved FROM federated.rounds r WHERE r.id = :round;
SELECT detail FROM federated.events WHERE session_id = :'sid' AND kind = 'updates_lost';
-- the same task comes again; the kept update is sent again
SELECT (test.run_as('regress_a', format('SELECT federated_next_task(%L)', :'sid'))::json ->> 'round_id')::bigint = :round AS same_task;
SELECT test.submit('a', :'sid', 1, '{1}');
-- to the answer of a commit that was lost with the update: no
SELECT test.run_as('regress_b', format('SELECT federated_commit_update(%s, %L, 1)', :update, :'digest'))::json ->> 'reason' AS reason;
SELECT (test.run_as('regress_b', format('SELECT federated_begin_update(%s, %L)', :round, :'digest'))::json ->> 'present') AS present;
SELECT test.submit('b', :'sid', 1, '{3}');
CALL test.drive(:'sid');
SELECT test.weights(:'sid');

-- However often: what the server lost is no attempt of the Island
DO $$
DECLARE
	sid uuid := (SELECT s.id FROM federated.sessions s WHERE s.name = 'unlogged');
	answer text;
BEGIN
	FOR i IN 1 .. 5
	LOOP
		answer := test.submit('a', sid, 1, '{1}');
		ASSERT answer = 'accepted', answer;
		EXECUTE format('TRUNCATE federated.%I', (SELECT r.relation FROM federated.rounds r WHERE r.id = test.round(sid)));
		ASSERT federated.advance(sid) = 'updates_lost';
	END LOOP;
END
$$;

-- Lost while the result is made: the round is open again, the half result is given up
SELECT r.relation FROM federated.rounds r WHERE r.id = test.round(:'sid') \gset
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{3}');
SELECT federated.advance(:'sid');
TRUNCATE federated.:"relation";
SELECT federated.advance(:'sid'), test.tasks(:'sid');
SELECT r.state, r.result_version_id IS NULL AS no_result, (SELECT count(*) FROM federated.model_versions v WHERE v.workload_id = :workload AND v.status = 'abandoned') AS abandoned
FROM federated.rounds r WHERE r.id = test.round(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{3}');
CALL test.drive(:'sid');
SELECT test.weights(:'sid');
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');
SELECT test.status(:'sid');

-- The same with a state of the server's optimiser: what the first try made of it is given up, too
SELECT test.start('momentum, unlogged', :workload, 2, '{"algorithm": "fed_avgm", "server_momentum": 0.5}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{3}');
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{3}');
SELECT federated.advance(:'sid');
SELECT r.relation FROM federated.rounds r WHERE r.id = test.round(:'sid') \gset
TRUNCATE federated.:"relation";
SELECT federated.advance(:'sid');
SELECT r.round_no, count(s) AS states FROM federated.rounds r LEFT JOIN federated.optimizer_states s ON s.round_id = r.id
WHERE r.session_id = :'sid' GROUP BY r.round_no ORDER BY 1;
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{3}');
CALL test.drive(:'sid');
-- 2, then 0.5 * 2 + 2
SELECT w.after - w.before AS moved
FROM (SELECT (test.weights(:'sid'))[1] AS after,
			 (SELECT (test.floats(test.vector_slice(v.vector_id, 0)))[1] FROM federated.sessions s
			  JOIN federated.model_versions v ON v.id = s.base_version_id WHERE s.id = :'sid') AS before) w;
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');

-- The model itself is always logged
SELECT DISTINCT c.relpersistence FROM federated.model_versions m JOIN federated.vectors v ON v.id = m.vector_id JOIN pg_class c ON c.oid = format('federated.%I', v.relation)::regclass
WHERE m.workload_id = :workload;
-- and logged is the default for updates
RESET federated.update_durability;
SELECT test.start('logged', :workload, 2) AS sid \gset
CALL test.drive(:'sid');
SELECT r.unlogged, c.relpersistence FROM federated.rounds r JOIN pg_class c ON c.oid = format('federated.%I', r.relation)::regclass WHERE r.id = test.round(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
