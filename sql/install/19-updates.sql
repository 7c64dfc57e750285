-- Updates: what Islands send ---------------------------------------------------------------
-- Begin, put, commit: each may be repeated, and be taken up again after either
-- side died. What is refused for what it holds is an answer and not an error:
-- an error would roll back the row that says why.

CREATE TABLE federated.updates (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	round_id	bigint NOT NULL REFERENCES federated.rounds,
	island_id	bigint NOT NULL REFERENCES federated.islands,
	state		text NOT NULL CHECK (state IN ('uploading', 'accepted', 'abandoned', 'lost')),
	digest		bytea NOT NULL CHECK (octet_length(digest) = 32),
	vector_id	bigint REFERENCES federated.vectors ON DELETE SET NULL,
	num_samples	bigint CHECK (num_samples > 0),
	metrics		jsonb NOT NULL DEFAULT '{}',
	began_at	timestamptz NOT NULL DEFAULT now(),
	accepted_at	timestamptz,
	norm		double precision,
	position	integer,
	weight		double precision,
	counted_samples	bigint CHECK (counted_samples <= num_samples),
	account_id	bigint REFERENCES federated.accounts,
	cosine		double precision,
	norm_share	double precision,
	leave_one_out double precision,
	secagg_attempt integer,
	-- Masked ones carry their weights in them, and an evaluation, which has no norm, needs none.
	CHECK (state <> 'accepted' OR num_samples IS NOT NULL OR secagg_attempt IS NOT NULL OR norm IS NULL)
);
-- Exactly once: one update of an Island in a round is alive.
CREATE UNIQUE INDEX updates_one_alive ON federated.updates (round_id, island_id) WHERE state IN ('uploading', 'accepted');
CREATE INDEX ON federated.updates (island_id);
-- For the foreign key: a vector that goes is looked up here.
CREATE INDEX ON federated.updates (vector_id) WHERE vector_id IS NOT NULL;
COMMENT ON TABLE federated.updates IS 'What each Island sent in each round: a delta over the flat vector, samples, metrics';
COMMENT ON COLUMN federated.updates.state IS
	'uploading, accepted; abandoned: begun again with other bytes; lost: unlogged and gone in a crash';
COMMENT ON COLUMN federated.updates.digest IS 'SHA-256 over the SHA-256 of every slice, as sent; of a masked update the hash of its manifest';
COMMENT ON COLUMN federated.updates.secagg_attempt IS 'Attempt of secure aggregation that it belongs to; NULL: it is not masked';
COMMENT ON COLUMN federated.updates.vector_id IS 'Its pages, while the round has them; NULL for an evaluation';
COMMENT ON COLUMN federated.updates.norm IS 'L2 norm of the delta, for rules that bound or compare norms; NULL for an evaluation';
COMMENT ON COLUMN federated.updates.position IS 'Place in the frozen set: participants in bytewise order of host_id';
COMMENT ON COLUMN federated.updates.num_samples IS 'As the Island says';
COMMENT ON COLUMN federated.updates.weight IS 'Weight in the combination, fixed with the set';
COMMENT ON COLUMN federated.updates.counted_samples IS 'Samples that weigh and are paid: what the Island says, up to its approved ceiling; fixed with the set';
COMMENT ON COLUMN federated.updates.account_id IS 'Account that is paid for it; fixed with the set';
COMMENT ON COLUMN federated.updates.cosine IS 'Cosine of the angle between the update and what the round''s updates made together';
COMMENT ON COLUMN federated.updates.norm_share IS 'Its weighted norm over the sum of all; unweighted where the aggregation ignores weights';
COMMENT ON COLUMN federated.updates.leave_one_out IS 'How far the mean would move without it, over the norm of the mean; NULL for other aggregations and for a single update';

CREATE TABLE federated.rejections (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	round_id	bigint,
	session_id	uuid,
	island_id	bigint REFERENCES federated.islands,
	reason		text NOT NULL,
	detail		text
);
CREATE INDEX ON federated.rejections (session_id);
COMMENT ON TABLE federated.rejections IS 'Updates and slices that were refused, and why';

CREATE FUNCTION federated.make_durable() RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_make_durable';
COMMENT ON FUNCTION federated.make_durable() IS
	'The current transaction is flushed when it commits, whatever synchronous_commit the session has chosen';

