-- Looking into updates and versions -------------------------------------------------------------
-- Parameters as rows that SQL can compute with: one for every 2,016 values,
-- float32 whatever they are stored as, and aggregates over such rows. Nothing
-- here changes anything.

-- bytea and real[]. The functions are granted because a cast runs with its
-- caller's rights; an aggregate's are called with its owner's.

CREATE FUNCTION federated.bytes_to_floats(data bytea) RETURNS real[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_bytes_to_floats';
COMMENT ON FUNCTION federated.bytes_to_floats(bytea) IS 'The cast from bytea to real[]: little-endian float32';

CREATE FUNCTION federated.floats_to_bytes(numbers real[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_floats_to_bytes';
COMMENT ON FUNCTION federated.floats_to_bytes(real[]) IS 'The cast from real[] to bytea: little-endian float32';

CREATE CAST (bytea AS real[]) WITH FUNCTION federated.bytes_to_floats(bytea);
CREATE CAST (real[] AS bytea) WITH FUNCTION federated.floats_to_bytes(real[]);
COMMENT ON CAST (bytea AS real[]) IS 'Little-endian float32 as numbers';
COMMENT ON CAST (real[] AS bytea) IS 'Numbers as little-endian float32';
GRANT EXECUTE ON FUNCTION federated.bytes_to_floats(bytea), federated.floats_to_bytes(real[])
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

-- Aggregates. All states are sums: one function combines any two of a kind.

CREATE FUNCTION federated.sums_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_sums_combine';
CREATE FUNCTION federated.sums_serial(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_sums_serial';
CREATE FUNCTION federated.sums_deserial(bytes bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_sums_deserial';
CREATE FUNCTION federated.weighted_accum(state internal, data bytea) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_weighted_accum';
CREATE FUNCTION federated.weighted_accum(state internal, data bytea, weight float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_weighted_accum';
CREATE FUNCTION federated.norm_accum(state internal, data bytea) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_norm_accum';
CREATE FUNCTION federated.dot_accum(state internal, a bytea, b bytea) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_dot_accum';
CREATE FUNCTION federated.cosine_accum(state internal, a bytea, b bytea) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_cosine_accum';
CREATE FUNCTION federated.mean_final(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_mean_final';
CREATE FUNCTION federated.sum_final(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_sum_final';
CREATE FUNCTION federated.norm_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_norm_final';
CREATE FUNCTION federated.dot_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_dot_final';
CREATE FUNCTION federated.cosine_final(state internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'federated_cosine_final';
COMMENT ON FUNCTION federated.sums_combine(internal, internal) IS 'Add up two partial states';
COMMENT ON FUNCTION federated.sums_serial(internal) IS 'A state as bytes for another process';
COMMENT ON FUNCTION federated.sums_deserial(bytea, internal) IS 'A state from its bytes, which are checked';
COMMENT ON FUNCTION federated.weighted_accum(internal, bytea) IS 'Add a page';
COMMENT ON FUNCTION federated.weighted_accum(internal, bytea, float8) IS 'Add a page times its weight';
COMMENT ON FUNCTION federated.norm_accum(internal, bytea) IS 'Add the squares of values';
COMMENT ON FUNCTION federated.dot_accum(internal, bytea, bytea) IS 'Add the products of values';
COMMENT ON FUNCTION federated.cosine_accum(internal, bytea, bytea) IS 'Add the squares and the products of values';
COMMENT ON FUNCTION federated.mean_final(internal) IS 'The weighted sum over the sum of the weights';
COMMENT ON FUNCTION federated.sum_final(internal) IS 'The weighted sum';
COMMENT ON FUNCTION federated.norm_final(internal) IS 'The root of the sum of squares';
COMMENT ON FUNCTION federated.dot_final(internal) IS 'The sum of products';
COMMENT ON FUNCTION federated.cosine_final(internal) IS 'The sum of products over the roots of the sums of squares';

CREATE AGGREGATE @extschema@.federated_mean(data bytea, weight float8) (
	SFUNC = federated.weighted_accum, STYPE = internal, SSPACE = 16384, FINALFUNC = federated.mean_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
CREATE AGGREGATE @extschema@.federated_mean(data bytea) (
	SFUNC = federated.weighted_accum, STYPE = internal, SSPACE = 16384, FINALFUNC = federated.mean_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
CREATE AGGREGATE @extschema@.federated_sum(data bytea, weight float8) (
	SFUNC = federated.weighted_accum, STYPE = internal, SSPACE = 16384, FINALFUNC = federated.sum_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
CREATE AGGREGATE @extschema@.federated_norm(data bytea) (
	SFUNC = federated.norm_accum, STYPE = internal, SSPACE = 64, FINALFUNC = federated.norm_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
CREATE AGGREGATE @extschema@.federated_dot(a bytea, b bytea) (
	SFUNC = federated.dot_accum, STYPE = internal, SSPACE = 64, FINALFUNC = federated.dot_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
CREATE AGGREGATE @extschema@.federated_cosine(a bytea, b bytea) (
	SFUNC = federated.cosine_accum, STYPE = internal, SSPACE = 64, FINALFUNC = federated.cosine_final,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = federated.sums_serial, DESERIALFUNC = federated.sums_deserial,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.federated_mean(bytea, float8) IS
	'Weighted mean of pages, value by value, as a page of float32; computed in float64';
COMMENT ON AGGREGATE @extschema@.federated_mean(bytea) IS 'Mean of pages, value by value, as a page of float32; computed in float64';
COMMENT ON AGGREGATE @extschema@.federated_sum(bytea, float8) IS
	'Weighted sum of pages, value by value, as a page of float32; computed in float64';
COMMENT ON AGGREGATE @extschema@.federated_norm(bytea) IS 'Euclidean norm of all values of all rows';
COMMENT ON AGGREGATE @extschema@.federated_dot(bytea, bytea) IS 'Dot product over all values of all rows';
COMMENT ON AGGREGATE @extschema@.federated_cosine(bytea, bytea) IS
	'Cosine of the angle between two vectors whose pages are the rows; NULL if either is zero';
GRANT EXECUTE ON FUNCTION @extschema@.federated_mean(bytea, float8), @extschema@.federated_mean(bytea),
	@extschema@.federated_sum(bytea, float8), @extschema@.federated_norm(bytea), @extschema@.federated_dot(bytea, bytea),
	@extschema@.federated_cosine(bytea, bytea)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

-- Pages as rows

-- A page row has 8,064 bytes: 2,016 values of float32, or 4,032 of two bytes.
CREATE FUNCTION federated.pages_query(vector federated.vectors, OUT query text, OUT pages bigint)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parameters CONSTANT bigint := vector.bytes / federated.encoded_bytes(1, vector.encoding);
	per_row CONSTANT integer := 4 / federated.encoded_bytes(1, vector.encoding);
BEGIN
	pages := (parameters + 2015) / 2016;
	query := format('SELECT n.page_no, federated.page_values(p.data, %1$L, (n.page_no - p.page_no * %2$s) * 2016,
						 least(2016, %3$s - n.page_no * 2016::bigint)::integer) AS data
					 FROM federated.%4$I p
					 CROSS JOIN LATERAL generate_series(p.page_no * %2$s, least((p.page_no + 1) * %2$s, %5$s)::integer - 1) n (page_no)
					 WHERE p.vector_id = %6$s',
					vector.encoding, per_row, parameters, vector.relation, pages, vector.id);
END
$$;
COMMENT ON FUNCTION federated.pages_query(federated.vectors) IS
	'A query for the values of a vector, (page_no, data), and how many rows it returns';

CREATE FUNCTION federated.require_pages(vector federated.vectors, expected bigint, present bigint) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF present <> expected THEN
		RAISE EXCEPTION USING
			ERRCODE = 'data_corrupted',
			MESSAGE = format('pages of vector %s are missing in "%s"', vector.id, vector.relation),
			DETAIL = format('%s of %s are there.', present, expected);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_pages(federated.vectors, bigint, bigint) IS
	'Refuse (XX001) a vector that is not all there: rather no answer than a wrong one';

CREATE FUNCTION federated.round_with_updates(session_id uuid, round integer) RETURNS federated.rounds
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions := federated.get_session(session_id);
	found_row federated.rounds;
BEGIN
	SELECT * INTO found_row FROM federated.rounds r
	WHERE r.session_id = session.id AND r.kind = 'train' AND r.round_no = coalesce(round_with_updates.round, r.round_no)
	ORDER BY r.round_no DESC LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = CASE WHEN round IS NULL THEN format('session %s has no round yet', session_id)
						   ELSE format('session %s has no round %s', session_id, round) END;
	ELSIF found_row.state NOT IN ('open', 'aggregating') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the updates of round %s are gone', found_row.round_no),
			DETAIL = format('The round is %s; updates are kept until their round ends.', found_row.state);
	ELSIF federated.uses_secagg(session.config) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the updates of round %s are masked', found_row.round_no),
			DETAIL = 'With secure aggregation a single update is noise; only the sum of all means something.';
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.round_with_updates(uuid, integer) IS
	'A round that still has its updates, the newest if none is named, or an error (P0002, 55000)';

CREATE FUNCTION @extschema@.federated_update_pages(session_id uuid, round integer DEFAULT NULL)
RETURNS TABLE (host_id text, num_samples bigint, weight float8, page_no integer, data bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation name;
	looked_at federated.rounds;
	own record;
	pages record;
	returned bigint;
BEGIN
	PERFORM federated.require_role('federated_admin', 'read updates');
	looked_at := federated.round_with_updates(session_id, round);
	-- Locks them all first: the round may end while the first are read.
	FOR relation IN
		SELECT DISTINCT v.relation FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id
		WHERE u.round_id = looked_at.id AND u.state = 'accepted'
	LOOP
		EXECUTE format('SELECT FROM federated.%I LIMIT 0', relation);
	END LOOP;

	FOR own IN
		SELECT i.host_id, u.num_samples, v AS vector,
			   coalesce(u.weight, c.samples::float8 / (sum(c.samples) OVER ())::float8) AS weight
		FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id JOIN federated.vectors v ON v.id = u.vector_id
		JOIN federated.sessions s ON s.id = looked_at.session_id
		CROSS JOIN LATERAL federated.counted_samples(u.island_id, s.workload_id, u.num_samples) c (samples)
		WHERE u.round_id = looked_at.id AND u.state = 'accepted'
		ORDER BY i.host_id COLLATE "C"
	LOOP
		pages := federated.pages_query(own.vector);
		RETURN QUERY EXECUTE format('SELECT $1, $2, $3, q.page_no, q.data FROM (%s) q', pages.query)
			USING own.host_id, own.num_samples, own.weight;
		GET DIAGNOSTICS returned = ROW_COUNT;
		PERFORM federated.require_pages(own.vector, pages.pages, returned);
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_update_pages(uuid, integer) IS
	'The accepted updates of a round that has not ended (the newest if none is named), a row for every 2,016 values as float32; weight: fixed at the freeze, before that the share of the samples';
GRANT EXECUTE ON FUNCTION @extschema@.federated_update_pages(uuid, integer) TO federated_admin;

CREATE FUNCTION @extschema@.federated_version_pages(version_id bigint) RETURNS TABLE (page_no integer, data bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions := federated.get_ready_version(version_id);
	vector federated.vectors;
	pages record;
	returned bigint;
BEGIN
	PERFORM federated.require_version_reader(version_id);
	SELECT * INTO STRICT vector FROM federated.vectors v WHERE v.id = version.vector_id;
	pages := federated.pages_query(vector);
	RETURN QUERY EXECUTE pages.query;
	GET DIAGNOSTICS returned = ROW_COUNT;
	PERFORM federated.require_pages(vector, pages.pages, returned);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_version_pages(bigint) IS
	'The trainable vector of a version, a row for every 2,016 values as float32';
GRANT EXECUTE ON FUNCTION @extschema@.federated_version_pages(bigint)
	TO federated_admin, federated_creator, federated_island;
