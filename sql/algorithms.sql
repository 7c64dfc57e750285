-- How updates combine and how the server moves: every choice, against numbers
-- that can be worked out by hand.
SELECT test.workload('algorithms', 0, 10, -1) AS workload \gset
SELECT test.accept(:workload, 'abc');

CREATE FUNCTION test.advance(session uuid) RETURNS void
LANGUAGE plpgsql
AS $$ BEGIN WHILE federated.advance(session) IS NOT NULL LOOP END LOOP; END $$;
COMMENT ON FUNCTION test.advance(uuid) IS 'Every step that is due, in the caller''s transaction';

-- Every choice of the config is known to the library: what is not would fail the round
CREATE SEQUENCE test.fresh;
CREATE FUNCTION test.fresh_session(rounds integer, config jsonb, VARIADIC model real[]) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
	workload bigint := test.workload('fresh ' || nextval('test.fresh'), VARIADIC model);
BEGIN
	PERFORM test.accept(workload, 'abc');
	RETURN test.start('fresh', workload, rounds, '{"min_participants": 3}'::jsonb || config);
END
$$;
COMMENT ON FUNCTION test.fresh_session(integer, jsonb, real[]) IS 'A session on a workload of its own, which nobody has trained yet';

CREATE FUNCTION test.algorithm(config jsonb) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	sid uuid := test.fresh_session(1, config, 0, 10, -1);
	weights text;
BEGIN
	PERFORM test.advance(sid);
	PERFORM test.submit('a', sid, 1, '{1,1,1}'), test.submit('b', sid, 2, '{2,4,-2}'), test.submit('c', sid, 1, '{11,3,5}');
	PERFORM test.advance(sid);
	weights := test.weights(sid);
	PERFORM test.evaluate('a', sid, 1), test.evaluate('b', sid, 1), test.evaluate('c', sid, 1);
	PERFORM test.advance(sid);
	RETURN weights;
END
$$;
SELECT a.choice AS aggregation, o.choice AS server_optimizer,
	   test.algorithm(jsonb_build_object('aggregation', a.choice, 'server_optimizer', o.choice)) AS weights
FROM (SELECT unnest(choices) FROM federated.config_keys WHERE key = 'aggregation') a (choice),
	 (SELECT unnest(choices) FROM federated.config_keys WHERE key = 'server_optimizer') o (choice)
ORDER BY 1, 2;
SELECT name, test.algorithm(jsonb_build_object('algorithm', name)) AS weights FROM federated.algorithms ORDER BY 1;

-- Momentum: m is 2, then 0.5 * 2 + 4 = 5, then 0.5 * 5 - 1 = 1.5; the model moves by 0.5 of that
SELECT test.start('momentum', :workload, 3, '{"algorithm": "fed_avgm", "server_momentum": 0.5, "server_learning_rate": 0.5,
											  "min_participants": 3, "max_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit(i, :'sid', 1, '{2,2,2}') FROM unnest('{a,b,c}'::text[]) i;
CALL test.drive(:'sid');
SELECT test.weights(:'sid');
SELECT test.submit(i, :'sid', 1, '{4,4,4}') FROM unnest('{a,b,c}'::text[]) i;
CALL test.drive(:'sid');
SELECT test.weights(:'sid');
-- one state at a time is kept: the last round's
SELECT r.round_no, s.position, v.relation = format('state_%s_1', r.result_version_id) AS own_table, v.bytes
FROM federated.optimizer_states s JOIN federated.rounds r ON r.id = s.round_id JOIN federated.vectors v ON v.id = s.vector_id;
SELECT test.submit(i, :'sid', 1, '{-1,-1,-1}') FROM unnest('{a,b,c}'::text[]) i;
CALL test.drive(:'sid');
SELECT test.weights(:'sid');
SELECT test.evaluate(i, :'sid', 1) FROM unnest('{a,b,c}'::text[]) i;
CALL test.drive(:'sid');
SELECT test.status(:'sid');
-- and none after the end
SELECT count(*) FROM federated.optimizer_states;

-- A session that ends in the middle of a round gives up both states
SELECT test.start('cancelled', :workload, 3, '{"algorithm": "fed_avgm", "min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit(i, :'sid', 1, '{2,2,2}') FROM unnest('{a,b,c}'::text[]) i;
CALL test.drive(:'sid');
SELECT test.submit(i, :'sid', 1, '{2,2,2}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid');
SELECT count(*) FROM federated.optimizer_states;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT count(*) FROM federated.optimizer_states;
SELECT count(*) > 0 AS queued FROM federated.retired_tables WHERE relation ~ '^state_';

-- Over several pages: without momentum FedAvgM is FedAvg, bit by bit
CREATE FUNCTION test.two_rounds(config jsonb) RETURNS bytea
LANGUAGE plpgsql
AS $$
DECLARE
	sid uuid := test.fresh_session(2, config, VARIADIC (SELECT array_agg(sin(i)::real ORDER BY i) FROM generate_series(1, 5000) i));
BEGIN
	FOR round IN 1 .. 2
	LOOP
		PERFORM test.advance(sid);
		PERFORM test.submit(host, sid, n, (SELECT array_agg((cos(i * n * round))::real ORDER BY i) FROM generate_series(1, 5000) i))
		FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) islands (host, n);
	END LOOP;
	PERFORM test.advance(sid);
	PERFORM test.evaluate(host, sid, 1) FROM unnest('{a,b,c}'::text[]) host;
	PERFORM test.advance(sid);
	RETURN (SELECT v.digest FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.result_version_id WHERE s.id = sid);
END
$$;
SELECT test.two_rounds('{}') = test.two_rounds('{"algorithm": "fed_avgm", "server_momentum": 0}') AS same_without_momentum,
	   test.two_rounds('{}') = test.two_rounds('{"algorithm": "fed_avgm"}') AS same_with,
	   test.two_rounds('{}') = test.two_rounds('{"aggregation": "median"}') AS same_as_median;

-- How far the updates of a frozen round together would move the model
SELECT test.start('norm', :workload, 1, '{"min_participants": 3}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit(i, :'sid', 1, '{2,3,6}') FROM unnest('{a,b,c}'::text[]) i;
SELECT norm FROM federated.updates WHERE round_id = test.round(:'sid');
SELECT federated.combined_norm(test.round(:'sid'), 0, 1);
SELECT federated.advance(:'sid');
SELECT federated.combined_norm(test.round(:'sid'), 0, 1), federated.combined_norm(test.round(:'sid'), 0, 0);
SELECT federated.combined_norm(test.round(:'sid'), 0, 2);
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- The norm of what arrives, whatever it travels as
SELECT federated.square_sum(test.f32(2, 3, 6), 'f32') AS f32, federated.square_sum('\x004000420046', 'f16') AS f16, federated.square_sum('\x00404040c040', 'bf16') AS bf16,
	   federated.square_sum('', 'f32') AS none;
SELECT federated.square_sum(decode(repeat('0000003f', 5000), 'hex'), 'f32') AS over_pages;
SELECT test.try(current_user, query) FROM unnest(ARRAY[$$SELECT federated.square_sum('\x00', 'f32')$$, $$SELECT federated.square_sum('\x00', 'f64')$$,
	$$SELECT federated.square_sum(test.f32(1, 'NaN'), 'f32')$$]) query;
