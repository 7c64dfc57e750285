-- Secure aggregation: the task as Islands hash it, and what is bound with it ----------------------

-- What these do not hold does not change what an Island computes or sends. R and
-- clip are bound with each attempt.
CREATE FUNCTION federated.task_keys() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '{secure_aggregation,algorithm,aggregation,min_updates,local_epochs,learning_rate,batch_size,proximal_mu,seed,
			 update_encoding,download_encoding,hyperparameters,secagg_mode,secagg_weights,secagg_max_cohort,secagg_sample_cap,
			 secagg_range,secagg_metrics,secagg_metric_bounds,secagg_max_attempts,secagg_max_colluding,
			 dp_mode,dp_sigma,dp_clip_norm,dp_adaptive_clip,dp_delta,dp_divisor,dp_sampling,dp_weighting}'::text[]
$$;
COMMENT ON FUNCTION federated.task_keys() IS 'Keys of a session''s config that are in its canonical task text';

CREATE FUNCTION federated.manifest_hash(workload_id bigint) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sha256(convert_to(string_agg(format(E'%s %s %s %s %s\n', t.dtype, t.trainable::integer, array_to_string(t.shape, ','),
											   octet_length(convert_to(t.name, 'UTF8')), t.name), '' ORDER BY t.name COLLATE "C"), 'UTF8'))
	FROM federated.tensors t WHERE t.workload_id = $1
$$;
COMMENT ON FUNCTION federated.manifest_hash(bigint) IS
	'SHA-256 of a workload''s tensors in bytewise order of name: each a line of type, 1 if it is trained, else 0, shape with commas, bytes of the name, name';

