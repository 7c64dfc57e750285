-- Distributed differential privacy: what a session may ask for, the grid by hand, the task text, what is said of it.
SELECT test.workload('secagg privacy', 0) AS workload \gset
CREATE FUNCTION test.distributed(config jsonb) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try(current_user, format('SELECT ''ok'' FROM federated.resolve_config(%L)', '{"secure_aggregation": true, "dp_sigma": 1}'::jsonb || $1)) $$;

-- What the two keys together make of a config
SELECT key, value FROM jsonb_each(federated.resolve_config('{"secure_aggregation": true, "dp_sigma": 1}')) r
WHERE r.value IS DISTINCT FROM federated.resolve_config('{}') -> r.key ORDER BY key COLLATE "C";
SELECT k AS absent, federated.resolve_config('{"secure_aggregation": true, "dp_sigma": 1}') ? k AS there
FROM unnest('{secagg_range,secagg_sample_cap,secagg_metric_bounds,dp_divisor,dp_delta,dp_sample_cap}'::text[]) k;
SELECT federated.resolve_config('{"secure_aggregation": true, "dp_sigma": 1, "dp_adaptive_clip": {}}') -> 'dp_adaptive_clip' AS adaptive;
-- Without noise, or without masks, nothing of it
SELECT count(*) FROM jsonb_object_keys(federated.resolve_config('{"secure_aggregation": true}')) k WHERE k LIKE 'dp%' OR k = 'secagg_max_colluding';
SELECT federated.resolve_config('{"dp_sigma": 1}') -> 'dp_mode' AS mode;
SELECT c, test.try(current_user, format('SELECT ''ok'' FROM federated.resolve_config(%L)', c)) FROM unnest(ARRAY['{"dp_sigma": 1, "dp_mode": "distributed"}', '{"dp_sigma": 1, "dp_mode": "distributed", "secure_aggregation": false}',
	'{"dp_sigma": 1, "secagg_max_colluding": 0}', '{"secure_aggregation": true, "secagg_max_colluding": 0}', '{"secure_aggregation": true, "secagg_weights": "unit"}',
	'{"dp_mode": "distributed"}', '{"secure_aggregation": true, "dp_mode": "distributed"}']) c;

-- What is refused, and what is not
SELECT c, test.distributed(c::jsonb) FROM unnest(ARRAY['{"dp_mode": "central"}', '{"dp_mode": "local"}', '{"dp_mode": "distributed"}',
	'{"dp_weighting": "samples"}', '{"dp_weighting": "samples", "dp_sample_cap": 5}', '{"dp_weighting": "uniform"}', '{"dp_sample_cap": 5}',
	'{"dp_sampling": "poisson", "participation_fraction": 0.5}', '{"dp_sampling": "fixed"}', '{"dp_sampling": "none"}',
	'{"secagg_weights": "declared"}', '{"secagg_weights": "hidden"}', '{"secagg_weights": "unit"}', '{"secagg_range": 1}', '{"secagg_sample_cap": 10000}',
	'{"secagg_metrics": "masked"}', '{"secagg_metrics": "visible"}', '{"secagg_metrics": "none"}', '{"secagg_metric_bounds": {}}',
	'{"dp_adaptive_clip": {"count_noise": 5}}', '{"dp_adaptive_clip": {"initial": 2, "quantile": 0.3}}', '{"dp_adaptive_clip": {}, "dp_clip_norm": 1}']) c;
SELECT c, test.distributed(c::jsonb) FROM unnest(ARRAY['{"algorithm": "scaffold"}', '{"algorithm": "fed_nova"}', '{"algorithm": "fed_avgm"}', '{"algorithm": "fed_prox"}',
	'{"aggregation": "median"}', '{"target": {"metric": "accuracy", "value": 0.9}, "secagg_metrics": "visible"}', '{"patience": 2}', '{"contribution": true}',
	'{"keep_versions": "best"}', '{"update_encoding": "f32"}', '{"min_updates": 2}', '{"dp_delta": 0.3}', '{"dp_delta": 0.4}', '{"min_participants": 5, "dp_delta": 0.3}',
	'{"dp_divisor": 4}']) c;
