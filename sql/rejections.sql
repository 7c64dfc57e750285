-- Nothing bad gets in: each reason, its row in federated.rejections, and that
-- nothing else has changed.
SELECT test.workload('rejections', 1, 2, 3) AS workload \gset
SELECT test.accept(:workload, 'abc');
SELECT test.start('rejections', :workload, 1, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.round(:'sid') AS round \gset
SELECT count(*) AS events_before FROM federated.events \gset

-- The answer of one call, ids masked
CREATE FUNCTION test.answer(island text, query text) RETURNS text
LANGUAGE sql
AS $$ SELECT regexp_replace(test.try('regress_' || $1, $2), '"update_id" : \d+', '"update_id" : N') $$;

-- Length, numbers, digest
SELECT test.submit('a', :'sid', 10, '{1,2}'), test.submit('a', :'sid', 10, '{1,2,3,4}');
SELECT test.answer('a', format('SELECT federated_submit_update(%s, '''', 10)', :round));
SELECT test.answer('b', format('SELECT federated_submit_update(%s, %L, 10)', :round, test.f32(1, 'NaN', 1)));
SELECT test.answer('b', format('SELECT federated_submit_update(%s, %L, 10)', :round, test.f32(1, 1, '-Infinity')));
-- Samples and metrics
SELECT n, test.answer('b', format('SELECT federated_submit_update(%s, %L, %L)', :round, test.f32(1, 1, 1), n))
FROM unnest('{0,-1,1000000000001,9223372036854775807,NULL}'::bigint[]) n;
SELECT m, test.answer('b', format('SELECT federated_submit_update(%s, %L, 10, %L)', :round, test.f32(1, 1, 1), m))
FROM unnest(ARRAY['[]', 'null', '1', '{"loss": 1}', '{"evaluation": 1}', '{"evaluation": [1]}', '{"evaluation": {"loss": "1"}}',
				  '{"training": {"loss": null}}', '{"training": {"loss": {"deep": 1}}}', '{"evaluation": {"loss": 1e301}}',
				  '{"evaluation": {"loss": -1e-301}}', NULL]) m;
SELECT test.answer('b', format('SELECT federated_submit_update(%s, %L, 10, %L)', :round, test.f32(1, 1, 1),
	jsonb_build_object('evaluation', (SELECT jsonb_object_agg('m' || i, i) FROM generate_series(1, 1001) i))));
SELECT test.answer('b', format('SELECT federated_submit_update(%s, %L, 10, %L)', :round, test.f32(1, 1, 1),
	jsonb_build_object('evaluation', jsonb_build_object(repeat('m', 101), 1))));
-- Not a number is not even JSON
SELECT test.outcome('regress_b', format('SELECT federated_submit_update(%s, %L, 10, %L)', :round, test.f32(1, 1, 1), '{"evaluation": {"loss": NaN}}'));
-- c, for what it sends slice by slice
SELECT test.f32(1, 1, 1) AS delta, sha256(test.f32(1, 1, 1)) AS slice, sha256(sha256(test.f32(1, 1, 1))) AS digest \gset
SELECT (test.run_as('regress_c', format('SELECT federated_begin_update(%s, %L)', :round, :'digest'))::json ->> 'update_id') AS update \gset
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 1, %L, %L)', :update, :'slice', :'delta'));
SELECT test.answer('c', format('SELECT federated_put_slice(%s, -1, %L, %L)', :update, :'slice', :'delta'));
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, sha256(test.f32(1, 1)), test.f32(1, 1)));
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, :'slice', test.f32(1, 1, 2)));
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, sha256(test.f32(1, 'NaN', 2)), test.f32(1, 'NaN', 2)));
SELECT test.answer('c', format('SELECT federated_commit_update(%s, %L, 10)', :update, :'digest')) AS incomplete;
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, sha256(test.f32(1, 1, 2)), test.f32(1, 1, 2))) AS stored;
SELECT test.answer('c', format('SELECT federated_put_slice(%s, 0, %L, %L)', :update, :'slice', :'delta')) AS other_bytes;
SELECT test.answer('c', format('SELECT federated_commit_update(%s, %L, 10)', :update, :'digest')) AS not_what_was_begun;
SELECT test.answer('c', format('SELECT federated_commit_update(%s, %L, 10)', :update, sha256('x'))) AS other_digest;

-- Who may send, and to which round
SELECT test.submit('d', :'sid', 10, '{1,1,1}') LIKE 'rejected: not_participant: this Island has no task in round %' AS refused;
SELECT test.answer('a', 'SELECT federated_submit_update(0, '''', 10)');
SELECT test.answer('a', format('SELECT federated_submit_evaluation(%s, 10, ''{}'')', :round)) LIKE '%stale_round%is there to train%' AS refused;

-- Four attempts; the storage
SELECT i, test.answer('b', format('SELECT federated_begin_update(%s, %L)', :round, sha256(int4send(i)))) FROM generate_series(1, 4) i;
SELECT state, count(*) FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id
WHERE u.round_id = :round AND i.host_id = 'island-b' GROUP BY state ORDER BY state;
INSERT INTO federated.vectors (relation, bytes) VALUES ('regress_ballast', 2000000) RETURNING id AS ballast \gset
SET federated.max_storage = '1MB';
SELECT test.answer('a', format('SELECT federated_begin_update(%s, %L)', :round, sha256('storage')));
SELECT test.try('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, test.model(1, 2, 3))) ~ '^53100: federated.max_storage is exhausted \| 8192 bytes are needed, 0 are left of 1 MB. \| Raise federated.max_storage, or let sessions keep fewer versions' AS refused;
RESET federated.max_storage;
DELETE FROM federated.vectors WHERE id = :ballast;

-- Each has its row, and no more has happened
SELECT i.host_id, r.reason, r.round_id = :round AS this_round, r.session_id = :'sid' AS this_session, count(*)
FROM federated.rejections r JOIN federated.islands i ON i.id = r.island_id
WHERE r.at >= (SELECT created_at FROM federated.sessions WHERE id = :'sid') GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3;
SELECT count(*) - :events_before AS events, (SELECT count(*) FROM federated.updates WHERE round_id = :round AND state = 'accepted') AS accepted FROM federated.events;
SELECT test.tasks(:'sid'), test.participants(:'sid');

-- What was refused can be sent right. a has begun three times: once remains
SELECT test.submit('a', :'sid', 10, '{1,1,1}');
-- b and c have used theirs up on nonsense
SELECT test.submit('b', :'sid', 10, '{1,1,1}'), test.submit('c', :'sid', 10, '{1,1,1}');
SELECT test.tasks(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Misuse is an error
SELECT test.try('regress_a', query) FROM unnest(ARRAY[
	'SELECT federated_begin_update(1, NULL)', 'SELECT federated_begin_update(1, ''\x00'')', format('SELECT federated_begin_update(NULL, %L)', sha256('')),
	'SELECT federated_submit_update(1, NULL, 1)', 'SELECT federated_submit_update(NULL, '''', 1)', 'SELECT federated_submit_evaluation(NULL, 1, ''{}'')',
	format('SELECT federated_put_slice(0, 0, %L, '''')', sha256('')), 'SELECT federated_put_slice(NULL, 0, '''', '''')',
	format('SELECT federated_commit_update(0, %L, 1)', sha256('')), 'SELECT federated_commit_update(0, ''\x01'', 1)',
	'SELECT federated_decline_task(NULL, ''x'')', 'SELECT federated_leave(NULL)']) query;
SELECT test.try('regress_b', format('SELECT federated_put_slice(%s, NULL, %L, %L)', :update, :'slice', :'delta')) LIKE 'P0002: Island "island-b" has no update %' AS not_its_own,
	   test.try('regress_c', format('SELECT federated_put_slice(%s, NULL, %L, %L)', :update, :'slice', :'delta')),
	   test.try('regress_c', format('SELECT federated_put_slice(%s, 0, %L, NULL)', :update, :'slice'));
