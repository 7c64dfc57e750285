-- Differential privacy: what is settled, charged, spent and said, and who may know what.
SELECT test.workload('privacy', 0, 0) AS workload \gset
SELECT test.accept(:workload, 'a', 100), test.accept(:workload, 'b', 200), test.accept(:workload, 'c', 300), test.accept(:workload, 'd', 400);
SET client_min_messages = error;

-- Settled when training starts, charged before anything is made, and spent
SELECT test.start('private', :workload, 3, '{"dp_sigma": 2, "dp_clip_norm": 0.5, "min_participants": 4, "keep_versions": "all"}') AS sid \gset
SELECT p.rounds, p.epsilon, p.delta FROM federated.privacy_spent p WHERE p.session_id = :'sid';
SELECT federated_session(:'sid') -> 'privacy' ->> 'statement' AS before;
CALL test.drive(:'sid');
SELECT participants, delta, divisor, first_clip_norm, count_noise FROM federated.session_privacy WHERE session_id = :'sid';
SELECT round((test.run_as('regress_a', 'SELECT federated_next_task()')::jsonb ->> 'epsilon')::numeric, 5) AS epsilon_of_the_task;
SELECT test.submit(x, :'sid', 10, '{1,1}', format('{"training": {"loss": %s}}', n)::jsonb) FROM unnest('{a,b,c,d}'::text[]) WITH ORDINALITY u (x, n);
CALL test.drive(:'sid');
SELECT c.round_no, c.mechanism, c.noise_multiplier AS z, c.clip_norm, c.divisor, c.sampling, c.sampling_rate, c.cohort, c.insecure_seed, c.lost,
	   (SELECT string_agg(i.host_id, ', ' ORDER BY i.host_id) FROM federated.privacy_participants p JOIN federated.islands i ON i.id = p.island_id WHERE p.charge_id = c.id) AS islands
FROM federated.privacy_charges c WHERE c.session_id = :'sid';
-- d does not come: its odometer stays behind
SELECT test.submit(x, :'sid', 10, '{1,1}') FROM unnest('{a,b,c}'::text[]) x;
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT rounds, round(epsilon::numeric, 5) AS epsilon, delta, method, noise_multiplier AS z, clip_norms, round(noise_std_sum::numeric, 6) AS std_sum,
	   round(noise_std_mean::numeric, 6) AS std_mean, divisor, sampling, sampling_rate AS q, participants AS n, round(most_by_participant::numeric, 5) AS most, insecure_seed, lost
FROM federated.privacy_spent WHERE session_id = :'sid';
SELECT host_id, rounds, round(epsilon::numeric, 5) AS epsilon, method FROM federated.participant_privacy WHERE session_id = :'sid' ORDER BY host_id;
SELECT round((test.run_as('regress_a', 'SELECT federated_next_task()')::jsonb ->> 'epsilon')::numeric, 5) AS a_adds,
	   round((test.run_as('regress_d', 'SELECT federated_next_task()')::jsonb ->> 'epsilon')::numeric, 5) AS d_adds;
SELECT test.submit(x, :'sid', 10, '{1,1}') FROM unnest('{a,b,c,d}'::text[]) x;
CALL test.drive(:'sid');
SELECT round((test.run_as('regress_a', 'SELECT federated_next_task()')::jsonb ->> 'epsilon')::numeric, 5) AS of_an_evaluation;
SELECT test.evaluate(x, :'sid', 10, '{"evaluation": {"accuracy": 0.5}}') FROM unnest('{a,b,c,d}'::text[]) x;
CALL test.drive(:'sid');
SELECT test.status(:'sid');