-- Fewer than a third may work with the coordinator
SELECT m AS min_updates, federated.secagg_most_colluding(m) AS most FROM unnest('{1,3,4,6,7,9,10,128}'::integer[]) m;
SELECT c, test.distributed(c::jsonb) FROM unnest(ARRAY['{"secagg_max_colluding": 0}', '{"secagg_max_colluding": 1}', '{"min_updates": 4, "secagg_max_colluding": 1}',
	'{"min_updates": 4, "secagg_max_colluding": 2}', '{"min_updates": 128, "min_participants": 128, "secagg_max_colluding": 42}', '{"secagg_max_colluding": 43}',
	'{"secagg_max_colluding": -1}']) c;
BEGIN;
UPDATE federated.server_optimizers SET private = false WHERE name = 'fed_avgm';
SELECT test.distributed('{"algorithm": "fed_avgm"}');
ROLLBACK;
-- No grid: noise that is too little, or for the count too much
SELECT c, test.distributed(c::jsonb) FROM unnest(ARRAY['{"dp_sigma": 0.0001}', '{"dp_sigma": 0.001}', '{"dp_sigma": 1000}', '{"dp_sigma": 1000, "dp_adaptive_clip": {}}',
	'{"dp_adaptive_clip": {}, "dp_divisor": 1e6}', '{"dp_divisor": 1e6}']) c;

-- The grid by hand: of 10 Islands at most, h = 3 without colluding ones. 10 · 2^24 fits, noise 12 · sqrt(10 · 4^24 / 3) does not go
-- beyond: e = 24, and each adds floor(4^24 / 3) + 1
SELECT * FROM federated.secagg_dp_grid(1, false, 0, 3, 0, 10);
SELECT (4::numeric ^ 24 / 3)::bigint + 1 AS variance, 10 * 2 ^ 24 + 12 * (floor(sqrt(10 * 93824992236886)) + 1) < 2 ^ 31 AS room;
-- 128 of 2^24 alone are 2^31
SELECT g.levels = 2 ^ 23 AS half, g.noise_var = floor(4::numeric ^ 23 / 86) + 1 AS share FROM federated.secagg_dp_grid(1, false, 0, 128, 42, 128) g;
-- Adaptive: the count's noise is D / 20, at least z, and costs its part; in steps of 2^16 it is 4 · sigma_b^2 · 2^32 / h
SELECT g.honest, log(2, g.levels::numeric)::integer AS e, g.count_noise, g.aux_noise_var = floor(4 * 2 ^ 32 / 3) + 1 AS aux,
	   g.noise_var = floor(4::numeric / 3 * 4::numeric ^ 24 / 3) + 1 AS share FROM federated.secagg_dp_grid(1, true, 10, 3, 0, 3) g;
SELECT g.count_noise, g.aux_noise_var = floor(16 * 2 ^ 32 / 3) + 1 AS aux FROM federated.secagg_dp_grid(1, true, 40, 3, 0, 3) g;
SELECT g.problem FROM (VALUES (1e6::float8, 3, 0, 3), (1e-5, 3, 0, 3), (1, 4, 2, 4), (1, 3, 0, 129), (0, 3, 0, 3)) v (z, m, f, n),
	   federated.secagg_dp_grid(v.z, false, 0, v.m, v.f, v.n) g;
-- What an Island says of its norm, in steps of 2^16: all within, none, and what noise can make of it
SELECT federated.secagg_fraction(4 * 65536, 4) AS all_within, federated.secagg_fraction(4294967296 - 4 * 65536, 4) AS nobody,
	   federated.secagg_fraction(0, 4) AS half, federated.secagg_fraction(65536, 4) AS more, federated.secagg_fraction(900000, 4) AS clamped;

-- A session. Its task text comes with what is settled as training starts, with all digits
SELECT test.accept(:workload, 'abc', 40);
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT test.try('regress_creator', format('SELECT federated_start_session(''priced'', %s, 1, %L)', :workload,
	'{"secure_aggregation": true, "dp_sigma": 5, "price": {"per_thousand_samples": 1, "max_samples": 10}, "budget": 5}'));