-- With all digits of the settled numbers, whatever the caller sees of floats.
CREATE FUNCTION federated.task_entries(session federated.sessions, OUT name text, OUT type text, OUT given text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
BEGIN
	RETURN QUERY
	WITH RECURSIVE flat (name, value) AS (
		SELECT c.key, c.value
		FROM jsonb_each(session.config || coalesce(
			(SELECT jsonb_build_object('dp_delta', p.delta, 'dp_divisor', p.divisor)
			 FROM federated.session_privacy p WHERE p.session_id = session.id),
			-- until then their places
			CASE WHEN federated.is_distributed(session.config) THEN '{"dp_delta": 0, "dp_divisor": 0}' ELSE '{}' END::jsonb)) c
		WHERE c.key = ANY (federated.task_keys())
		UNION ALL
		SELECT f.name || '.' || part.key, part.value
		FROM flat f
		CROSS JOIN LATERAL (
			SELECT o.key, o.value FROM jsonb_each(CASE jsonb_typeof(f.value) WHEN 'object' THEN f.value ELSE '{}' END) o
			UNION ALL
			SELECT (a.place - 1)::text, a.value
			FROM jsonb_array_elements(CASE jsonb_typeof(f.value) WHEN 'array' THEN f.value ELSE '[]' END) WITH ORDINALITY a (value, place)) part
	), typed AS (
		SELECT f.name, f.value, coalesce(k.type = 'integer', false) AS whole
		FROM flat f LEFT JOIN federated.config_keys k ON k.key = f.name
		WHERE jsonb_typeof(f.value) NOT IN ('object', 'array', 'null')
	)
	SELECT t.name, CASE jsonb_typeof(t.value) WHEN 'boolean' THEN 'b' WHEN 'string' THEN 's' ELSE CASE WHEN t.whole THEN 'i' ELSE 'f' END END,
		   CASE WHEN t.whole THEN trunc(t.value::numeric)::bigint::text ELSE t.value #>> '{}' END
	FROM typed t
	UNION ALL
	SELECT fixed.name, fixed.type, fixed.given
	FROM federated.workloads w,
		 LATERAL (VALUES ('protocol', 's', 'fsa1'), ('workload', 's', w.name), ('total_rounds', 'i', session.total_rounds::text),
						 ('manifest_sha256', 's', encode(federated.manifest_hash(w.id), 'hex'))) fixed (name, type, given)
	WHERE w.id = session.workload_id;
END
$$;
COMMENT ON FUNCTION federated.task_entries(federated.sessions) IS
	'What the canonical task text of a session holds: names with objects and arrays flattened, types b, i, f, s, values';

CREATE FUNCTION federated.task_text(session federated.sessions) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.secagg_task_text(array_agg(e.name), array_agg(e.type), array_agg(e.given)) FROM federated.task_entries($1) e
$$;
COMMENT ON FUNCTION federated.task_text(federated.sessions) IS 'The canonical task text of a session; 22023 if it has none';

CREATE FUNCTION federated.check_task_text(session federated.sessions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF getdatabaseencoding() <> 'UTF8' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = 'secure aggregation needs a database in UTF8',
			DETAIL = format('The encoding of this one is %s.', getdatabaseencoding());
	END IF;
	-- As long as the one that is stored later, and refused for the same.
	PERFORM federated.task_text(session);
END
$$;
COMMENT ON FUNCTION federated.check_task_text(federated.sessions) IS
	'Refuse (22023, 0A000) a session that is created and whose task text could not be built when its training starts';

CREATE FUNCTION federated.store_task_text(session federated.sessions) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.settled_privacy(session.id) WHERE federated.is_private(session.config);
	INSERT INTO federated.secagg_tasks VALUES (session.id, federated.task_text(session));
END
$$;
COMMENT ON FUNCTION federated.store_task_text(federated.sessions) IS
	'Build the canonical task text of a session whose training starts, with what was settled then; it is never built again';

-- Metrics under masks: which, in which order, within which bounds

CREATE FUNCTION federated.masked_metrics(config jsonb, OUT place bigint, OUT part text, OUT metric text, OUT bound float8)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT row_number() OVER (ORDER BY (p.key || '.' || m.key) COLLATE "C") - 1, p.key, m.key, m.value::float8
	FROM jsonb_each(coalesce($1 -> 'secagg_metric_bounds', '{}')) p, jsonb_each(p.value) m
$$;
COMMENT ON FUNCTION federated.masked_metrics(jsonb) IS 'Metrics that are summed under masks, in the order of their aux values, from 0';

CREATE FUNCTION federated.aux_length(config jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.is_distributed($1) THEN ($1 ? 'dp_adaptive_clip')::integer
		ELSE (SELECT 3 + 2 * count(*)::integer FROM federated.masked_metrics($1)) END
$$;
COMMENT ON FUNCTION federated.aux_length(jsonb) IS
	'Aux values of an update: weight, count, clamped values, and two for each masked metric; where Islands add noise nothing is sent without, and only whether it was within the clip norm, if that adapts';

CREATE FUNCTION federated.most_samples(config jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN federated.is_distributed($1) THEN 1 ELSE ($1 -> 'secagg_sample_cap')::bigint END $$;
COMMENT ON FUNCTION federated.most_samples(jsonb) IS 'n_cap: samples from which on an Island weighs no more; 1 where each update counts the same';

CREATE FUNCTION federated.masks_round(session federated.sessions, kind text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN federated.uses_secagg(session.config) AND (kind = 'train' OR session.config ->> 'secagg_metrics' = 'masked');
END
$$;
COMMENT ON FUNCTION federated.masks_round(federated.sessions, text) IS
	'Whether rounds of a kind go by secure aggregation: the evaluation after the last only for masked metrics';

-- Attempts

CREATE FUNCTION federated.wire_round(round federated.rounds) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1.round_no + CASE $1.kind WHEN 'evaluate' THEN 1 ELSE 0 END $$;
COMMENT ON FUNCTION federated.wire_round(federated.rounds) IS
	'A round''s number for secure aggregation: the evaluation after the last round is one more, as nothing is revealed twice in one';

CREATE FUNCTION federated.live_attempt(round_id bigint) RETURNS federated.secagg_attempts
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	newest federated.secagg_attempts;
BEGIN
	SELECT * INTO newest FROM federated.secagg_attempts a
	WHERE a.round_id = live_attempt.round_id AND a.state IN ('advertise', 'share', 'mask', 'agree', 'reveal', 'sum');
	RETURN newest;
END
$$;
COMMENT ON FUNCTION federated.live_attempt(bigint) IS 'The attempt of a round that is under way; NULLs if there is none';

CREATE FUNCTION federated.stage_timeout(session federated.sessions, stage text) RETURNS interval
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN make_interval(secs => (session.config -> ('secagg_' || stage || '_timeout'))::float8);
END
$$;
COMMENT ON FUNCTION federated.stage_timeout(federated.sessions, text) IS 'How long a stage of an attempt may take; NULL for those without a timeout of their own';

CREATE FUNCTION federated.attempt_numbers(session federated.sessions, OUT range float8, OUT levels bigint, OUT clip float8,
										  OUT noise_var bigint, OUT aux_noise_var bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grid record;
BEGIN
	IF NOT federated.is_distributed(session.config) THEN
		range := (session.config -> 'secagg_range')::float8;
		levels := federated.secagg_levels((session.config -> 'secagg_max_cohort')::integer);
		clip := 0;
		noise_var := 0;
		aux_noise_var := 0;
		RETURN;
	END IF;
	grid := federated.settled_grid(session);
	clip := federated.next_clip_norm(session);
	range := clip;
	levels := grid.levels;
	noise_var := grid.noise_var;
	aux_noise_var := grid.aux_noise_var;
END
$$;
COMMENT ON FUNCTION federated.attempt_numbers(federated.sessions) IS
	'Grid and noise of a session''s next attempt, which Islands work out, too';

CREATE FUNCTION federated.begin_attempt(session federated.sessions, round federated.rounds, number integer, excluded bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	model federated.model_versions := federated.get_version(round.base_version_id);
	base CONSTANT bytea := federated.secagg_base(model.vector_id);
	world record;
	numbers record;
	opened federated.secagg_attempts;
BEGIN
	SELECT * INTO world FROM federated.cluster_identity();
	SELECT * INTO numbers FROM federated.attempt_numbers(session);
	INSERT INTO federated.secagg_attempts (session_id, round_id, round_no, attempt, mode, base, range, levels, clip, noise_var,
										   aux_noise_var, c0, deadline, excluded, system_identifier, database_oid, timeline)
	VALUES (session.id, round.id, federated.wire_round(round), number, session.config ->> 'secagg_mode', base,
			numbers.range, numbers.levels, numbers.clip, numbers.noise_var, numbers.aux_noise_var,
			federated.secagg_c0(session.id, federated.wire_round(round), number, session.config ->> 'secagg_mode',
				session.config ->> 'secagg_weights', CASE round.kind WHEN 'train' THEN model.parameters ELSE 0 END,
				numbers.range, federated.aux_length(session.config), federated.most_samples(session.config),
				(session.config -> 'secagg_max_cohort')::integer, base,
				sha256((SELECT k.task_text FROM federated.secagg_tasks k WHERE k.session_id = session.id)),
				numbers.levels, numbers.clip, numbers.noise_var, numbers.aux_noise_var),
			now() + federated.stage_timeout(session, 'advertise'), excluded, world.system_identifier, world.database_oid, world.timeline)
	RETURNING * INTO opened;
	PERFORM federated.log_stage(opened, jsonb_build_object('mode', opened.mode, 'base', encode(base, 'hex'), 'c0', encode(opened.c0, 'hex')));
END
$$;
COMMENT ON FUNCTION federated.begin_attempt(federated.sessions, federated.rounds, integer, bigint[]) IS
	'Begin an attempt to sum the masked updates of a round that is open';

CREATE FUNCTION federated.log_stage(attempt federated.secagg_attempts, detail jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.log_event(attempt.session_id, 'secagg_stage',
		jsonb_build_object('round', attempt.round_no, 'kind', (SELECT r.kind FROM federated.rounds r WHERE r.id = attempt.round_id),
						   'attempt', attempt.attempt, 'state', attempt.state) || detail);
END
$$;
COMMENT ON FUNCTION federated.log_stage(federated.secagg_attempts, jsonb) IS
	'Log that an attempt has reached a stage, with hashes and numbers and nothing else';

-- The task document's part

CREATE FUNCTION federated.due_call(attempt federated.secagg_attempts, island_id bigint, task_state text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.secagg_members;
BEGIN
	SELECT * INTO own FROM federated.secagg_members m WHERE m.attempt_id = attempt.id AND m.island_id = due_call.island_id;
	RETURN CASE attempt.state
		WHEN 'advertise' THEN CASE WHEN own.adv IS NULL AND task_state = 'assigned' THEN 'advertise' END
		WHEN 'share' THEN CASE WHEN own.u IS NOT NULL AND own.shared_at IS NULL AND task_state = 'assigned' THEN 'share' END
		WHEN 'mask' THEN CASE WHEN own.shared_at IS NOT NULL AND task_state = 'assigned' THEN 'upload' END
		-- Without signatures it is the coordinator alone that is waited for.
		WHEN 'agree' THEN CASE WHEN attempt.mode = 'active' AND own.u = ANY (federated.summed_set(attempt.id))
									AND own.agreement IS NULL THEN 'agree' END
		WHEN 'reveal' THEN CASE WHEN own.u = ANY (federated.summed_set(attempt.id)) AND own.revealed_at IS NULL
									 AND (attempt.mode = 'semi_honest' OR own.agreement IS NOT NULL) THEN 'reveal' END END;
END
$$;
COMMENT ON FUNCTION federated.due_call(federated.secagg_attempts, bigint, text) IS
	'The call that an Island owes to an attempt now: advertise, share, upload, agree, reveal, or NULL';

CREATE FUNCTION federated.secagg_document(attempt federated.secagg_attempts, session federated.sessions, round federated.rounds,
										  island_id bigint, task_state text) RETURNS json
LANGUAGE plpgsql STABLE
-- Numbers are hashed by who reads them: with all digits.
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
	config CONSTANT jsonb := session.config;
BEGIN
	RETURN json_build_object(
		'attempt', attempt.attempt, 'round', attempt.round_no, 'state', attempt.state,
		'due', federated.due_call(attempt, island_id, task_state), 'mode', attempt.mode,
		'weights', config -> 'secagg_weights', 'metrics', config -> 'secagg_metrics',
		'max_attempts', config -> 'secagg_max_attempts', 'min_updates', config -> 'min_updates',
		'task_text', (SELECT translate(encode(k.task_text, 'base64'), E'\n', '') FROM federated.secagg_tasks k WHERE k.session_id = session.id),
		'vectors', CASE round.kind WHEN 'train' THEN json_build_array(json_build_object(
					   'stream', 0, 'd', (SELECT v.parameters FROM federated.model_versions v WHERE v.id = round.base_version_id),
					   'R', attempt.range)) ELSE '[]' END,
		'aux_len', federated.aux_length(config), 'slice_values', 262080, 'Q', attempt.levels,
		'W_cap', CASE WHEN federated.is_distributed(config) THEN 1 ELSE federated.secagg_weight(1, 1) END,
		'n_cap', federated.most_samples(config), 'n_max', config -> 'secagg_max_cohort',
		'clip', attempt.clip, 'noise_var', attempt.noise_var, 'aux_noise_var', attempt.aux_noise_var);
END
$$;
COMMENT ON FUNCTION federated.secagg_document(federated.secagg_attempts, federated.sessions, federated.rounds, bigint, text) IS
	'What an Island is told about an attempt, and which call it owes';
