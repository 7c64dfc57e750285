-- Differential privacy: clipping, the charge and the noise. With so little of it
-- that numbers can be worked out by hand; far too little to protect anybody, as
-- each of these sessions is told.
SET client_min_messages = error;

CREATE FUNCTION test.private(rounds integer, config jsonb, VARIADIC model real[]) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
	workload bigint := test.workload('private ' || gen_random_uuid(), VARIADIC model);
	sid uuid;
BEGIN
	PERFORM test.accept(workload, 'abc');
	sid := test.start('private', workload, rounds,
		jsonb_strip_nulls('{"min_participants": 3, "max_participants": 3, "dp_sigma": 1e-7, "dp_clip_norm": 5, "dp_delta": 1e-5}'::jsonb || config));
	PERFORM test.until_null(sid);
	RETURN sid;
END
$$;
COMMENT ON FUNCTION test.private(integer, jsonb, real[]) IS 'A private session of three Islands on a workload of its own, its first round open';

CREATE FUNCTION test.until_null(session uuid) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	step text;
	steps text[] := '{}';
BEGIN
	LOOP
		step := federated.advance(session);
		EXIT WHEN step IS NULL;
		steps := steps || step;
	END LOOP;
	RETURN array_to_string(steps, ', ');
END
$$;
COMMENT ON FUNCTION test.until_null(uuid) IS 'Every step that is due, in the caller''s transaction, and which they were';

CREATE FUNCTION test.rounded(session uuid) RETURNS numeric[]
LANGUAGE sql
AS $$ SELECT array_agg(round(w::numeric, 3) + 0.000 ORDER BY i) FROM unnest(test.weights($1)) WITH ORDINALITY u (w, i) $$;

-- Nothing is made before the round is charged, and it is charged once
SELECT test.private(2, '{}', 0, 10, -1) AS sid \gset
SELECT test.submit('a', :'sid', 1, '{3,4,0}'), test.submit('b', :'sid', 700, '{30,40,0}'), test.submit('c', :'sid', 2, '{0,0,0}');
SELECT federated.advance(:'sid');
SELECT test.round(:'sid') AS round, r.result_version_id AS version FROM federated.rounds r WHERE r.id = test.round(:'sid') \gset
SELECT replace(test.try(current_user, format('SELECT * FROM federated.aggregate_slices(%s, 0, 1)', :round)), :'round', 'N');
SELECT replace(test.try(current_user, format('SELECT federated.aggregate_chunk(%s)', :round)), :'round', 'N');
SELECT count(*) FROM federated.slices s JOIN federated.model_versions v ON v.vector_id = s.vector_id WHERE v.id = :version;
SELECT u.position, u.weight, u.norm FROM federated.updates u WHERE u.round_id = :round ORDER BY 1;
SELECT federated.advance(:'sid');
SELECT federated.charge_privacy(s, r) FROM federated.sessions s, federated.rounds r WHERE s.id = :'sid' AND r.id = :round;
SELECT c.round_no, c.version_id = :version AS of_this_freeze, c.mechanism, c.noise_multiplier, c.update_noise_multiplier, c.clip_norm,
	   log(2.0, (c.clip_norm / c.grid)::numeric)::integer AS bits, c.noise_variance, c.divisor, c.sampling, c.sampling_rate, c.cohort, c.delta,
	   c.count_noise, c.released_fraction, c.insecure_seed, c.lost
FROM federated.privacy_charges c WHERE c.session_id = :'sid';
SELECT c.noise_variance >= (c.update_noise_multiplier * c.clip_norm / c.grid) ^ 2 AS enough FROM federated.privacy_charges c WHERE c.session_id = :'sid';
SELECT i.host_id FROM federated.privacy_participants p JOIN federated.privacy_charges c ON c.id = p.charge_id
JOIN federated.islands i ON i.id = p.island_id WHERE c.session_id = :'sid' ORDER BY 1;
SELECT e.detail - 'charge' - 'epsilon' AS detail FROM federated.events e WHERE e.session_id = :'sid' AND e.kind = 'privacy_charged';
-- without noise the sum is nobody's business
SELECT test.try(current_user, format('SELECT federated.combined_norm(%s, 0, 1)', :round));
-- and then (3,4,0) twice and nothing, by three
SELECT federated.advance(:'sid');
SELECT test.rounded(:'sid');
-- the second round is charged for itself
SELECT test.submit(i, :'sid', 1, '{0,0,-90}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid'), test.rounded(:'sid');
SELECT c.round_no, c.clip_norm, c.cohort FROM federated.privacy_charges c WHERE c.session_id = :'sid' ORDER BY c.id;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Vectors of nothing, next to nothing, and as large as they get
CREATE FUNCTION test.private_round(config jsonb, a real[], b real[], c real[]) RETURNS numeric[]
LANGUAGE plpgsql
AS $$
DECLARE
	sid uuid := test.private(1, config, 0, 0, 0);
	weights numeric[];