SELECT test.try('regress_creator', format('SELECT federated_start_session(''delta'', %s, 1, %L)', :workload, '{"secure_aggregation": true, "dp_sigma": 5, "dp_delta": 0.3, "secagg_max_cohort": 4}'));
SET client_min_messages = error;
SELECT test.run_as('regress_creator', format('SELECT federated_start_session(''fixed'', %s, 2, %L)', :workload,
	'{"secure_aggregation": true, "dp_sigma": 5, "dp_clip_norm": 0.5, "heartbeat_timeout": 86400, "seed": 7}'))::uuid AS fixed \gset
SELECT test.run_as('regress_creator', format('SELECT federated_start_session(''adaptive'', %s, 2, %L)', :workload,
	'{"secure_aggregation": true, "dp_sigma": 5, "dp_adaptive_clip": {"initial": 0.12345678901234568}, "dp_divisor": 60.333333333333336, "dp_delta": 0.001, "min_updates": 4, "min_participants": 3,
	  "secagg_max_cohort": 8, "secagg_metrics": "visible", "heartbeat_timeout": 86400, "seed": 7}'))::uuid AS adaptive \gset
SELECT count(*) AS texts FROM federated.secagg_tasks t WHERE t.session_id IN (:'fixed', :'adaptive');
SET extra_float_digits = 0;
CALL test.drive(:'fixed');
CALL test.drive(:'adaptive');
SELECT line FROM federated.secagg_tasks t, regexp_split_to_table(convert_from(t.task_text, 'UTF8'), E'\n') line
WHERE t.session_id = :'fixed' AND line ~ '^(dp|secagg)';
SELECT line FROM federated.secagg_tasks t, regexp_split_to_table(convert_from(t.task_text, 'UTF8'), E'\n') line
WHERE t.session_id = :'adaptive' AND line ~ '^(dp|secagg|min_updates)';
SELECT s.name, p.participants, p.delta, p.divisor, p.first_clip_norm, p.count_noise FROM federated.session_privacy p
JOIN federated.sessions s ON s.id = p.session_id WHERE s.id IN (:'fixed', :'adaptive') ORDER BY 1 DESC;
-- Grid and noise of the first attempts, and what Islands are told
SELECT s.name, a.range, a.clip, log(2, a.levels::numeric)::integer AS e, a.noise_var, a.aux_noise_var FROM federated.secagg_attempts a
JOIN federated.sessions s ON s.id = a.session_id WHERE s.id IN (:'fixed', :'adaptive') ORDER BY 1 DESC;
SELECT s.name, d.document ->> 'weights' AS weights, d.document ->> 'metrics' AS metrics, d.document -> 'vectors' -> 0 ->> 'R' AS r, d.document ->> 'clip' AS clip,
	   d.document ->> 'Q' AS q, d.document ->> 'W_cap' AS w_cap, d.document ->> 'n_cap' AS n_cap, d.document ->> 'aux_len' AS aux_len,
	   d.document ->> 'noise_var' AS noise_var, d.document ->> 'aux_noise_var' AS aux_noise_var
FROM federated.sessions s, LATERAL (SELECT test.run_as('regress_a', format('SELECT federated_next_task(%L) -> ''secagg''', s.id))::json AS document) d
WHERE s.id IN (:'fixed', :'adaptive') ORDER BY 1 DESC;

RESET extra_float_digits;

-- Nothing is revealed without its charge, whatever the state machine does
CREATE FUNCTION test.move(session uuid, wanted text) RETURNS text
LANGUAGE sql
AS $$
	SELECT test.try(current_user, format('INSERT INTO federated.secagg_attempts (session_id, round_id, round_no, attempt, state, mode, base, c0, range, levels, clip,
			noise_var, aux_noise_var, n, t, ctx, sets, system_identifier, database_oid, timeline)
		SELECT session_id, round_id, round_no + 7, attempt, %L, mode, c0, c0, range, levels, clip, noise_var, aux_noise_var, 3, 3, c0, c0, system_identifier,
			   database_oid, timeline FROM federated.secagg_attempts WHERE session_id = %L RETURNING ''moved''', wanted, session))
$$;
-- An attempt begins in state advertise; without that guard this one still holds
ALTER TABLE federated.secagg_attempts DISABLE TRIGGER guard_new;
SELECT state, test.move(:'fixed', state) FROM unnest('{reveal,sum,done}'::text[]) state;
ALTER TABLE federated.secagg_attempts ENABLE TRIGGER guard_new;
SELECT test.try(current_user, format('UPDATE federated.secagg_attempts SET %s = %s WHERE session_id = %L RETURNING ''changed''', column_name, given, :'fixed'))
FROM (VALUES ('clip', '0.25'), ('noise_var', '1048576'), ('levels', '1024'), ('range', '0.25'), ('aux_noise_var', '1'), ('state', '''agree''')) v (column_name, given);

