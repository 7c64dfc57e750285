-- Vectors as page rows ---------------------------------------------------------
-- A vector is any long run of bytes: an update, the weights of a version, its
-- frozen tensors. It is cut into pages of 8,064 bytes (2,016 float32), one row
-- and one heap page each, and travels in slices of 130 pages. Vectors live in
-- plain tables made like this template; many may share one.

CREATE TABLE federated.page_template (
	vector_id	bigint NOT NULL,
	page_no		integer NOT NULL,
	data		bytea NOT NULL
);
-- PLAIN keeps the payload in the page, never compressed, never moved out. The
-- twelve bytes before it put its first byte at a multiple of 64 in the page.
ALTER TABLE federated.page_template ALTER COLUMN data SET STORAGE PLAIN;
COMMENT ON TABLE federated.page_template IS 'Shape of every table that holds pages; always empty';
COMMENT ON COLUMN federated.page_template.vector_id IS 'Vector that the page belongs to';
COMMENT ON COLUMN federated.page_template.page_no IS 'Position of the page in the vector, from 0';
COMMENT ON COLUMN federated.page_template.data IS '8,064 bytes; the last page of a vector is filled up with zeros';

CREATE TABLE federated.vectors (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	relation	name NOT NULL,
	bytes		bigint NOT NULL CHECK (bytes >= 0),
	encoding	text NOT NULL DEFAULT 'f32' CHECK (encoding IN ('f32', 'f16', 'bf16', 'uint32'))
);
CREATE INDEX ON federated.vectors (relation);
COMMENT ON TABLE federated.vectors IS 'Every vector that is stored, and the table in schema federated that holds its pages';
COMMENT ON COLUMN federated.vectors.bytes IS 'Length without the filling of the last page';
COMMENT ON COLUMN federated.vectors.encoding IS 'How its values are stored: f32, f16 or bf16, or masked as uint32; without meaning for frozen bytes';

CREATE TABLE federated.slices (
	vector_id	bigint NOT NULL REFERENCES federated.vectors ON DELETE CASCADE,
	slice_no	integer NOT NULL CHECK (slice_no >= 0),
	sha256		bytea NOT NULL CHECK (octet_length(sha256) = 32),
	squares		double precision,
	products	double precision[],
	PRIMARY KEY (vector_id, slice_no)
);
COMMENT ON TABLE federated.slices IS 'Slices that are stored: the durable progress of an upload and of an aggregation';
COMMENT ON COLUMN federated.slices.sha256 IS 'SHA-256 of the slice''s bytes without filling';
COMMENT ON COLUMN federated.slices.squares IS 'Sum of the squares of its values, where it arrived as values';
COMMENT ON COLUMN federated.slices.products IS 'In a round''s result: products of the combined update with each update, in order of position, and last with itself';