BEGIN
	PERFORM test.submit('a', sid, 1, a), test.submit('b', sid, 3, b), test.submit('c', sid, 10, c);
	PERFORM test.until_null(sid);
	weights := test.rounded(sid);
	PERFORM test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', sid));
	RETURN weights;
END
$$;
SELECT test.private_round('{}', '{0,0,0}', '{-0,0,0}', '{0,0,0}') AS zero,
	   test.private_round('{}', '{1e-45,-1e-45,1e-38}', '{0,0,0}', '{0,0,0}') AS tiny,
	   test.private_round('{}', '{3.4e38,0,0}', '{0,-3.4e38,0}', '{3.4e38,3.4e38,3.4e38}') AS huge,
	   test.private_round('{"dp_clip_norm": 1000}', '{1,2,3}', '{4,5,6}', '{-5,-7,-3}') AS unclipped;

-- Each counts the same; or by its samples, up to a cap
SELECT test.private_round('{}', '{1,0,0}', '{0,1,0}', '{0,0,1}') AS uniform,
	   test.private_round('{"dp_weighting": "samples", "dp_sample_cap": 6}', '{1,0,0}', '{0,1,0}', '{0,0,1}') AS capped,
	   test.private_round('{"dp_divisor": 2}', '{1,0,0}', '{0,1,0}', '{0,0,1}') AS divided;

-- With the momentum of the server, which sees nothing but the noised mean
SELECT test.private(2, '{"algorithm": "fed_avgm", "server_momentum": 0.5}', 0, 0, 0) AS sid \gset
SELECT test.submit(i, :'sid', 1, '{1,2,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid');
SELECT test.submit(i, :'sid', 1, '{1,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid'), test.rounded(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Nobody was there: noise alone, of the size that was charged
SET federated.dp_test_seed = 'regress';
SELECT test.private(1, '{"dp_sampling": "none", "dp_sigma": 2, "dp_clip_norm": 1.5}', VARIADIC array_fill(0::real, '{5000}')) AS sid \gset
DELETE FROM federated.tasks WHERE round_id = test.round(:'sid');
UPDATE federated.sessions SET config = config || '{"min_updates": 0}' WHERE id = :'sid';
SELECT test.until_null(:'sid');
RESET federated.dp_test_seed;
SELECT c.cohort, c.noise_variance = 4 * 2.0 ^ 46 AS variance FROM federated.privacy_charges c WHERE c.session_id = :'sid';
-- within four standard deviations of what 5000 values say
SELECT abs(avg(w)) < 4 / sqrt(5000) AS mean, abs(avg(w * w) - 1) < 4 * sqrt(2.0 / 5000) AS variance,
	   count(DISTINCT w) > 4900 AS different
FROM unnest(test.weights(:'sid')) w;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- The test seed makes noise again, and the charge says so
CREATE FUNCTION test.seeded(sigma float8) RETURNS TABLE (weights real[], insecure boolean)
LANGUAGE plpgsql
AS $$
DECLARE
	sid uuid := test.private(1, jsonb_build_object('dp_sigma', sigma), VARIADIC array_fill(0::real, '{3000}'));
BEGIN
	PERFORM test.submit(i, sid, 1, array_fill(0.25::real, '{3000}')) FROM unnest('{a,b,c}'::text[]) i;
	PERFORM test.until_null(sid);
	weights := test.weights(sid);
	insecure := c.insecure_seed FROM federated.privacy_charges c WHERE c.session_id = sid;
	PERFORM test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', sid));
	RETURN NEXT;
END
$$;
SET federated.dp_test_seed = 'regress';
SELECT * FROM test.seeded(1) \gset one_
SELECT * FROM test.seeded(1) \gset two_
SET federated.dp_test_seed = 'another';
SELECT * FROM test.seeded(1) \gset three_
RESET federated.dp_test_seed;
SELECT * FROM test.seeded(1) \gset four_
SELECT * FROM test.seeded(1) \gset five_
SELECT :'one_insecure' AS insecure, :'four_insecure' AS not_insecure, :'one_weights' = :'two_weights' AS same_seed,
	   :'one_weights' = :'three_weights' AS another_seed, :'four_weights' = :'five_weights' AS no_seed;
-- of each page its own
SELECT w[1:900] = w[2017:2916] AS repeated FROM (SELECT :'one_weights'::real[] AS w) one;
-- The seed of whoever aggregates counts for nothing where it was not charged
CREATE FUNCTION test.charged_before(seed text) RETURNS real[]
LANGUAGE plpgsql
AS $$
DECLARE
	sid uuid := test.private(1, '{"dp_sigma": 1}', VARIADIC array_fill(0::real, '{10}'));
BEGIN
	PERFORM test.submit(i, sid, 1, array_fill(0.25::real, '{10}')) FROM unnest('{a,b,c}'::text[]) i;
	PERFORM federated.advance(sid), federated.advance(sid);
	PERFORM set_config('federated.dp_test_seed', seed, true);
	PERFORM test.until_null(sid);
	PERFORM test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', sid));
	RETURN test.weights(sid);
END
$$;
SELECT test.charged_before('regress') = test.charged_before('regress') AS same;
-- It is for superusers alone, to set and to read
SELECT test.try('regress_admin', 'SET federated.dp_test_seed = ''mine''');
SELECT test.try('regress_admin', 'SHOW federated.dp_test_seed');

-- Updates that a crash has emptied: frozen again, charged again
SET federated.update_durability = unlogged;
SELECT test.private(1, '{}', 0, 0, 0) AS sid \gset
RESET federated.update_durability;
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid'), federated.advance(:'sid');
SELECT relation FROM federated.rounds WHERE id = test.round(:'sid') \gset
TRUNCATE federated.:relation;
SELECT test.until_null(:'sid');
SELECT test.submit(i, :'sid', 1, '{0,3,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid'), test.rounded(:'sid');
SELECT c.round_no, v.status FROM federated.privacy_charges c JOIN federated.model_versions v ON v.id = c.version_id
WHERE c.session_id = :'sid' ORDER BY c.id;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Paused after the charge, it goes on without another; cancelled, it has spent, and nothing is left of the result
SELECT test.private(2, '{}', 0, 0, 0) AS sid \gset
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid'), federated.advance(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L)', :'sid'));
SELECT test.until_null(:'sid') AS paused;
SELECT test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT test.until_null(:'sid'), test.rounded(:'sid');
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid'), federated.advance(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT test.until_null(:'sid') AS cancelled;
SELECT c.round_no, v.status, v.vector_id IS NOT NULL AS has_pages
FROM federated.privacy_charges c JOIN federated.model_versions v ON v.id = c.version_id WHERE c.session_id = :'sid' ORDER BY c.id;