-- What is said of it. Epsilon is that of Renyi orders, which is more than the exact curve's
SELECT round(planned.epsilon::numeric, 4) AS epsilon, planned.method, round(exact.epsilon::numeric, 4) AS exact, exact.method
FROM federated.planned_privacy(federated.resolve_config('{"secure_aggregation": true, "dp_sigma": 5, "dp_delta": 1e-5}'), 10, 4) planned,
	 federated.privacy_epsilon('{5}', '{1}', '{none}', '{4}', 1e-5, true) exact;
SELECT (federated.compose_privacy(ARRAY[ROW(5, 1, 'none', 2, true), ROW(5, 1, 'none', 2, false)]::federated.privacy_cost[], 1e-5)).method AS mixed,
	   (federated.compose_privacy(ARRAY[ROW(5, 1, 'none', 2, true), ROW(4, 1, 'none', 2, true)]::federated.privacy_cost[], 1e-5)).method AS central;
-- Charges of rounds that the books have lost are those of any round: h times an Island's variance, in steps of the grid
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 2, ''test'')', x)) FROM unnest(ARRAY[:'fixed', :'adaptive']) x;
SELECT s.name, c.mechanism, c.noise_multiplier AS z, round(c.update_noise_multiplier::numeric, 6) AS updates, c.clip_norm, c.grid = c.clip_norm / a.levels AS grid,
	   c.noise_variance / a.noise_var AS honest, c.noise_variance % a.noise_var AS rest, c.divisor, c.sampling, c.delta, c.count_noise, c.cohort
FROM federated.privacy_charges c JOIN federated.sessions s ON s.id = c.session_id JOIN federated.secagg_attempts a ON a.session_id = s.id
WHERE s.id IN (:'fixed', :'adaptive') ORDER BY c.id;
SELECT p.name, p.mode, p.rounds, round(p.epsilon::numeric, 4) AS epsilon, p.method, p.clip_norms, round(p.noise_std_sum::numeric, 4) AS sum,
	   round(p.noise_std_mean::numeric, 4) AS mean FROM federated.privacy_spent p WHERE p.session_id IN (:'fixed', :'adaptive') ORDER BY 1 DESC;
SELECT round(e.epsilon::numeric, 4) AS by_orders FROM federated.privacy_epsilon('{5}', '{1}', '{none}', '{2}', 1e-5, false) e;
SELECT s.name, round((federated.spent_by_participant(s.id, i.id)).epsilon::numeric, 4) AS epsilon, (federated.spent_by_participant(s.id, i.id)).method,
	   round(federated.epsilon_of_task(r, s, i.id)::numeric, 4) AS of_task
FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id, federated.islands i
WHERE s.id IN (:'fixed', :'adaptive') AND i.host_id = 'island-a' ORDER BY 1 DESC;
-- A workload whose sessions mix modes: by orders, all together
SELECT test.start('central', :workload, 1, '{"dp_sigma": 5, "dp_clip_norm": 1, "min_participants": 3}') AS central \gset
CALL test.drive(:'central');
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 1, ''test'')', :'central'));
SELECT w.host_id, w.sessions, w.rounds, w.method, round(w.epsilon::numeric, 4) AS epsilon FROM federated.workload_privacy w WHERE w.workload_id = :workload ORDER BY 1;
SELECT round(e.epsilon::numeric, 4) AS by_orders FROM federated.privacy_epsilon('{5}', '{1}', '{none}', '{5}', 1e-5, false) e;
SELECT p.method AS central_alone FROM federated.privacy_spent p WHERE p.session_id = :'central';
-- A budget counts by orders as well
SELECT round(federated_epsilon(5)::numeric, 4) AS exact;
SELECT test.try('regress_creator', format('SELECT federated_start_session(''budget'', %s, 1, %L)', :workload,
	'{"secure_aggregation": true, "dp_sigma": 5, "epsilon_budget": 0.75}'));

