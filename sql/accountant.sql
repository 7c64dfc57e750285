-- What noise costs in privacy: numbers that were published or worked out, what is refused, and noise itself.
\set SHOW_CONTEXT never
SET extra_float_digits = 0;

-- Abadi et al. 2016 have 1.26 for this, by a conversion that was looser
SELECT round(federated_epsilon(4, 0.01, 10000, 1e-5)::numeric, 4) AS sampled;
-- by hand: Phi(1/2 - e) - exp(e) Phi(-1/2 - e) is 1e-5 at e = 4.3772
SELECT round(federated_epsilon(1)::numeric, 4) AS once, round(federated_epsilon(2, rounds => 4)::numeric, 4) AS four_times_half,
	   round(federated_epsilon(2, sampling => 'fixed')::numeric, 4) AS replaced, round(federated_epsilon(1, sampling => 'none')::numeric, 4) AS none;
SELECT federated_epsilon(1, rounds => 0) AS never, federated_epsilon(1000, 0.5, 1, 0.1) AS nothing_to_see;
SELECT sampling, round(federated_epsilon(2, 0.1, 100, 1e-6, sampling)::numeric, 4) AS epsilon FROM unnest('{poisson,fixed}'::text[]) sampling;
SELECT z, q, rounds, delta FROM unnest('{0.000000001,0.3,100,1000000000}'::float8[]) z, unnest('{0.00001,0.5,1}'::float8[]) q,
	unnest('{1,1000000,9223372036854775807}'::bigint[]) rounds, unnest('{1e-300,0.99}'::float8[]) delta, unnest('{poisson,fixed}'::text[]) sampling
WHERE NOT federated_epsilon(z, q, rounds, delta, sampling) BETWEEN 0 AND 1e60;

SELECT round(federated_noise_multiplier(1)::numeric, 4) AS once, round(federated_noise_multiplier(2, 0.01, 10000)::numeric, 4) AS sampled,
	   round(federated_noise_multiplier(8, 0.2, 300, 1e-6, 'fixed')::numeric, 4) AS fixed;
SELECT target, federated_epsilon(z, 0.05, 500) <= target AS enough, federated_epsilon(z * 0.999, 0.05, 500) > target AS not_less
FROM unnest('{0.1,1,10}'::float8[]) target, federated_noise_multiplier(target, 0.05, 500) z;

-- Rounds of several kinds
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{}', '{}', '{}', '{}', 1e-5, true);
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{3,4}', '{1,1}', '{none,none}', '{1,1}', 1e-5, true);
SELECT round(federated_epsilon(2.4)::numeric, 4) AS the_same;
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{3,4}', '{1,1}', '{none,none}', '{1,1}', 1e-5, false);
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{4,4}', '{0.01,0.01}', '{poisson,poisson}', '{4000,6000}', 1e-5, true);
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{4,8,20}', '{0.01,0.1,1}', '{poisson,fixed,none}', '{4000,20,1}', 1e-5, true);
-- Rates so near to 1 that the curve without sampling gives less than any order
SELECT round(epsilon::numeric, 4) AS epsilon, method, rdp_order FROM federated.privacy_epsilon('{1}', '{0.999}', '{poisson}', '{1}', 1e-5, true);

-- Refusals
CREATE FUNCTION test.said(query text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE query;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', sqlstate, sqlerrm, nullif(detail, ''));
END
$$;
SELECT call, test.said('SELECT ' || call) FROM unnest('{
federated_epsilon(0), federated_epsilon(-1), federated_epsilon(''NaN''), federated_epsilon(''infinity''), federated_epsilon(NULL)}'::text[]) call;
SELECT call, test.said(format('SELECT federated_epsilon(1, %s)', call)) FROM unnest(ARRAY['0', '1.1', '''NaN''', 'NULL', '0.5, -1', '1, NULL', '1, 1, 0', '1, 1, 1',
	'1, 1, ''NaN''', '1, 1, NULL', '1, 1, 0.1, ''bernoulli''', '1, 1, 0.1, NULL', '0.5, 1, 0.1, ''none''']) call;
SELECT call, test.said(format('SELECT federated_noise_multiplier(%s)', call)) FROM unnest(ARRAY['0', '-1', '''NaN''', '''infinity''', 'NULL', '1e12', '1e-6, 1, 1000000000000',
	'1, 2', '1, 1, 0', '1, 1, 1, 1', '1, 1, 1, 0.1, ''''']) call;
SELECT call, test.said(format('SELECT federated.privacy_epsilon(%s, 1e-5, true)', call)) FROM unnest(ARRAY[
	'''{1,1}'', ''{1}'', ''{none,none}'', ''{1,1}''', '''{1}'', ''{1}'', ''{none,none}'', ''{1}''', '''{1}'', ''{1}'', ''{none}'', ''{}''',
	'''{1}'', ''{NULL}'', ''{none}'', ''{1}''', '''{{1}}'', ''{1}'', ''{none}'', ''{1}''', '''{0}'', ''{1}'', ''{none}'', ''{1}''', '''{1}'', ''{1}'', ''{some}'', ''{1}''']) call;
SELECT variance, test.said(format('SELECT federated.discrete_gaussian(%s)', variance)) FROM unnest('{0,-1,281474976710657}'::bigint[]) variance;

-- Noise: bounds that 2000 samples stay within but once in a million times
SELECT abs(avg(x)) < 5 * sqrt(variance / 2000.0) AS mean, abs(var_pop(x) / variance - 1) < 5 * sqrt(2 / 2000.0) AS spread, count(DISTINCT x) > least AS differ
FROM (VALUES (4::bigint, 6), (281474976710656, 1990)) v (variance, least),
	LATERAL (SELECT federated.discrete_gaussian(variance)::numeric AS x FROM generate_series(1, 2000) i WHERE i > 0 AND variance > 0) n
GROUP BY variance, least ORDER BY variance;