-- A round that was charged and then lost its updates may have no room in the budget
-- a second time: the session ends with what it has
SET federated.update_durability = unlogged;
SELECT test.private(5, '{"dp_sigma": 1, "epsilon_budget": 7.5}', 0, 0, 0) AS sid \gset
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid');
RESET federated.update_durability;
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid'), federated.advance(:'sid');
SELECT relation FROM federated.rounds WHERE id = test.round(:'sid') \gset
TRUNCATE federated.:relation;
SELECT federated.advance(:'sid');
SELECT test.submit(i, :'sid', 1, '{3,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT test.until_null(:'sid'), test.status(:'sid');
SELECT c.round_no, v.status FROM federated.privacy_charges c JOIN federated.model_versions v ON v.id = c.version_id
WHERE c.session_id = :'sid' ORDER BY c.id;

-- Where each Island adds its own noise the server charges for it, and adds up as ever
SELECT test.private(1, '{"dp_mode": "local", "dp_sigma": 2}', 0, 0, 0) AS sid \gset
SELECT test.submit('a', :'sid', 1, '{100,0,0}'), test.submit('b', :'sid', 1, '{0,100,0}'), test.submit('c', :'sid', 2, '{0,0,100}');
SELECT test.until_null(:'sid'), test.rounded(:'sid');
SELECT c.mechanism, c.noise_multiplier, c.clip_norm, c.sampling_rate, c.cohort, c.count_noise, c.insecure_seed
FROM federated.privacy_charges c WHERE c.session_id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- A count that spends more than the round may, and a session that nobody settled
SELECT test.private(1, '{}', 0, 0, 0) AS sid \gset
SELECT test.submit(i, :'sid', 1, '{0,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE federated.session_privacy SET count_noise = 5e-8 WHERE session_id = :'sid';
SET LOCAL session_replication_role = origin;
SELECT test.try(current_user, format('SELECT federated.advance(%L)', :'sid'));
SET LOCAL session_replication_role = replica;
DELETE FROM federated.session_privacy WHERE session_id = :'sid';
SET LOCAL session_replication_role = origin;
SELECT test.refusal(current_user, format('SELECT federated.advance(%L)', :'sid'));
ROLLBACK;
SELECT count(*) FROM federated.privacy_charges WHERE session_id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