\pset format unaligned
\t on
SELECT jsonb_pretty(federated_session(s.id)::jsonb -> 'privacy') FROM federated.sessions s WHERE s.id = :'adaptive';
SELECT jsonb_pretty(federated_session(s.id)::jsonb -> 'secure_aggregation' -> 'coordinator_learns') FROM federated.sessions s WHERE s.id = :'adaptive';
SELECT jsonb_pretty(federated_session(s.id)::jsonb -> 'secure_aggregation' -> 'coordinator_learns') FROM federated.sessions s WHERE s.id = :'fixed';
SELECT federated.privacy_statement(s.config, 1.5, 1e-5, 2) FROM federated.sessions s WHERE s.id = :'fixed';
SELECT federated.distributed_trust(s.config), federated.outside_epsilon(s.config), federated.coordinator_sees(s.config) FROM federated.sessions s WHERE s.id = :'fixed';
SELECT test.try('regress_creator', format('SELECT (p.method, round(p.epsilon::numeric, 4), p.noise_std_sum, p.noise_std_mean)::text FROM federated_plan_privacy(%L, %s, 3) p', c, n))
FROM (VALUES ('{"secure_aggregation": true, "dp_sigma": 5}', 10), ('{"secure_aggregation": true, "dp_sigma": 5}', 2), ('{"secure_aggregation": true, "dp_sigma": 5}', 200),
			 ('{"secure_aggregation": true, "dp_sigma": 5, "dp_clip_norm": 0.2}', 10), ('{"secure_aggregation": "yes", "dp_sigma": 5}', 10)) v (c, n);
\t off
\pset format aligned
-- The fewer must add noise enough, the more there is of all. By hand: of 20, t = 14, f = 4, h = 10, and sqrt(20 / 10) = 1.41 times
SELECT c, n, federated.excess_notice(federated.resolve_config('{"secure_aggregation": true, "dp_sigma": 5}'::jsonb || c::jsonb), n) AS notice
FROM (VALUES ('{}', 20), ('{}', 6), ('{}', 7), ('{"min_updates": 14}', 20), ('{"min_updates": 13}', 20), ('{"min_updates": 9}', 20), ('{"min_updates": 67}', 100),
			 ('{"min_updates": 9, "secagg_max_colluding": 0}', 20), ('{"secagg_mode": "semi_honest"}', 20), ('{"secagg_max_cohort": 6}', 20),
			 ('{"participation_fraction": 0.25}', 20), ('{"min_participants": 20}', 3), ('{}', 1000)) v (c, n);
SELECT federated.excess_notice(federated.resolve_config(c::jsonb), 20) AS plain FROM unnest(ARRAY['{}', '{"dp_sigma": 5}', '{"secure_aggregation": true}']) c;
SELECT array_to_string(p.notices, E'\n') AS planned FROM federated_plan_privacy('{"secure_aggregation": true, "dp_sigma": 5}', 20, 3) p;
-- Whoever starts a session is told, by the Islands that accept the workload and would be admitted
BEGIN;
INSERT INTO federated.islands (id, host_id, account_id) OVERRIDING SYSTEM VALUE SELECT 1000000 + i, 'crowd-' || i, (SELECT min(a.id) FROM federated.accounts a) FROM generate_series(1, 17) i;
INSERT INTO federated.consents (island_id, workload_id, num_samples) SELECT i.id, :workload, 40 FROM federated.islands i WHERE i.host_id LIKE 'crowd-%';
SET LOCAL client_min_messages = notice;
SELECT test.run_as('regress_creator', format('SELECT federated_start_session(''crowd'', %s, 1, %L)', :workload, '{"secure_aggregation": true, "secagg_mode": "semi_honest", "dp_sigma": 5}')) IS NULL AS never;
ROLLBACK;

SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', s.id)) FROM federated.sessions s WHERE s.id IN (:'fixed', :'adaptive', :'central');
DROP FUNCTION test.distributed(jsonb), test.move(uuid, text);
