-- The session document and the task, byte for byte: their keys, in this order.
-- What differs from run to run is masked.
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION test.masked(document text) RETURNS text
LANGUAGE sql
AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace($1,
		'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<uuid>', 'g'),
		'"\d{4}-\d\d-\d\dT[^"]+"', '<time>', 'g'),
		'"(round_id|workload_id|version_id|base_version_id|result_version_id)" : \d+', '"\1" : <id>', 'g')
$$;
SELECT test.workload('support-bot', 1, 2) AS workload \gset
SELECT test.run_as('regress_' || x, format('SELECT federated_accept_workload(%s, %s)', :workload, n))
FROM (VALUES ('a', 5000), ('b', 300)) AS v (x, n);
SELECT test.accept(:workload, 'c', NULL);
SET SESSION AUTHORIZATION regress_creator;
SELECT federated_start_session('Customer support fine-tune', base_workload_id => :workload, total_rounds => 2,
	config => '{"algorithm":"fed_avg","local_epochs":3,"learning_rate":0.001,"batch_size":32,"min_participants":3,"seed":42,"heartbeat_timeout":86400,
				"hyperparameters":{"layers":[8,4],"note":"a \"quoted\" word"}}') AS sid \gset
SELECT test.masked(federated_session(:'sid')::text);
RESET SESSION AUTHORIZATION;
CALL test.drive(:'sid');
SET SESSION AUTHORIZATION regress_a;
SELECT test.masked(federated_next_task(:'sid')::text);
RESET SESSION AUTHORIZATION;
SELECT test.submit('a', :'sid', 100, '{1,1}', '{"evaluation": {"loss": 0.5}, "training": {"loss": 0.25}}');
SELECT test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''no GPU'')', test.round(:'sid')));

-- The keys that come first, exactly
CREATE FUNCTION test.head(id uuid) RETURNS text
LANGUAGE sql
AS $$
	SELECT test.masked(json_build_object('id', d -> 'id', 'name', d -> 'name', 'status', d -> 'status', 'current_round', d -> 'current_round',
		'total_rounds', d -> 'total_rounds', 'participants',
		(SELECT json_agg(json_build_object('host_id', p -> 'host_id', 'status', p -> 'status', 'rounds_completed', p -> 'rounds_completed',
										   'total_samples', p -> 'total_samples') ORDER BY n)
		 FROM json_array_elements(d -> 'participants') WITH ORDINALITY AS u (p, n)))::text)
	FROM federated_session($1) d
$$;
SELECT test.head(:'sid');
SELECT string_agg(key, ', ' ORDER BY n) AS keys FROM json_object_keys(federated_session(:'sid')) WITH ORDINALITY AS k (key, n);
SELECT test.submit('c', :'sid', 50, '{1,1}');
SELECT test.head(:'sid');
CALL test.drive(:'sid');
SELECT test.head(:'sid');
SELECT test.submit(x, :'sid', 50, '{1,1}') FROM unnest('{a,b,c}'::text[]) x;
CALL test.drive(:'sid');
SELECT test.evaluate(x, :'sid', 50, '{"evaluation": {"loss": 0.125}}') FROM unnest('{a,b,c}'::text[]) x;
CALL test.drive(:'sid');
SELECT test.head(:'sid');
SELECT test.masked(federated_session(:'sid')::text);

-- An Island sees itself and no other; whoever may not see the session finds none
SELECT p ->> 'host_id' AS sees FROM json_array_elements(test.run_as('regress_b', format('SELECT federated_session(%L)', :'sid'))::json -> 'participants') p;
SELECT test.masked(test.try(role, format('SELECT federated_session(%L)', :'sid'))) FROM unnest('{regress_d,regress_other}'::text[]) role;
SELECT test.try('regress_creator', 'SELECT federated_session(NULL)');
SELECT name, status, current_round, total_rounds, workload, owner_role, reason FROM federated.session_list WHERE id = :'sid';
