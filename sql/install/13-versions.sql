-- Model versions -----------------------------------------------------------------
-- One set of weights of a workload: a trainable vector, and, through the import
-- that it descends from, the file header and the frozen bytes. What made a
-- version stays with its row, also after its weights are given up.

CREATE TABLE federated.model_versions (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	workload_id	bigint NOT NULL REFERENCES federated.workloads,
	version		integer NOT NULL,
	parent_id	bigint REFERENCES federated.model_versions,
	source_id	bigint REFERENCES federated.model_versions,
	status		text NOT NULL CHECK (status IN ('importing', 'building', 'ready', 'retired', 'abandoned')),
	header		bytea,
	data_bytes	bigint,
	parameters	bigint NOT NULL,
	vector_id	bigint REFERENCES federated.vectors ON DELETE SET NULL,
	frozen_id	bigint REFERENCES federated.vectors ON DELETE SET NULL,
	digest		bytea,
	metrics		jsonb NOT NULL DEFAULT '{}',
	owner_role	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	published_at timestamptz,
	session_id	uuid,
	round_no	integer,
	provenance	jsonb NOT NULL DEFAULT '{}',
	UNIQUE (workload_id, version),
	-- A parent is older than its children: lineage has no cycles.
	CHECK (parent_id < id AND source_id < id),
	CHECK ((header IS NULL) = (data_bytes IS NULL)),
	CHECK ((session_id IS NULL) = (round_no IS NULL))
);
CREATE INDEX ON federated.model_versions (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX ON federated.model_versions (session_id) WHERE session_id IS NOT NULL;
-- For the foreign keys: a vector that goes is looked up here.
CREATE INDEX ON federated.model_versions (vector_id) WHERE vector_id IS NOT NULL;
CREATE INDEX ON federated.model_versions (frozen_id) WHERE frozen_id IS NOT NULL;
COMMENT ON TABLE federated.model_versions IS 'Weights of a workload: imported, or made by a round';
COMMENT ON COLUMN federated.model_versions.version IS 'Number within the workload, from 1';
COMMENT ON COLUMN federated.model_versions.parent_id IS 'Version that the round started from; NULL for an import';
COMMENT ON COLUMN federated.model_versions.source_id IS 'Imported ancestor that holds header and frozen bytes; NULL for an import itself';
COMMENT ON COLUMN federated.model_versions.header IS 'JSON header of the imported safetensors file, byte for byte';
COMMENT ON COLUMN federated.model_versions.data_bytes IS 'Length of the data section of the imported file';
COMMENT ON COLUMN federated.model_versions.parameters IS 'Length of the trainable vector in float32 values';
COMMENT ON COLUMN federated.model_versions.digest IS 'SHA-256 over the SHA-256 of every slice of the vector';
COMMENT ON COLUMN federated.model_versions.metrics IS 'Federated evaluation: means over Islands, weighted by samples';
COMMENT ON COLUMN federated.model_versions.published_at IS 'When it was published (a Cargo); NULL for a version between rounds';
COMMENT ON COLUMN federated.model_versions.session_id IS
	'Session that made it; NULL for an import. No foreign key: a session points to versions';
COMMENT ON COLUMN federated.model_versions.round_no IS 'Round of that session whose result it is';
COMMENT ON COLUMN federated.model_versions.provenance IS
	'What the training that made it was, fixed when it became ready: base_version, algorithm, participants, updates, samples, and, once there is such a thing, privacy; empty for an import';

CREATE TABLE federated.workload_heads (
	workload_id	bigint PRIMARY KEY REFERENCES federated.workloads ON DELETE CASCADE,
	version_id	bigint NOT NULL REFERENCES federated.model_versions,
	moved_at	timestamptz NOT NULL DEFAULT now(),
	moved_by	text NOT NULL
);
COMMENT ON TABLE federated.workload_heads IS 'The version that is current for each workload: what the next session starts from';

CREATE TABLE federated.head_moves (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	workload_id	bigint NOT NULL REFERENCES federated.workloads ON DELETE CASCADE,
	from_version_id bigint REFERENCES federated.model_versions,
	to_version_id bigint NOT NULL REFERENCES federated.model_versions,
	reason		text NOT NULL CHECK (reason IN ('imported', 'trained', 'rolled_back')),
	moved_at	timestamptz NOT NULL DEFAULT now(),
	moved_by	text NOT NULL
);
CREATE INDEX ON federated.head_moves (workload_id, id);
COMMENT ON TABLE federated.head_moves IS 'Every change of a workload''s current version, in order';
COMMENT ON COLUMN federated.head_moves.from_version_id IS 'Version that was current before; NULL for a workload''s first';
COMMENT ON COLUMN federated.head_moves.reason IS 'imported, trained (by a session that completed) or rolled_back';

CREATE FUNCTION federated.add_version(workload_id bigint, parent_id bigint, status text, parameters bigint,
									  owner_role text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_id bigint;
	number integer;
	parent federated.model_versions;
BEGIN
	-- The workload's row serialises the numbering.
	PERFORM FROM federated.workloads w WHERE w.id = add_version.workload_id FOR NO KEY UPDATE;
	SELECT coalesce(max(v.version), 0) + 1 INTO number
	FROM federated.model_versions v WHERE v.workload_id = add_version.workload_id;
	SELECT * INTO parent FROM federated.model_versions v WHERE v.id = add_version.parent_id;

	INSERT INTO federated.model_versions (workload_id, version, parent_id, source_id, status, parameters, owner_role)
	VALUES (workload_id, number, parent.id, coalesce(parent.source_id, parent.id), status, parameters, owner_role)
	RETURNING id INTO new_id;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION federated.add_version(bigint, bigint, text, bigint, text) IS
	'Number and insert a version that has no pages yet';

CREATE FUNCTION federated.move_head(version federated.model_versions, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old_id bigint;
BEGIN
	PERFORM FROM federated.workloads w WHERE w.id = version.workload_id FOR NO KEY UPDATE;
	SELECT h.version_id INTO old_id FROM federated.workload_heads h WHERE h.workload_id = version.workload_id;
	INSERT INTO federated.head_moves (workload_id, from_version_id, to_version_id, reason, moved_by)
	VALUES (version.workload_id, old_id, version.id, move_head.reason, federated.current_actor());
	INSERT INTO federated.workload_heads AS h VALUES (version.workload_id, version.id, now(), federated.current_actor())
	ON CONFLICT (workload_id) DO UPDATE
		SET version_id = excluded.version_id, moved_at = excluded.moved_at, moved_by = excluded.moved_by;
END
$$;
COMMENT ON FUNCTION federated.move_head(federated.model_versions, text) IS
	'Make a version its workload''s current one and note the move; the caller has checked that it may be';

CREATE FUNCTION federated.publish_version(version_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	published federated.model_versions;
BEGIN
	UPDATE federated.model_versions v SET published_at = now()
	WHERE v.id = version_id AND v.status = 'ready'
	RETURNING * INTO STRICT published;
	PERFORM federated.move_head(published, CASE WHEN published.source_id IS NULL THEN 'imported' ELSE 'trained' END);
END
$$;
COMMENT ON FUNCTION federated.publish_version(bigint) IS
	'Make a ready version a Cargo and its workload''s current one';

CREATE FUNCTION federated.get_version(version_id bigint) RETURNS federated.model_versions
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.model_versions;
BEGIN
	PERFORM federated.require_argument('version_id', version_id);
	SELECT * INTO found_row FROM federated.model_versions v WHERE v.id = version_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('model version %s does not exist', version_id);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_version(bigint) IS 'A model version by id, or an error (P0002)';

CREATE FUNCTION federated.get_ready_version(version_id bigint) RETURNS federated.model_versions
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.model_versions := federated.get_version(version_id);
BEGIN
	IF found_row.status <> 'ready' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('model version %s is not ready', version_id),
			DETAIL = format('Its status is "%s".', found_row.status);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_ready_version(bigint) IS
	'A model version whose weights can be read, or an error (P0002, 55000)';

CREATE FUNCTION federated.frozen_vector(version federated.model_versions) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.frozen_id FROM federated.model_versions v WHERE v.id = coalesce($1.source_id, $1.id)
$$;
COMMENT ON FUNCTION federated.frozen_vector(federated.model_versions) IS
	'Vector of the frozen bytes that a version shares with the import it descends from';

-- Who may read weights: administrators, the owners of workload and version, and Islands
-- that take part in a session which uses the version. federated.sees_version()
-- stands with the sessions.

CREATE FUNCTION @extschema@.federated_find_version(workload_id bigint, version integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads := federated.get_workload(workload_id);
	found_id bigint;
BEGIN
	IF version IS NULL THEN
		SELECT h.version_id INTO found_id FROM federated.workload_heads h WHERE h.workload_id = workload.id;
	ELSE
		SELECT v.id INTO found_id FROM federated.model_versions v
		WHERE v.workload_id = workload.id AND v.version = federated_find_version.version;
	END IF;
	IF found_id IS NULL AND version IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('workload "%s" has no model yet', workload.name),
			HINT = 'Import one with federated_import_model() or "fed model import".';
	ELSIF found_id IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('workload "%s" has no version %s', workload.name, version);
	END IF;
	RETURN found_id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_find_version(bigint, integer) IS
	'Id of a version of a workload by its number; the current one when no number is given';
GRANT EXECUTE ON FUNCTION @extschema@.federated_find_version(bigint, integer)
	TO federated_admin, federated_creator, federated_viewer, federated_island;

CREATE FUNCTION federated.version_document(version_id bigint) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object(
		'version_id', v.id, 'version', v.version, 'status', v.status,
		'workload_id', v.workload_id, 'workload', w.name, 'parent_version_id', v.parent_id,
		'parameters', v.parameters, 'vector_slices', federated.slice_count(v.parameters * 4),
		'frozen_bytes', f.bytes, 'frozen_slices', federated.slice_count(f.bytes),
		'data_bytes', s.data_bytes, 'digest', encode(v.digest, 'hex'), 'metrics', v.metrics,
		'published_at', v.published_at,
		'tensors', (SELECT json_agg(json_build_object('name', t.name, 'dtype', t.dtype, 'shape', t.shape,
													  'trainable', t.trainable) ORDER BY t.name COLLATE "C")
					FROM federated.tensors t WHERE t.workload_id = v.workload_id),
		'present', json_build_object('vector', federated.present_slices(v.vector_id),
									 'frozen', federated.present_slices(f.id)))
	FROM federated.model_versions v
	JOIN federated.workloads w ON w.id = v.workload_id
	JOIN federated.model_versions s ON s.id = coalesce(v.source_id, v.id)
	LEFT JOIN federated.vectors f ON f.id = s.frozen_id
	WHERE v.id = $1
$$;
COMMENT ON FUNCTION federated.version_document(bigint) IS 'A model version as JSON: sizes, tensors, slices present';

CREATE FUNCTION federated.require_version_reader(version_id bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.sees_version(version_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied to read model version %s', version_id),
			DETAIL = 'Weights are for administrators, the workload''s and the version''s owner, and Islands in a session that uses them.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_version_reader(bigint) IS
	'Refuse (42501) a caller who may not read the weights of a version';

CREATE FUNCTION @extschema@.federated_model(version_id bigint) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.get_version(version_id);
	PERFORM federated.require_version_reader(version_id);
	RETURN federated.version_document(version_id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_model(bigint) IS
	'A model version as JSON: sizes, tensors, digest, metrics, slices present';
GRANT EXECUTE ON FUNCTION @extschema@.federated_model(bigint)
	TO federated_admin, federated_creator, federated_island;

CREATE FUNCTION @extschema@.federated_model_header(version_id bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions := federated.get_version(version_id);
BEGIN
	PERFORM federated.require_version_reader(version_id);
	RETURN federated.export_header(version);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_model_header(bigint) IS
	'JSON header of the safetensors file that a version exports to: as it was imported, with the provenance of what was trained in its metadata';
GRANT EXECUTE ON FUNCTION @extschema@.federated_model_header(bigint)
	TO federated_admin, federated_creator, federated_island;

CREATE FUNCTION federated.readable_vector(version_id bigint, slice integer, section text, encoding text)
RETURNS federated.vectors
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions := federated.get_ready_version(version_id);
BEGIN
	PERFORM federated.require_argument('slice', slice);
	PERFORM federated.require_section(section);
	PERFORM federated.require_encoding('encoding', encoding);
	PERFORM federated.require_version_reader(version_id);
	IF section = 'frozen' AND encoding <> 'f32' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "encoding" is not valid',
			DETAIL = format('Given "%s"; allowed for section "frozen", whose bytes are sent as they are, is f32.', encoding);
	END IF;
	RETURN federated.get_sliced_vector(CASE section WHEN 'vector' THEN version.vector_id
													ELSE federated.frozen_vector(version) END, slice);
END
$$;
COMMENT ON FUNCTION federated.readable_vector(bigint, integer, text, text) IS
	'The vector in which a slice of a version is found, if the caller may read it and it can be sent like that; see federated_model_slice()';

CREATE FUNCTION @extschema@.federated_model_slice(version_id bigint, slice integer, section text DEFAULT 'vector',
												  encoding text DEFAULT 'f32')
RETURNS bytea
LANGUAGE c STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'federated_model_slice';
COMMENT ON FUNCTION @extschema@.federated_model_slice(bigint, integer, text, text) IS
	'One slice of a version: section "vector" (262,080 trainable values, in encoding f32, f16 or bf16) or "frozen" (raw bytes, about 1 MiB)';
GRANT EXECUTE ON FUNCTION @extschema@.federated_model_slice(bigint, integer, text, text)
	TO federated_admin, federated_creator, federated_island;

CREATE FUNCTION federated.require_section(section text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('section', section);
	IF section NOT IN ('vector', 'frozen') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "section" is not valid',
			DETAIL = format('Given "%s"; allowed are vector, frozen.', section);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_section(text) IS 'Refuse (22023) anything but vector and frozen';
