-- Differential privacy: the clip norm that follows a quantile of the updates' norms.
-- With the helpers of the test privacy_noise, and as little noise.
SET client_min_messages = error;

-- Of a hundred updates with norms from 0.02 to 2, whose median
-- is 1.01: found from ten times too much and ten times too little.
CREATE FUNCTION test.adapt(clip_norm float8, quantile float8, rounds integer) RETURNS float8
LANGUAGE plpgsql
AS $$
DECLARE
	rule jsonb := jsonb_build_object('quantile', quantile, 'learning_rate', 0.2);
	within bigint;
BEGIN
	FOR i IN 1 .. rounds
	LOOP
		SELECT count(*) INTO within FROM generate_series(1, 100) n WHERE n * 0.02 <= clip_norm;
		clip_norm := federated.adapted_clip_norm(clip_norm, federated.noised_fraction(within, 100, 5, 100), rule);
	END LOOP;
	RETURN clip_norm;
END
$$;
SELECT quantile, start, test.adapt(start, quantile, 120) BETWEEN 0.75 * wanted AND 1.25 * wanted AS found
FROM (VALUES (0.5, 10.1, 1.01), (0.5, 0.1, 1.01), (0.8, 16, 1.6), (0.8, 0.16, 1.6)) v (quantile, start, wanted);
SELECT federated.adapted_clip_norm(1, 0, rule), federated.adapted_clip_norm(1, 1, rule), federated.adapted_clip_norm(1, 0.5, rule),
	   federated.adapted_clip_norm(1e-30, 1, rule), federated.adapted_clip_norm(1e30, 0, rule)
FROM (SELECT '{"quantile": 0.5, "learning_rate": 0.2}'::jsonb AS rule) r;
-- The count: centred, by the divisor, within 0 and 1
SELECT within, updates, divisor, round(federated.noised_fraction(within, updates, 1e-6, divisor)::numeric, 3)
FROM (VALUES (0, 0, 10), (10, 10, 10), (0, 10, 10), (5, 10, 10), (7, 10, 20), (30, 30, 10), (0, 30, 10)) v (within, updates, divisor);
-- within five and a half standard deviations of what 2000 draws say
SELECT abs(avg(f) - 0.5) < 5.5 * 0.05 / sqrt(2000) AS mean, abs(stddev(f) - 0.05) < 5.5 * 0.05 / sqrt(4000) AS noise
FROM (SELECT federated.noised_fraction(50, 100, 5, 100) AS f FROM generate_series(1, 2000)) drawn;
SELECT n, federated.count_bits(n), n * 2.0 ^ federated.count_bits(n) <= 2 ^ 24 AS drawable FROM unnest('{1e-6,0.5,1,5,5000,1000000}'::float8[]) n;

-- In a session: two of three are within 1, and the next clip norm is larger than it was or smaller, as was released
SELECT test.private(3, '{"dp_sigma": 1e-5, "dp_clip_norm": null,
	"dp_adaptive_clip": {"initial": 1, "quantile": 0.9, "count_noise": 1e-4}}', 0, 0, 0) AS sid \gset
SELECT test.submit('a', :'sid', 1, '{1,0,0}'), test.submit('b', :'sid', 1, '{0,0.5,0}'), test.submit('c', :'sid', 1, '{0,0,2}');
SELECT test.until_null(:'sid');
SELECT test.submit(i, :'sid', 1, '{0,0,0}') FROM unnest('{a,b,c}'::text[]) i;
SELECT federated.advance(:'sid'), federated.advance(:'sid');
SELECT c.round_no, round(c.clip_norm::numeric, 2) AS clip_norm, c.noise_multiplier, c.update_noise_multiplier > c.noise_multiplier AS more,
	   round((1 / sqrt(1 / c.update_noise_multiplier ^ 2 + 1 / (2 * c.count_noise) ^ 2))::numeric, 12) AS together,
	   c.count_noise, round(c.released_fraction::numeric, 1) AS released
FROM federated.privacy_charges c WHERE c.session_id = :'sid' ORDER BY c.id;
-- what was charged but not released moves nothing, and is not released later
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT count(*) FROM federated.privacy_charges c WHERE c.session_id = :'sid' AND c.released_fraction IS NULL;