-- What is said of it
SELECT key, CASE WHEN key IN ('epsilon', 'planned_epsilon', 'most_by_participant', 'noise_std_sum', 'noise_std_mean') THEN to_jsonb(round((value #>> '{}')::numeric, 5)) ELSE value END AS value
FROM jsonb_each(federated_session(:'sid')::jsonb -> 'privacy') ORDER BY key COLLATE "C";
SELECT v.round_no, v.provenance -> 'privacy' -> 'rounds' AS rounds, round((v.provenance -> 'privacy' ->> 'epsilon')::numeric, 5) AS epsilon,
	   left(v.provenance -> 'privacy' ->> 'statement', 140) AS statement
FROM federated.model_versions v WHERE v.session_id = :'sid' ORDER BY v.id;
SELECT regexp_substr(federated_model_card(s.result_version_id), '## Privacy\n\n[^\n]{0,90}') AS card,
	   convert_from(federated.export_header(v), 'UTF8') ~ '"federated.privacy":"\{.*statement' AS in_the_file
FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.result_version_id WHERE s.id = :'sid';
SELECT w.host_id, w.sessions, w.rounds, round(w.epsilon::numeric, 5) AS epsilon FROM federated.workload_privacy w WHERE w.workload_id = :workload ORDER BY 1;
SELECT test.run_as('regress_d', format('SELECT string_agg(host_id || rounds, '','') FROM federated.workload_privacy WHERE workload_id = %s', :workload)) AS d_sees;

-- Append-only; only what a closing round releases is added, once
SELECT test.try(current_user, q) FROM unnest(ARRAY[
	'UPDATE federated.privacy_charges SET noise_multiplier = 100', 'UPDATE federated.privacy_charges SET lost = true, released_fraction = 0.5',
	'DELETE FROM federated.privacy_charges', 'TRUNCATE federated.privacy_charges CASCADE', 'DELETE FROM federated.privacy_participants',
	'UPDATE federated.privacy_participants SET island_id = 1', 'UPDATE federated.session_privacy SET delta = 0.5', 'DELETE FROM federated.session_privacy']) q;
BEGIN;
UPDATE federated.privacy_charges SET released_fraction = 0.25 WHERE session_id = :'sid';
SELECT test.try(current_user, 'UPDATE federated.privacy_charges SET released_fraction = 0.5');
ROLLBACK;
SELECT kind, count(*), bool_or(detail::text ~ 'island') AS names FROM federated.events WHERE session_id = :'sid' AND kind LIKE 'privacy%' GROUP BY kind ORDER BY kind;
SELECT count(*) AS broken FROM federated_verify_events(:'sid') WHERE NOT ok;

-- Who may know what a single Island sent
CREATE FUNCTION test.sees(query text) RETURNS TABLE (admin text, creator text, viewer text, auditor text, island text)
LANGUAGE sql
AS $$ SELECT test.run_as('regress_admin', $1), test.run_as('regress_creator', $1), test.run_as('regress_viewer', $1), test.run_as('regress_auditor', $1), test.run_as('regress_a', $1) $$;
SELECT q.what, s.* FROM (VALUES
	('updates', format('SELECT count(*) FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id WHERE r.session_id = %L', :'sid')),
	('contributions', format('SELECT count(*) FROM federated_api.contributions WHERE session_id = %L', :'sid')),
	('metrics in the document', format('SELECT count(*) FROM json_array_elements(federated_session(%L) -> ''participants'') p WHERE p ->> ''metrics'' <> ''null''', :'sid')),
	('tasks', format('SELECT count(*) FROM federated.tasks t JOIN federated.rounds r ON r.id = t.round_id WHERE r.session_id = %L', :'sid')),
	('charges', format('SELECT count(c.id) FROM federated.privacy_charges c WHERE c.session_id = %L', :'sid')),
	('who was charged', format('SELECT count(*) FROM federated.privacy_participants p JOIN federated.privacy_charges c ON c.id = p.charge_id WHERE c.session_id = %L', :'sid')),
	('odometers', format('SELECT count(epsilon) FROM federated.participant_privacy WHERE session_id = %L', :'sid')),
	('cohort', format('SELECT has_column_privilege(''federated.privacy_charges'', ''cohort'', ''SELECT'')'))) q (what, query)
CROSS JOIN LATERAL test.sees(q.query) s;
SELECT test.run_as(r, format('SELECT count(*) FROM federated.events WHERE session_id = %L AND kind ~ ''_accepted$''', :'sid')) FROM unnest('{regress_admin,regress_creator,regress_viewer,regress_auditor}'::text[]) r;

-- The budget: a round that would spend more is never opened
SELECT test.refusal('regress_creator', format('SELECT federated_start_session(''poor'', %s, 5, ''{"dp_sigma": 2, "epsilon_budget": 1}'')', :workload));
SELECT test.start('epsilon budget', :workload, 9, '{"dp_sigma": 2, "epsilon_budget": 4, "min_participants": 4}') AS sid \gset
DO $$
BEGIN
	WHILE (SELECT s.status IN ('recruiting', 'training') FROM federated.sessions s WHERE s.name = 'epsilon budget')
	LOOP
		IF federated.advance((SELECT s.id FROM federated.sessions s WHERE s.name = 'epsilon budget')) IS NULL THEN
			PERFORM CASE WHEN (SELECT r.kind = 'train' FROM federated.rounds r WHERE r.id = test.round(s.id)) THEN test.submit(x, s.id, 1, '{1,1}') ELSE test.evaluate(x, s.id, 1) END
			FROM federated.sessions s, unnest('{a,b,c,d}'::text[]) x WHERE s.name = 'epsilon budget';
		END IF;
		COMMIT;
	END LOOP;
END
$$;
SELECT test.status(:'sid');
SELECT s.current_round, p.rounds, p.epsilon <= 4 AS within, (federated.spent_with_next(s, 1)).epsilon > 4 AS next_is_not, s.result_version_id IS NOT NULL AS published
FROM federated.sessions s JOIN federated.privacy_spent p ON p.session_id = s.id WHERE s.id = :'sid';
-- Asked again when it is charged: what was spent meanwhile counts
SELECT test.start('spent', :workload, 9, '{"dp_sigma": 2, "epsilon_budget": 4, "min_participants": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 5, ''a test'')', :'sid'));
SELECT test.submit(x, :'sid', 10, '{1,1}') FROM unnest('{a,b,c,d}'::text[]) x;
CALL test.drive(:'sid');
SELECT test.status(:'sid'), (SELECT count(*) FROM federated.model_versions v WHERE v.session_id = :'sid' AND v.status = 'ready') AS versions;

-- More participants than delta allows: known when training starts
SELECT test.start('delta', :workload, 1, '{"dp_sigma": 2, "dp_delta": 0.4}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.status(:'sid');
-- Delta, divisor and the noise of the count by the participants
SELECT n, federated.planned_delta(c, n) AS delta, federated.planned_divisor(c, n) AS divisor, federated.planned_count_noise(c, n) AS count_noise
FROM unnest('{4,100000}'::bigint[]) n, federated.resolve_config('{"dp_sigma": 2, "dp_adaptive_clip": {}}') c
UNION ALL SELECT 1000, federated.planned_delta(c, 1000), federated.planned_divisor(c, 1000), NULL
FROM unnest(ARRAY['{"dp_sigma": 2, "dp_sampling": "poisson", "participation_fraction": 0.0015}', '{"dp_sigma": 2, "dp_sampling": "fixed", "participation_fraction": 0.0015}',
	'{"dp_sigma": 2, "participation_fraction": 0.1}', '{"dp_sigma": 2, "dp_divisor": 7.5, "dp_delta": 1e-4}']) x, federated.resolve_config(x::jsonb) c;

-- The noise of the count can be drawn, whatever the divisor
SELECT n AS count_noise, federated.noised_fraction(1, 2, n, 1e9) BETWEEN 0.4 AND 0.6 AS drawn
FROM federated.planned_count_noise('{"dp_sigma": 2, "dp_adaptive_clip": {}, "dp_divisor": 1000000000}', 4) n;

-- Drawing: each by itself, with its probability (five standard deviations), and any so many
CREATE TEMP TABLE draws AS SELECT g, ARRAY(SELECT federated.draw_each(ARRAY[1, 2, 3, 4 + 0 * g], 0.3)) AS drawn FROM generate_series(1, 4000) g;
SELECT i, abs(count(*) - 1200) < 5 * sqrt(4000 * 0.3 * 0.7) AS as_likely FROM draws, unnest(drawn) i GROUP BY i ORDER BY i;
SELECT count(*) AS pairs, bool_and(abs(together - 360) < 5 * sqrt(4000 * 0.09 * 0.91)) AS independent
FROM (SELECT count(*) AS together FROM draws, unnest('{1,2,3}'::int[]) i, unnest('{2,3,4}'::int[]) j WHERE i < j AND drawn @> ARRAY[i, j]::bigint[] GROUP BY i, j) p;
SELECT abs(count(*) - 4000 * 0.7 ^ 4) < 5 * sqrt(4000 * 0.7 ^ 4) AS nobody FROM draws WHERE drawn = '{}';
SELECT count(*) AS subsets, sum(n) AS draws, bool_and(abs(n - 200) < 5 * sqrt(200)) AS as_likely
FROM (SELECT count(*) AS n FROM (SELECT ARRAY(SELECT d FROM federated.draw_some(ARRAY[1, 2, 3, 4 + 0 * g], 2) d ORDER BY d) AS drawn FROM generate_series(1, 1200) g) x GROUP BY drawn) y;
SELECT bool_and(n >= 0 AND n < 18446744073709551616) AS in_range, count(DISTINCT n) AS different, abs(avg(n) / 18446744073709551616 - 0.5) < 5 * 0.2887 / sqrt(1000) AS even
FROM (SELECT federated.random_number() AS n FROM generate_series(1, 1000)) x;
SELECT federated.draw_each('{1}', 1), (SELECT count(*) FROM federated.draw_each('{1,2,3}', 0.000000000000000000001)) AS never;
SELECT c ->> 'dp_sampling' AS sampling, federated.drawn_rate(c, 4) AS of_4, federated.drawn_rate(c, 1) AS of_1, federated.drawn_rate(c, 0) AS of_0
FROM unnest(ARRAY['{"dp_sampling": "poisson", "participation_fraction": 0.3}', '{"dp_sampling": "fixed", "participation_fraction": 0.3}', '{"dp_sampling": "none", "participation_fraction": 0.3}']) x,
	 federated.resolve_config('{"dp_sigma": 2}'::jsonb || x::jsonb) c;

-- Nobody is drawn: the round releases noise alone, and is charged
SELECT test.start('empty', :workload, 2, '{"dp_sigma": 2, "dp_sampling": "poisson", "participation_fraction": 1e-15, "min_participants": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT c.round_no, c.cohort, c.sampling, c.sampling_rate, c.divisor FROM federated.privacy_charges c WHERE c.session_id = :'sid' ORDER BY c.id;
SELECT test.tasks(:'sid'), test.weights(:'sid') <> '{0,0}' AS noise;
-- a round that is made again of the same Islands was not drawn again
SELECT (federated.new_charge(s, r)).sampling_rate AS again FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id AND r.kind = 'train' AND r.round_no = 1 WHERE s.id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- So many are drawn, without replacement
SELECT test.start('fixed', :workload, 1, '{"dp_sigma": 2, "dp_sampling": "fixed", "participation_fraction": 0.5, "min_participants": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT r.sampling_rate, count(*) AS drawn FROM federated.rounds r JOIN federated.tasks t ON t.round_id = r.id WHERE r.session_id = :'sid' GROUP BY r.id;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Replacing one participant changes the sum by twice the clip norm, also when all are drawn: epsilon of the session, of each Island, and of the plan
SELECT test.start('fixed_all', :workload, 1, '{"dp_sigma": 2, "dp_sampling": "fixed", "min_participants": 4}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit(x, :'sid', 10, '{1,1}') FROM unnest('{a,b,c,d}'::text[]) x;
CALL test.drive(:'sid');
SELECT c.sampling, c.sampling_rate FROM federated.privacy_charges c WHERE c.session_id = :'sid';
SELECT round(p.epsilon::numeric, 4) AS spent, p.epsilon = federated_epsilon(1, 1, 1, p.delta) AS as_half_the_noise, p.most_by_participant = p.epsilon AS most,
	   (SELECT bool_and(i.epsilon = p.epsilon) FROM federated.participant_privacy i WHERE i.session_id = p.session_id) AS each,
	   (federated_plan_privacy('{"dp_sigma": 2, "dp_sampling": "fixed"}', 4, 1)).epsilon = p.epsilon AS planned
FROM federated.privacy_spent p WHERE p.session_id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
-- Lost rounds: each Island is drawn with its own probability, however many are there; so many of an unknown number are perhaps all
SELECT test.start('lost_poisson', :workload, 1, '{"dp_sigma": 2, "dp_sampling": "poisson", "participation_fraction": 0.2, "max_participants": 1000}') AS poisson,
	   test.start('lost_fixed', :workload, 1, '{"dp_sigma": 2, "dp_sampling": "fixed", "participation_fraction": 0.2, "max_participants": 1000}') AS fixed \gset
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 1, ''a test'')', s)) FROM unnest(ARRAY[:'poisson', :'fixed']) s;
SELECT c.sampling, c.sampling_rate, c.lost FROM federated.privacy_charges c WHERE c.session_id IN (:'poisson', :'fixed') ORDER BY c.id;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', s)) FROM unnest(ARRAY[:'poisson', :'fixed']) s;
SELECT c AS config, federated.adjacency(federated.resolve_config('{"dp_sigma": 2}'::jsonb || c::jsonb))
FROM unnest('{"{}","{\"dp_sampling\": \"fixed\"}","{\"dp_mode\": \"local\"}"}'::text[]) c;

-- Who was drawn: nobody but the administrator and the Island can tell. A round
-- with a, or one with b, all else the same: whatever a role can read is equal.
CREATE FUNCTION test.readable(role name, session uuid) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	rel record;
	found text;
	answer text := '';
BEGIN
	FOR rel IN
		SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns, bool_or(a.attname = 'session_id') AS of_session
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace IN ('federated'::regnamespace, 'federated_api'::regnamespace) AND c.relkind IN ('r', 'v')
		  AND has_column_privilege(role, c.oid, a.attnum, 'SELECT')
		  -- times of the whole coordinator
		  AND a.attname NOT IN ('id', 'round_id', 'event_id', 'update_id', 'charge_id', 'hash', 'position', 'timings', 'seconds', 'eta', 'gb_per_second', 'relation', 'digest')
		  AND a.attname !~ '(_at|version_id|deadline|parent_id|vector_id|last_seen|silence_from|due_at)$'
		GROUP BY c.oid ORDER BY c.oid::regclass::text COLLATE "C"
	LOOP
		found := test.run_as(role, format('SELECT string_agg(to_jsonb(t)::text, E''\n'' ORDER BY to_jsonb(t)::text) FROM (SELECT %s FROM %s%s) t',
			rel.columns, rel.name, CASE WHEN rel.of_session THEN format(' WHERE session_id = %L', session) ELSE '' END));
		answer := answer || format(E'%s:\n%s\n', rel.name, found);
	END LOOP;
	answer := answer || test.try(role, format('SELECT federated_session(%L)', session));
	answer := regexp_replace(regexp_replace(regexp_replace(replace(answer, session::text, 'SESSION'),
		'\d{4}-\d\d-\d\d[ T][0-9:.+-]*', 'TIME', 'g'), '("(?:version_id|base_version_id|result_version_id|round_id|charge|task|id)" ?: ?)\d+', '\1N', 'g'),
		'"[0-9a-f]{64}"', 'DIGEST', 'g');
	-- numbers that are gone now were sorted by
	RETURN (SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM regexp_split_to_table(answer, E'\n') line);
END
$$;
CREATE FUNCTION test.as_seen(first text, roles name[]) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
	session uuid;
	answer text[] := '{}';
	role name;
	drawn text;
BEGIN
	session := test.start('secret', (SELECT w.id FROM federated.workloads w WHERE w.name = 'privacy'), 2,
		'{"dp_sigma": 2, "dp_sampling": "poisson", "participation_fraction": 0.5, "min_participants": 4, "keep_versions": "all"}');
	FOREACH drawn IN ARRAY ARRAY[first, 'c']
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION federated.draw_each(present bigint[], rate numeric) RETURNS SETOF bigint LANGUAGE sql AS '
			'$q$ SELECT i.id FROM federated.islands i WHERE i.host_id = ''island-%s'' $q$', drawn);
		WHILE federated.advance(session) IS NOT NULL LOOP END LOOP;
		FOREACH role IN ARRAY roles LOOP answer := answer || format('%s: %s', role, test.readable(role, session)); END LOOP;
		PERFORM test.submit(drawn, session, CASE drawn WHEN 'a' THEN 11 ELSE 22 END, '{3,4}',
			CASE drawn WHEN 'a' THEN '{"evaluation": {"loss": 0.5}, "training": {"loss": 0.25}}' ELSE '{"evaluation": {"loss": 0.75}}' END::jsonb);
		PERFORM test.run_as('regress_' || drawn, format('SELECT federated_submit_update(%s, %L, 1)', test.round(session), test.f32(7, 7, 7)));
		FOREACH role IN ARRAY roles LOOP answer := answer || format('%s: %s', role, test.readable(role, session)); END LOOP;
	END LOOP;
	WHILE federated.advance(session) IS NOT NULL LOOP END LOOP;
	FOREACH role IN ARRAY roles
	LOOP
		answer := answer || format('%s: %s', role, test.readable(role, session)
			|| regexp_replace(test.try(role, format('SELECT federated_model_card(%s)', (SELECT s.current_version_id FROM federated.sessions s WHERE s.id = session))),
				'[0-9a-f]{64}|[0-9a-f-]{36}|\d\d:\d\d', '', 'g'));
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'P0999', MESSAGE = answer::text;
EXCEPTION WHEN SQLSTATE 'P0999' THEN
	RETURN SQLERRM::text[];
END
$$;
CREATE TEMP TABLE seen AS
SELECT split_part(a.line, ':', 1) AS role, a.place, a.line AS with_a, b.line AS with_b
FROM unnest(test.as_seen('a', '{regress_admin,regress_creator,regress_viewer,regress_auditor,regress_d}')) WITH ORDINALITY a (line, place)
JOIN unnest(test.as_seen('b', '{regress_admin,regress_creator,regress_viewer,regress_auditor,regress_d}')) WITH ORDINALITY b (line, place) USING (place);
SELECT role, count(*) AS looks, bool_and(with_a = with_b) AS cannot_tell, bool_and(with_a ~ 'islands_drawn') AS sees_the_draw, bool_or(with_a ~ 'round_opened') AS sees_rounds FROM seen GROUP BY role ORDER BY role;
-- the first differences, should there be any
SELECT role, place, l.line FROM seen, LATERAL (SELECT line FROM ((SELECT regexp_split_to_table(with_a, E'\n') AS line EXCEPT ALL SELECT regexp_split_to_table(with_b, E'\n'))
	UNION ALL (SELECT regexp_split_to_table(with_b, E'\n') AS line EXCEPT ALL SELECT regexp_split_to_table(with_a, E'\n'))) x LIMIT 4) l
WHERE role <> 'regress_admin' ORDER BY 1, 2, 3;
-- The function that was replaced is back
SELECT count(*) AS nobody FROM federated.draw_each('{1,2,3}', 0);

-- Nor is a subscriber told, unless an administrator subscribed
SELECT test.start('hooks', :workload, 1, '{"dp_sigma": 2, "dp_sampling": "poisson", "participation_fraction": 1, "min_participants": 4}') AS sid \gset
INSERT INTO federated.webhooks (url, receiver, events, session_id, owner_role, covers_all)
SELECT 'https://example.com/hook', 'https://example.com:443', '{*}', :'sid', name, name = 'regress_admin' FROM unnest('{regress_admin,regress_creator}'::text[]) name;
CALL test.drive(:'sid');
SELECT test.submit(x, :'sid', 10, '{1,1}') FROM unnest('{a,b,c,d}'::text[]) x;
SELECT w.owner_role, e.kind, count(*) FROM federated.webhook_deliveries d JOIN federated.webhooks w ON w.id = d.webhook_id JOIN federated.events e ON e.id = d.event_id
WHERE w.session_id = :'sid' AND e.kind IN ('islands_drawn', 'round_opened', 'update_accepted') GROUP BY 1, 2 ORDER BY w.owner_role, e.kind COLLATE "C";
DELETE FROM federated.webhooks WHERE session_id = :'sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Books that may have lost charges
SELECT test.start('lost books', :workload, 5, '{"dp_sigma": 2, "min_participants": 4}') AS sid \gset
CREATE FUNCTION test.lost() RETURNS text
LANGUAGE sql
AS $$ SELECT regexp_replace(test.status(s.id), '\d+', 'N', 'g') FROM federated.sessions s WHERE s.name = 'lost books' $$;
CALL test.drive(:'sid');
UPDATE federated.sessions SET timeline = timeline + 1 WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.lost();
SELECT r, test.refusal(r, format('SELECT federated_resume_session(%L)', :'sid')) FROM unnest('{regress_creator,regress_admin}'::name[]) r;
SELECT test.refusal('regress_creator', format('SELECT federated_charge_lost_rounds(%L, 0, ''none'')', :'sid'));
SELECT test.refusal('regress_admin', format('SELECT federated_charge_lost_rounds(%L, %s, %L)', :'sid', n, why)) FROM unnest('{-1,10001,1}'::int[], '{x,x,""}'::text[]) AS u (n, why);
SELECT test.start('plain', :workload, 1) AS plain \gset
SELECT test.refusal('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 1, ''x'')', :'plain')), test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'plain'));
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 2, ''the standby was two rounds behind'')', :'sid'));
SELECT c.lost, c.round_id, c.noise_multiplier AS z, c.sampling, c.cohort, count(*) FROM federated.privacy_charges c WHERE c.session_id = :'sid' GROUP BY 1, 2, 3, 4, 5;
SELECT rounds, lost, round(epsilon::numeric, 5) AS epsilon, round(most_by_participant::numeric, 5) AS most FROM federated.privacy_spent WHERE session_id = :'sid';
SELECT round((federated.spent_by_participant(:'sid', i.id)).epsilon::numeric, 5) AS of_each FROM federated.islands i WHERE i.host_id = 'island-a';
SELECT actor, detail FROM federated.events WHERE session_id = :'sid' AND kind = 'lost_rounds_charged';
SELECT test.outcome('regress_creator', format('SELECT federated_resume_session(%L)', :'sid')) AS resumed, test.lost();
-- Another cluster: the administrator's resume needs it, too
UPDATE federated.sessions SET system_identifier = 42 WHERE id = :'sid';
CALL test.drive(:'sid');
SELECT test.lost(), test.outcome('regress_admin', format('SELECT federated_resume_session(%L)', :'sid')) AS resumed;
SELECT test.run_as('regress_admin', format('SELECT federated_charge_lost_rounds(%L, 0, ''a complete dump'')', :'sid'));
SELECT test.outcome('regress_creator', format('SELECT federated_resume_session(%L)', :'sid')) AS creator, test.outcome('regress_admin', format('SELECT federated_resume_session(%L)', :'sid')) AS admin;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));