CREATE TABLE federated.retired_tables (
	relation	name PRIMARY KEY,
	retired_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE federated.retired_tables IS 'Page tables that nothing refers to any more and that wait to be dropped';

-- Arithmetic of pages and slices

CREATE FUNCTION federated.slice_count(bytes bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'SELECT ((bytes + 1048319) / 1048320)::integer';
COMMENT ON FUNCTION federated.slice_count(bigint) IS 'Slices of a vector of so many bytes';

CREATE FUNCTION federated.slice_length(bytes bigint, slice integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'SELECT greatest(0, least(1048320, bytes - slice * 1048320::bigint))::integer';
COMMENT ON FUNCTION federated.slice_length(bigint, integer) IS
	'Bytes of one slice of a vector; the last one may be short';

CREATE FUNCTION federated.page_storage(bytes bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'SELECT (bytes + 8063) / 8064 * 8192';
COMMENT ON FUNCTION federated.page_storage(bigint) IS 'Disk space that the pages of so many bytes take';

CREATE FUNCTION federated.storage_used() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS 'SELECT coalesce(sum(federated.page_storage(bytes)), 0)::bigint FROM federated.vectors';
COMMENT ON FUNCTION federated.storage_used() IS
	'Disk space reserved by all vectors of this database, in bytes';

CREATE FUNCTION federated.storage_left() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.setting('max_storage')::bigint = 0 THEN 9223372036854775807
				ELSE federated.setting('max_storage')::bigint * 1048576 - federated.storage_used() END
$$;
COMMENT ON FUNCTION federated.storage_left() IS 'Bytes left under federated.max_storage';

CREATE FUNCTION federated.require_storage(wanted bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF wanted > federated.storage_left() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'disk_full',
			MESSAGE = 'federated.max_storage is exhausted',
			DETAIL = format('%s bytes are needed, %s are left of %s MB.',
							wanted, greatest(federated.storage_left(), 0), federated.setting('max_storage')),
			HINT = 'Raise federated.max_storage, or let sessions keep fewer versions (keep_versions).';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_storage(bigint) IS
	'Refuse (53100) what would exceed federated.max_storage';

-- Tables: made like the template, dropped whole, never emptied row by row

CREATE FUNCTION federated.create_page_table(relation name, unlogged boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	space text := federated.setting('tablespace');
BEGIN
	-- Nothing in it ever dies, and nobody plans by its statistics: to vacuum it
	-- would only write every page once more, while the round waits.
	EXECUTE format('CREATE %s TABLE federated.%I (LIKE federated.page_template INCLUDING STORAGE)'
				   ' WITH (autovacuum_enabled = off) %s',
				   CASE WHEN unlogged THEN 'UNLOGGED' ELSE '' END, relation,
				   CASE WHEN space <> '' THEN format('TABLESPACE %I', space) ELSE '' END);
	EXECUTE format('ALTER TABLE federated.%I ADD PRIMARY KEY (vector_id, page_no) %s', relation,
				   CASE WHEN space <> '' THEN format('USING INDEX TABLESPACE %I', space) ELSE '' END);
END
$$;
COMMENT ON FUNCTION federated.create_page_table(name, boolean) IS
	'Make an empty table for pages in schema federated, in federated.tablespace';

-- A crash empties an unlogged table. Whether that has happened is told by a row
-- that no vector owns, and not by the pages of a vector: some may have been
-- stored again already, before anybody looked.
CREATE FUNCTION federated.mark_page_table(relation name) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('INSERT INTO federated.%I VALUES (0, 0, '''')', relation);
END
$$;
COMMENT ON FUNCTION federated.mark_page_table(name) IS 'Put the row into a page table that a crash would take away';

CREATE FUNCTION federated.page_table_marked(relation name) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	present boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM federated.%I WHERE vector_id = 0)', relation) INTO present;
	RETURN present;
END
$$;
COMMENT ON FUNCTION federated.page_table_marked(name) IS 'Whether no crash has emptied a page table since it was marked';

CREATE FUNCTION federated.retire_page_table(relation name) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM federated.vectors v WHERE v.relation = retire_page_table.relation;
	INSERT INTO federated.retired_tables VALUES (retire_page_table.relation) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION federated.retire_page_table(name) IS
	'Forget all vectors of a table and queue it for DROP; a reader still at it may finish';

-- pg_dump lists the tables first and locks them one after the other; one that
-- goes in between fails the whole dump.
CREATE FUNCTION federated.dump_starting() RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_stat_clear_snapshot(); -- or what was seen first in this transaction stays
	RETURN EXISTS (SELECT FROM pg_stat_activity a
				   WHERE a.datname = current_database() AND a.application_name = 'pg_dump'
					 AND coalesce(a.xact_start, a.backend_start) > clock_timestamp() - interval '1 minute');
END
$$;
COMMENT ON FUNCTION federated.dump_starting() IS
	'Whether a pg_dump of this database may not have locked all of its tables yet';

CREATE FUNCTION federated.drop_retired_table(relation name) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DROP TABLE IF EXISTS federated.%I', relation);
	DELETE FROM federated.retired_tables t WHERE t.relation = drop_retired_table.relation;
EXCEPTION WHEN lock_not_available THEN
	NULL; -- somebody reads it
END
$$;
COMMENT ON FUNCTION federated.drop_retired_table(name) IS 'Drop a queued page table unless somebody reads it';

CREATE FUNCTION federated.drop_retired_tables() RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- A reader must not make the worker wait: what is in use stays queued.
	PERFORM set_config('lock_timeout', '50ms', true);
	PERFORM federated.drop_retired_table(t.relation)
	FROM (SELECT * FROM federated.retired_tables ORDER BY retired_at LIMIT 100) t;
	-- Asked last: a dump that begins from here on finds them gone.
	IF federated.dump_starting() THEN
		RAISE object_in_use;
	END IF;
	RETURN (SELECT count(*) FROM federated.retired_tables);
EXCEPTION WHEN object_in_use THEN
	RETURN (SELECT count(*) FROM federated.retired_tables);
END
$$;
COMMENT ON FUNCTION federated.drop_retired_tables() IS
	'Drop queued page tables that nobody reads or is about to dump; returns how many still wait';

-- Slices in and out

CREATE FUNCTION federated.write_slice(relation name, vector_id bigint, slice integer, data bytea) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_write_slice';
COMMENT ON FUNCTION federated.write_slice(name, bigint, integer, bytea) IS
	'Append the pages of one slice to a page table';

CREATE FUNCTION federated.read_slice(relation name, vector_id bigint, slice integer, bytes integer) RETURNS bytea
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_read_slice';
COMMENT ON FUNCTION federated.read_slice(name, bigint, integer, integer) IS
	'The first so many bytes of one slice, assembled from its pages';

-- Encodings: f32 is how values are computed with; f16 and bf16 are half as long

CREATE FUNCTION federated.require_encoding(argument text, encoding text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument(argument, encoding);
	IF encoding NOT IN ('f32', 'f16', 'bf16') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('argument "%s" is not valid', argument),
			DETAIL = format('Given "%s"; allowed are f32, f16, bf16.', left(encoding, 100));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_encoding(text, text) IS 'Refuse (22004, 22023) what is not the name of an encoding';

CREATE FUNCTION federated.encoded_bytes(n_values bigint, encoding text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_encoded_bytes';
COMMENT ON FUNCTION federated.encoded_bytes(bigint, text) IS 'Length of so many values in an encoding';

CREATE FUNCTION federated.encode_values(data bytea, encoding text, first bigint) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_encode_values';
COMMENT ON FUNCTION federated.encode_values(bytea, text, bigint) IS
	'Float32 values in another encoding, or an error (22003) that names the parameter that does not fit; the first has the number given';

CREATE FUNCTION federated.page_values(data bytea, encoding text, first integer, count integer) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_page_values';
COMMENT ON FUNCTION federated.page_values(bytea, text, integer, integer) IS
	'So many values of a stored page, from the first on, as float32';

CREATE FUNCTION federated.first_nonfinite(data bytea, encoding text DEFAULT 'f32') RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_first_nonfinite';
COMMENT ON FUNCTION federated.first_nonfinite(bytea, text) IS
	'Index of the first NaN or infinity among values; NULL if all are finite';

CREATE FUNCTION federated.square_sum(data bytea, encoding text) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_square_sum';
COMMENT ON FUNCTION federated.square_sum(bytea, text) IS 'Sum of the squares of values as they travel';

CREATE FUNCTION federated.create_vector(relation name, bytes bigint, encoding text DEFAULT 'f32') RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO federated.vectors (relation, bytes, encoding) VALUES ($1, $2, $3) RETURNING id
$$;
COMMENT ON FUNCTION federated.create_vector(name, bigint, text) IS 'Announce a vector whose slices will follow';

-- Returns NULL when stored (now or before), or a reason that is a code of
-- federated.rejections and its explanation.
CREATE FUNCTION federated.store_slice(vector_id bigint, slice integer, sha256 bytea, data bytea,
									  floats boolean, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	vector federated.vectors;
	expected integer;
	known bytea;
	bad bigint;
BEGIN
	SELECT * INTO STRICT vector FROM federated.vectors v WHERE v.id = vector_id;
	expected := federated.slice_length(vector.bytes, slice);

	IF slice < 0 OR slice >= federated.slice_count(vector.bytes) THEN
		reason := 'wrong_length';
		detail := format('slice %s does not exist; the vector has %s slices', slice, federated.slice_count(vector.bytes));
	ELSIF octet_length(data) <> expected THEN
		reason := 'wrong_length';
		detail := format('slice %s has %s bytes; expected %s', slice, octet_length(data), expected)
			|| CASE WHEN floats THEN ' as ' || vector.encoding ELSE '' END;
	ELSIF pg_catalog.sha256(data) IS DISTINCT FROM store_slice.sha256 THEN
		reason := 'wrong_digest';
		detail := format('slice %s does not have the SHA-256 that was stated for it', slice);
	ELSE
		-- Of masked integers every one is legal, and none means anything.
		floats := floats AND vector.encoding <> 'uint32';
		bad := CASE WHEN floats THEN federated.first_nonfinite(data, vector.encoding) END;
		IF bad IS NOT NULL THEN
			reason := 'non_finite';
			detail := format('parameter %s is NaN or infinite',
							 slice * (1048320 / federated.encoded_bytes(1, vector.encoding)) + bad);
			RETURN;
		END IF;

		-- The row comes first: a second connection with the same slice waits
		-- here and then finds it.
		INSERT INTO federated.slices AS s
			VALUES (vector_id, slice, store_slice.sha256, CASE WHEN floats THEN federated.square_sum(data, vector.encoding) END)
			ON CONFLICT DO NOTHING;
		IF FOUND THEN
			PERFORM federated.write_slice(vector.relation, vector_id, slice, data);
			RETURN;
		END IF;

		SELECT s.sha256 INTO known FROM federated.slices s
		WHERE s.vector_id = store_slice.vector_id AND s.slice_no = slice;
		IF known IS DISTINCT FROM store_slice.sha256 THEN
			reason := 'conflicting_update';
			detail := format('slice %s was stored before with other bytes', slice);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION federated.store_slice(bigint, integer, bytea, bytea, boolean) IS
	'Verify and store one slice; idempotent. Returns why not, or NULLs';

CREATE FUNCTION federated.present_slices(vector_id bigint) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(s.slice_no ORDER BY s.slice_no), '[]')
	FROM federated.slices s WHERE s.vector_id = $1
$$;
COMMENT ON FUNCTION federated.present_slices(bigint) IS 'Numbers of the slices that are stored, ascending';

CREATE FUNCTION federated.vector_complete(vector_id bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.slice_count(v.bytes) = (SELECT count(*) FROM federated.slices s WHERE s.vector_id = v.id)
	FROM federated.vectors v WHERE v.id = $1
$$;
COMMENT ON FUNCTION federated.vector_complete(bigint) IS 'Whether every slice of a vector is stored';

CREATE FUNCTION federated.vector_digest(vector_id bigint) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sha256(coalesce(string_agg(s.sha256, '' ORDER BY s.slice_no), ''))
	FROM federated.slices s WHERE s.vector_id = $1
$$;
COMMENT ON FUNCTION federated.vector_digest(bigint) IS
	'SHA-256 over the SHA-256 of every slice, in order';

CREATE FUNCTION federated.vector_norm(vector_id bigint) RETURNS float8
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sqrt(sum(s.squares ORDER BY s.slice_no)) FROM federated.slices s WHERE s.vector_id = $1
$$;
COMMENT ON FUNCTION federated.vector_norm(bigint) IS 'L2 norm of a vector that arrived as values, added up in the order of its slices';

CREATE FUNCTION federated.get_sliced_vector(vector_id bigint, slice integer) RETURNS federated.vectors
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	vector federated.vectors;
BEGIN
	SELECT * INTO STRICT vector FROM federated.vectors v WHERE v.id = vector_id;
	IF slice < 0 OR slice >= federated.slice_count(vector.bytes) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('slice %s does not exist', slice),
			DETAIL = format('There are %s, from 0 on.', federated.slice_count(vector.bytes));
	END IF;
	RETURN vector;
END
$$;
COMMENT ON FUNCTION federated.get_sliced_vector(bigint, integer) IS
	'The vector of a slice, or an error (22023) if it has no such slice';