CREATE FUNCTION federated.make_lazy() RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_make_lazy';
COMMENT ON FUNCTION federated.make_lazy() IS
	'The current transaction need not wait for the disk, unless make_durable() was called in it';

CREATE FUNCTION federated.reject(round federated.rounds, island_id bigint, reason text, detail text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO federated.rejections (round_id, session_id, island_id, reason, detail)
	VALUES (round.id, round.session_id, island_id, reason, left(detail, 1000));
	RETURN json_build_object('status', 'rejected', 'reason', reason, 'detail', detail);
END
$$;
COMMENT ON FUNCTION federated.reject(federated.rounds, bigint, text, text) IS 'Record a refusal and make its answer';

-- The round, locked against its freeze, when the Island may still send to it;
-- otherwise the reason why not. Lock order from here: update, task, participant.
CREATE FUNCTION federated.enter_round(round_id bigint, island_id bigint, wanted_kind text,
									  OUT round federated.rounds, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	task federated.tasks;
BEGIN
	PERFORM federated.require_read_committed();
	PERFORM federated.require_argument('round_id', round_id);
	round := federated.share_round(round_id);
	IF round.id IS NULL THEN
		round := NULL;
		reason := 'stale_round';
		detail := format('round %s does not exist', round_id);
		RETURN;
	END IF;

	SELECT * INTO task FROM federated.tasks t WHERE t.round_id = round.id AND t.island_id = enter_round.island_id;
	IF NOT FOUND THEN
		reason := 'not_participant';
		detail := format('this Island has no task in round %s', round_id);
	ELSIF round.state <> 'open' THEN
		reason := 'stale_round';
		detail := format('round %s is %s', round_id, round.state);
	ELSIF task.state IN ('dropped', 'declined') THEN
		reason := 'stale_round';
		detail := format('this Island is out of round %s: %s', round_id, task.reason);
	ELSIF NOT (SELECT federated.at_home(s) FROM federated.sessions s WHERE s.id = round.session_id) THEN
		reason := 'stale_round';
		detail := 'this is a copy of the database that the session runs in';
	ELSIF round.kind <> wanted_kind THEN
		reason := 'stale_round';
		detail := format('round %s is there to %s', round_id, round.kind);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.enter_round(bigint, bigint, text) IS
	'Lock a round against its freeze and tell whether an Island may send to it';

CREATE FUNCTION federated.find_update(round_id bigint, island_id bigint) RETURNS federated.updates
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u FROM federated.updates u
	WHERE u.round_id = $1 AND u.island_id = $2 AND u.state IN ('uploading', 'accepted')
$$;
COMMENT ON FUNCTION federated.find_update(bigint, bigint) IS 'The update of an Island in a round that is alive';

CREATE FUNCTION federated.is_same_update(known federated.updates, digest bytea, encoding text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT $1.digest IS NOT DISTINCT FROM $2
		AND NOT EXISTS (SELECT FROM federated.vectors v WHERE v.id = $1.vector_id AND v.encoding <> $3)
$$;
COMMENT ON FUNCTION federated.is_same_update(federated.updates, bytea, text) IS
	'Whether an update has these bytes, and they mean the same; once its pages are gone, by the digest alone';

CREATE FUNCTION federated.metrics_problem(metrics jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(metrics) IS DISTINCT FROM 'object' OR metrics - '{evaluation,training}'::text[] <> '{}' THEN
		RETURN 'metrics must be an object of "evaluation" and "training"';
	ELSIF jsonb_path_exists(metrics, 'strict $.* ? (@.type() != "object")') THEN
		RETURN '"evaluation" and "training" must be objects';
	ELSIF jsonb_path_exists(metrics, 'strict $.*.* ? (@.type() != "number")') THEN
		RETURN 'every metric must be a finite number';
	ELSIF EXISTS (SELECT FROM jsonb_each(metrics) part, jsonb_each(part.value) metric
				  WHERE NOT federated.fits_double(metric.value) OR length(metric.key) > 100) THEN
		RETURN 'every metric must be 0 or from 1e-300 to 1e300 in size, its name at most 100 characters long';
	ELSIF (SELECT count(*) FROM jsonb_each(metrics) part, jsonb_each(part.value)) > 1000 THEN
		RETURN 'at most 1000 metrics are taken';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.metrics_problem(jsonb) IS 'What is wrong with metrics that an Island sent; NULL when nothing is';

-- Uploaders of one table wait for each other to extend it: by measurement
-- (src/pages/writer.c) a table of its own pays from a few slices on.
CREATE FUNCTION federated.update_table(round federated.rounds, update_id bigint, bytes bigint) RETURNS name
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own name := 'update_' || update_id;
BEGIN
	IF federated.slice_count(bytes) <= 4 THEN
		RETURN round.relation;
	END IF;
	PERFORM federated.create_page_table(own, round.unlogged);
	RETURN own;
END
$$;
COMMENT ON FUNCTION federated.update_table(federated.rounds, bigint, bigint) IS
	'Page table of an update: the round''s when it is small, one of its own when it is large';

CREATE FUNCTION federated.retire_updates(round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation name;
BEGIN
	FOR relation IN
		SELECT round.relation WHERE round.relation IS NOT NULL
		UNION SELECT v.relation FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.round_id = round.id
	LOOP
		PERFORM federated.retire_page_table(relation);
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.retire_updates(federated.rounds) IS 'Give up the pages of a round''s updates; their rows stay';

CREATE FUNCTION federated.update_bytes(round federated.rounds, encoding text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.encoded_bytes(v.parameters, $2) FROM federated.model_versions v WHERE v.id = $1.base_version_id
$$;
COMMENT ON FUNCTION federated.update_bytes(federated.rounds, text) IS 'Length of an update of a round in an encoding';

CREATE FUNCTION federated.open_update(round federated.rounds, island_id bigint, digest bytea, encoding text)
RETURNS federated.updates
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	opened federated.updates;
	bytes bigint := federated.update_bytes(round, encoding);
BEGIN
	INSERT INTO federated.updates AS u (round_id, island_id, state, digest)
	VALUES (round.id, island_id, 'uploading', digest)
	ON CONFLICT (round_id, island_id) WHERE state IN ('uploading', 'accepted') DO NOTHING
	RETURNING * INTO opened;
	IF NOT FOUND THEN
		RETURN federated.find_update(round.id, island_id);
	END IF;
	UPDATE federated.updates u
	SET vector_id = federated.create_vector(federated.update_table(round, opened.id, bytes), bytes, encoding),
		secagg_attempt = federated.masking_attempt(round.id)
	WHERE u.id = opened.id RETURNING * INTO opened;
	RETURN opened;
END
$$;
COMMENT ON FUNCTION federated.open_update(federated.rounds, bigint, bytea, text) IS
	'A new update that waits for its slices, or the one that somebody opened at the same moment';

CREATE FUNCTION federated.begin_update(me federated.islands, round_id bigint, digest bytea, encoding text) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry record;
	known federated.updates := federated.find_update(round_id, me.id);
	obstacle record;
	superseded bigint;
	attempts integer;
BEGIN
	-- What was accepted stays accepted, also after the round went on.
	IF known.state = 'accepted' AND federated.is_same_update(known, digest, encoding) THEN
		RETURN json_build_object('status', 'accepted', 'update_id', known.id);
	END IF;
	SELECT * INTO entry FROM federated.enter_round(round_id, me.id, 'train');
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, entry.reason, entry.detail);
	END IF;

	known := federated.find_update(round_id, me.id);
	IF known.state = 'accepted' AND NOT federated.is_same_update(known, digest, encoding) THEN
		RETURN federated.reject(entry.round, me.id, 'conflicting_update', 'another update of this Island was accepted in this round');
	END IF;
	SELECT * INTO obstacle FROM federated.masking_obstacle(entry.round, me.id, known, digest, encoding);
	IF obstacle.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, obstacle.reason, obstacle.detail);
	ELSIF known.state = 'uploading' AND NOT federated.is_same_update(known, digest, encoding) THEN
		superseded := known.id;
		known := NULL;
	END IF;

	IF known.id IS NULL THEN
		SELECT count(*) INTO attempts FROM federated.updates u
		WHERE u.round_id = (entry.round).id AND u.island_id = me.id AND u.state <> 'lost'
		  AND u.secagg_attempt IS NOT DISTINCT FROM federated.masking_attempt((entry.round).id);
		IF attempts >= 4 THEN
			RETURN federated.reject(entry.round, me.id, 'too_many_attempts', 'an update may be begun 4 times in a round');
		END IF;
		IF federated.page_storage(federated.update_bytes(entry.round, encoding)) > federated.storage_left() THEN
			RETURN federated.reject(entry.round, me.id, 'storage_full', 'federated.max_storage is exhausted');
		END IF;
		-- Only now: a refusal leaves the upload before as it is.
		UPDATE federated.updates u SET state = 'abandoned' WHERE u.id = superseded AND u.state = 'uploading';
		known := federated.open_update(entry.round, me.id, digest, encoding);
		-- Another connection of this Island may have come first: its answer is not ours.
		IF NOT federated.is_same_update(known, digest, encoding) THEN
			RETURN federated.reject(entry.round, me.id, 'conflicting_update',
				'another update of this Island was begun or accepted at the same moment');
		END IF;
	END IF;
	RETURN json_build_object('status', known.state, 'update_id', known.id, 'present', federated.present_slices(known.vector_id));
END
$$;
COMMENT ON FUNCTION federated.begin_update(federated.islands, bigint, bytea, text) IS 'See federated_begin_update()';

CREATE FUNCTION @extschema@.federated_begin_update(round_id bigint, digest bytea, encoding text DEFAULT 'f32') RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_digest('digest', digest);
	IF encoding IS DISTINCT FROM 'uint32' THEN
		PERFORM federated.require_encoding('encoding', encoding);
	END IF;
	RETURN federated.begin_update(federated.require_island(), round_id, digest, encoding);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_begin_update(bigint, bytea, text) IS
	'Begin or resume sending an update, known by its digest (SHA-256 over the SHA-256 of every slice, as sent) and encoding (f32, f16, bf16; uint32 with secure aggregation); says which slices are already there';
GRANT EXECUTE ON FUNCTION @extschema@.federated_begin_update(bigint, bytea, text) TO federated_island;

CREATE FUNCTION federated.require_digest(argument text, digest bytea) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument(argument, digest);
	IF octet_length(digest) <> 32 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('argument "%s" is not a SHA-256', argument),
			DETAIL = format('Given %s bytes; expected 32.', octet_length(digest));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_digest(text, bytea) IS 'Refuse (22004, 22023) what is not a SHA-256';

CREATE FUNCTION federated.own_update(update_id bigint, me federated.islands) RETURNS federated.updates
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.updates;
BEGIN
	PERFORM federated.require_argument('update_id', update_id);
	SELECT * INTO own FROM federated.updates u WHERE u.id = update_id AND u.island_id = me.id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('Island "%s" has no update %s', me.host_id, update_id);
	END IF;
	RETURN own;
END
$$;
COMMENT ON FUNCTION federated.own_update(bigint, federated.islands) IS 'An update of the calling Island, or an error (P0002)';

CREATE FUNCTION @extschema@.federated_put_slice(update_id bigint, slice integer, sha256 bytea, data bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	own federated.updates := federated.own_update(update_id, me);
	entry record;
	refusal record;
BEGIN
	PERFORM federated.require_argument('slice', slice);
	PERFORM federated.require_digest('sha256', sha256);
	PERFORM federated.require_argument('data', data);
	-- The table must not be retired under the slice.
	SELECT * INTO entry FROM federated.enter_round(own.round_id, me.id, 'train');
	own := federated.own_update(update_id, me);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, entry.reason, entry.detail);
	ELSIF own.state = 'accepted' THEN
		RETURN json_build_object('status', 'stored');
	ELSIF own.state <> 'uploading' THEN
		RETURN federated.reject(entry.round, me.id, 'stale_round', format('update %s is %s', update_id, own.state));
	END IF;

	SELECT * INTO refusal FROM federated.store_slice(own.vector_id, slice, sha256, data, true);
	IF refusal.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, refusal.reason, refusal.detail);
	END IF;
	-- What the commit acknowledges is on disk with it, its slices before it.
	PERFORM federated.make_lazy();
	RETURN json_build_object('status', 'stored');
END
$$;
COMMENT ON FUNCTION @extschema@.federated_put_slice(bigint, integer, bytea, bytea) IS
	'Send one slice (1,048,320 bytes of little-endian values in the update''s encoding; the last may be shorter) of an update; the same slice again changes nothing';
GRANT EXECUTE ON FUNCTION @extschema@.federated_put_slice(bigint, integer, bytea, bytea) TO federated_island;

CREATE FUNCTION federated.declares_samples(round_id bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(s.config ->> 'secagg_weights', 'declared') = 'declared'
	FROM federated.rounds r JOIN federated.sessions s ON s.id = r.session_id WHERE r.id = $1
$$;
COMMENT ON FUNCTION federated.declares_samples(bigint) IS
	'Whether Islands say in a round how many samples they have; with secagg_weights hidden or unit they do not, also where they evaluate openly';

CREATE FUNCTION federated.update_problem(own federated.updates, digest bytea, num_samples bigint, metrics jsonb,
										 OUT reason text, OUT detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF digest <> own.digest THEN
		reason := CASE WHEN own.state = 'accepted' THEN 'conflicting_update' ELSE 'wrong_digest' END;
		detail := 'the update was begun with another digest';
	ELSIF own.state NOT IN ('uploading', 'accepted') THEN
		reason := 'stale_round';
		detail := format('update %s is %s', own.id, own.state);
	ELSIF own.state = 'accepted' THEN
		RETURN;
	ELSIF coalesce(num_samples, CASE WHEN federated.declares_samples(own.round_id) THEN 0 ELSE 1 END) NOT BETWEEN 1 AND 1000000000000 THEN
		-- the bound keeps the sum over any number of Islands in range
		reason := 'bad_num_samples';
		detail := format('num_samples is %s; allowed are 1 to 1000000000000', coalesce(num_samples::text, 'null'));
	ELSIF federated.metrics_problem(metrics) IS NOT NULL THEN
		reason := 'bad_metrics';
		detail := federated.metrics_problem(metrics);
	ELSIF own.vector_id IS NOT NULL AND NOT federated.vector_complete(own.vector_id) THEN
		reason := 'incomplete';
		detail := format('only slices %s are here', federated.present_slices(own.vector_id));
	ELSIF own.vector_id IS NOT NULL AND federated.vector_digest(own.vector_id) <> digest THEN
		reason := 'wrong_digest';
		detail := 'the slices do not have the digest that was stated for the update';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.update_problem(federated.updates, bytea, bigint, jsonb) IS
	'Why an update cannot be accepted; NULLs when it can, or was before';

-- The caller holds the round FOR SHARE.
CREATE FUNCTION federated.accept_update(round federated.rounds, own federated.updates, num_samples bigint,
										metrics jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.updates u
	SET state = 'accepted', accepted_at = clock_timestamp(), num_samples = accept_update.num_samples,
		metrics = accept_update.metrics, norm = federated.vector_norm(own.vector_id)
	WHERE u.id = own.id AND u.state = 'uploading';
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE federated.tasks t SET state = 'done', finished_at = clock_timestamp()
	WHERE t.round_id = round.id AND t.island_id = own.island_id AND t.state = 'assigned';
	UPDATE federated.participants p
	SET status = 'gradient_sent', total_samples = CASE WHEN accept_update.num_samples IS NOT NULL THEN coalesce(
			(SELECT c.num_samples FROM federated.consents c JOIN federated.sessions s ON s.workload_id = c.workload_id
			 WHERE s.id = round.session_id AND c.island_id = own.island_id), accept_update.num_samples) END
	WHERE p.session_id = round.session_id AND p.island_id = own.island_id;
	PERFORM federated.log_event(round.session_id, CASE round.kind WHEN 'train' THEN 'update_accepted' ELSE 'evaluation_accepted' END,
		jsonb_build_object('round', round.round_no, 'update_id', own.id, 'num_samples', num_samples,
						   'digest', encode(own.digest, 'hex'),
						   'encoding', (SELECT v.encoding FROM federated.vectors v WHERE v.id = own.vector_id)));
	PERFORM federated.make_durable();
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION federated.accept_update(federated.rounds, federated.updates, bigint, jsonb) IS
	'Accept a verified update, durably';

CREATE FUNCTION federated.commit_update(me federated.islands, update_id bigint, digest bytea, num_samples bigint,
										metrics jsonb, signature bytea DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.updates := federated.own_update(update_id, me);
	entry record;
	problem record;
BEGIN
	-- The acknowledgement may have been lost on the way: say it again.
	IF own.state = 'accepted' AND own.digest = commit_update.digest THEN
		PERFORM federated.make_durable();
		RETURN json_build_object('status', 'accepted', 'update_id', own.id);
	END IF;

	SELECT * INTO entry FROM federated.enter_round(own.round_id, me.id, 'train');
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, entry.reason, entry.detail);
	END IF;
	SELECT * INTO own FROM federated.updates u WHERE u.id = own.id FOR NO KEY UPDATE;
	IF own.secagg_attempt IS NULL THEN
		SELECT * INTO problem FROM federated.update_problem(own, digest, num_samples, metrics);
	ELSE
		SELECT * INTO problem FROM federated.masked_problem(entry.round, own, digest, num_samples, metrics, signature);
	END IF;
	IF problem.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, problem.reason, problem.detail);
	END IF;
	PERFORM federated.note_upload_signature(entry.round, own, signature) WHERE own.secagg_attempt IS NOT NULL;
	PERFORM federated.accept_update(entry.round, own, num_samples, metrics);
	RETURN json_build_object('status', 'accepted', 'update_id', own.id);
END
$$;
COMMENT ON FUNCTION federated.commit_update(federated.islands, bigint, bytea, bigint, jsonb, bytea) IS 'See federated_commit_update()';

CREATE FUNCTION @extschema@.federated_commit_update(update_id bigint, digest bytea, num_samples bigint,
													metrics jsonb DEFAULT '{}', signature bytea DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_digest('digest', digest);
	RETURN federated.commit_update(federated.require_island(), update_id, digest, num_samples, metrics, signature);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_commit_update(bigint, bytea, bigint, jsonb, bytea) IS
	'Hand in a complete update; once it is acknowledged it is durable and counts exactly once. Again: changes nothing. signature: of the manifest, with secure aggregation';
GRANT EXECUTE ON FUNCTION @extschema@.federated_commit_update(bigint, bytea, bigint, jsonb, bytea) TO federated_island;

CREATE FUNCTION federated.slice_of(data bytea, slice integer) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS 'SELECT substr(data, slice * 1048320 + 1, 1048320)';
COMMENT ON FUNCTION federated.slice_of(bytea, integer) IS 'One slice of a vector that is in memory';

CREATE FUNCTION federated.digest_of(data bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sha256(coalesce(string_agg(sha256(federated.slice_of(data, s)), '' ORDER BY s), ''))
	FROM generate_series(0, federated.slice_count(octet_length(data)) - 1) s
$$;
COMMENT ON FUNCTION federated.digest_of(bytea) IS 'Digest of a vector that is in memory: SHA-256 over the SHA-256 of every slice';

CREATE FUNCTION @extschema@.federated_submit_update(round_id bigint, delta bytea, num_samples bigint,
													metrics jsonb DEFAULT '{}', encoding text DEFAULT 'f32') RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	digest bytea;
	answer json;
	refusal record;
	target federated.vectors;
BEGIN
	PERFORM federated.require_argument('delta', delta);
	PERFORM federated.require_encoding('encoding', encoding);
	digest := federated.digest_of(delta);
	answer := federated.begin_update(me, round_id, digest, encoding);
	IF answer ->> 'status' <> 'uploading' THEN
		RETURN answer;
	END IF;

	SELECT v.* INTO STRICT target
	FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.id = (answer ->> 'update_id')::bigint;
	IF octet_length(delta) <> target.bytes THEN
		RETURN federated.reject((SELECT r FROM federated.rounds r WHERE r.id = round_id), me.id, 'wrong_length',
			format('the update has %s bytes; expected %s as %s', octet_length(delta), target.bytes, target.encoding));
	END IF;
	FOR slice_no IN 0 .. federated.slice_count(target.bytes) - 1
	LOOP
		SELECT * INTO refusal
		FROM federated.store_slice(target.id, slice_no, sha256(federated.slice_of(delta, slice_no)),
								   federated.slice_of(delta, slice_no), true);
		IF refusal.reason IS NOT NULL THEN
			RETURN federated.reject((SELECT r FROM federated.rounds r WHERE r.id = round_id), me.id, refusal.reason, refusal.detail);
		END IF;
	END LOOP;
	RETURN federated.commit_update(me, (answer ->> 'update_id')::bigint, digest, num_samples, metrics);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_submit_update(bigint, bytea, bigint, jsonb, text) IS
	'Begin, put and commit in one call, for a model that fits one value: delta is the whole vector, little-endian, in the encoding (f32, f16, bf16)';
GRANT EXECUTE ON FUNCTION @extschema@.federated_submit_update(bigint, bytea, bigint, jsonb, text) TO federated_island;

CREATE FUNCTION @extschema@.federated_submit_evaluation(round_id bigint, num_samples bigint, metrics jsonb,
														digest bytea DEFAULT NULL, signature bytea DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	own federated.updates := federated.find_update(round_id, me.id);
	entry record;
	attempt integer;
	bytes bytea;
	problem record;
BEGIN
	IF own.state = 'accepted' AND own.vector_id IS NULL AND (own.secagg_attempt IS NULL OR own.digest = digest) THEN
		RETURN json_build_object('status', 'accepted', 'update_id', own.id);
	END IF;
	SELECT * INTO entry FROM federated.enter_round(round_id, me.id, 'evaluate');
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, entry.reason, entry.detail);
	END IF;
	-- An evaluation is an update without a vector; with secure aggregation only
	-- masked aux values are sent, and the digest is that of its manifest.
	attempt := federated.secagg_attempt_of(round_id);
	bytes := CASE WHEN attempt IS NULL THEN sha256('') ELSE digest END;
	own := NULL;
	own.round_id := round_id;
	own.island_id := me.id;
	own.state := 'uploading';
	own.digest := bytes;
	own.secagg_attempt := attempt;
	IF attempt IS NULL THEN
		SELECT * INTO problem FROM federated.update_problem(own, bytes, num_samples, metrics);
	ELSE
		PERFORM federated.require_digest('digest', digest);
		SELECT * INTO problem FROM federated.masked_problem(entry.round, own, digest, num_samples, metrics, signature);
	END IF;
	IF problem.reason IS NOT NULL THEN
		RETURN federated.reject(entry.round, me.id, problem.reason, problem.detail);
	END IF;
	INSERT INTO federated.updates (round_id, island_id, state, digest, secagg_attempt)
	VALUES (round_id, me.id, 'uploading', bytes, attempt) ON CONFLICT DO NOTHING;
	own := federated.find_update(round_id, me.id);
	IF own.digest <> bytes THEN
		RETURN federated.reject(entry.round, me.id, 'conflicting_update', 'another evaluation of this Island was accepted in this round');
	END IF;
	PERFORM federated.note_upload_signature(entry.round, own, signature) WHERE attempt IS NOT NULL;
	-- What nobody is to know is not kept, should it be said.
	PERFORM federated.accept_update(entry.round, own, CASE WHEN federated.declares_samples(round_id) THEN num_samples END, metrics);
	RETURN json_build_object('status', 'accepted', 'update_id', own.id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_submit_evaluation(bigint, bigint, jsonb, bytea, bytea) IS
	'Hand in the evaluation of a model when the task was only that; with secure aggregation digest and signature of the manifest, and no metrics';
GRANT EXECUTE ON FUNCTION @extschema@.federated_submit_evaluation(bigint, bigint, jsonb, bytea, bytea) TO federated_island;

ALTER TABLE federated.updates ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.rejections ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.updates FOR SELECT TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_visible ON federated.updates FOR SELECT TO federated_creator
	USING (EXISTS (SELECT FROM federated.rounds r WHERE r.id = round_id));
CREATE POLICY read_own ON federated.updates FOR SELECT TO federated_island USING (island_id = (SELECT federated.caller_island()));
CREATE POLICY read_all ON federated.rejections FOR SELECT TO federated_admin, federated_auditor USING (true);
CREATE POLICY read_own ON federated.rejections FOR SELECT TO federated_island USING (island_id = (SELECT federated.caller_island()));
CREATE POLICY private_updates ON federated.updates AS RESTRICTIVE FOR SELECT
	USING (island_id = (SELECT federated.caller_island()) OR round_id NOT IN (SELECT federated.secret_rounds(false)));
CREATE POLICY secret_cohorts ON federated.rejections AS RESTRICTIVE FOR SELECT
	USING (island_id = (SELECT federated.caller_island()) OR session_id IS NULL OR session_id NOT IN (SELECT federated.secret_sessions(true)));
GRANT SELECT ON federated.updates TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
GRANT SELECT ON federated.rejections TO federated_admin, federated_auditor, federated_island;