-- Planned before it is started
SELECT round(p.epsilon::numeric, 5) AS epsilon, p.method, p.delta, round(p.odds_factor::numeric, 3) AS factor, round(p.best_posterior::numeric, 5) AS posterior,
	   round(p.noise_std_sum::numeric, 5) AS std_sum, round(p.noise_std_mean::numeric, 5) AS std_mean, p.warning, cardinality(p.notices) AS notices
FROM (VALUES (1, '{"dp_sigma": 2, "dp_clip_norm": 0.5}'::jsonb), (2, '{"dp_sigma": 0.2}'), (3, '{"dp_sigma": 2, "dp_adaptive_clip": {}}'), (4, '{"dp_sigma": 2, "dp_mode": "local"}')) c (n, config),
	 LATERAL federated_plan_privacy(c.config, 100, 10) p ORDER BY n;
SELECT p = federated_plan_privacy('{"dp_sigma": 2, "dp_clip_norm": 0.5, "dp_sampling": "poisson"}', 100, 10) AS same FROM federated_plan_privacy(100, 10, 2, 0.5) p;
SELECT statement FROM federated_plan_privacy(100, 1, 2);
SELECT test.try('regress_a', q) FROM unnest(ARRAY['SELECT federated_plan_privacy(0, 1, 1)', 'SELECT federated_plan_privacy(1, 0, 1)', 'SELECT federated_plan_privacy(NULL, 1, 1)',
	'SELECT federated_plan_privacy(10, 10, 0)', 'SELECT federated_plan_privacy(10, 10, ''NaN'')', 'SELECT federated_plan_privacy(10, 10, 1, sampling => ''x'')', 'SELECT federated_plan_privacy(10, 10, 1, delta => 0.2)',
	'SELECT federated_plan_privacy(''{}'', 10, 10)', 'SELECT federated_plan_privacy(''{"dp_sigma": 1, "patience": 1}'', 10, 10)']) q;
SELECT e AS epsilon, round(federated.odds_factor(e)::numeric, 2) AS factor, federated.percent_sure(e) AS sure, federated.privacy_warning(e, 1) AS warning FROM unnest('{0,0.5,1,2,4,8,8.1,20,20.1}'::float8[]) e;
SELECT x, federated.short_number(x) FROM unnest('{0,1,0.1,1.23456,123456,1234567,0.0001234567,1e-5,Infinity,24.53252}'::float8[]) x;

-- Gauges for Prometheus, of active sessions
SELECT test.start('gauge', :workload, 5, '{"dp_sigma": 2, "epsilon_budget": 9}') AS sid \gset
SELECT count(*) FROM regexp_split_to_table(federated.metrics(), E'\n') line WHERE line ~ :'sid' AND line ~ '^federated_privacy_epsilon(_budget)?\{mode="central",session="';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
