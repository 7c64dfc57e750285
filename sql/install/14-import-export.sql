-- Models in and out: safetensors ---------------------------------------------------
-- A model that fits one value goes through federated_import_model() and
-- federated_export_model(), which split and join the file in C. Any other goes
-- slice by slice, split and joined by the client with the same code.

CREATE FUNCTION federated.safetensors_manifest(header bytea, data_bytes bigint,
	OUT name text, OUT dtype text, OUT shape bigint[], OUT elements bigint, OUT is_float boolean)
RETURNS SETOF record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_manifest';
COMMENT ON FUNCTION federated.safetensors_manifest(bytea, bigint) IS
	'Tensors of a safetensors header in bytewise order of name; a broken header is an error (22023)';

CREATE FUNCTION federated.safetensors_frozen_bytes(header bytea, data_bytes bigint, trainable text[]) RETURNS bigint
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_frozen_bytes';
COMMENT ON FUNCTION federated.safetensors_frozen_bytes(bytea, bigint, text[]) IS
	'Bytes that the vector cannot restore: tensors that are not trainable, and float64 ones';

CREATE FUNCTION federated.safetensors_split(model bytea, OUT header bytea, OUT data_bytes bigint)
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_split';
COMMENT ON FUNCTION federated.safetensors_split(bytea) IS 'Header and length of the data section of a safetensors file';

CREATE FUNCTION federated.safetensors_slices(model bytea, trainable text[], section text,
											 OUT slice_no integer, OUT data bytea)
RETURNS SETOF record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_slices';
COMMENT ON FUNCTION federated.safetensors_slices(bytea, text[], text) IS
	'The vector or the frozen bytes of a safetensors file, slice by slice';

CREATE FUNCTION federated.safetensors_join(header bytea, data_bytes bigint, trainable text[],
										   vector_id bigint, frozen_id bigint) RETURNS bytea
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_join';
COMMENT ON FUNCTION federated.safetensors_join(bytea, bigint, text[], bigint, bigint) IS
	'A safetensors file from a stored vector and stored frozen bytes';

CREATE FUNCTION federated.safetensors_describe(header bytea, prefix text, keys text[], entries text[]) RETURNS bytea
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_safetensors_describe';
COMMENT ON FUNCTION federated.safetensors_describe(bytea, text, text[], text[]) IS
	'A safetensors header whose metadata has these entries, but NULLs, and no others whose keys have the prefix';

CREATE FUNCTION federated.trainable_tensors(workload_id bigint) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(t.name ORDER BY t.name COLLATE "C"), '{}')
	FROM federated.tensors t WHERE t.workload_id = $1 AND t.trainable
$$;
COMMENT ON FUNCTION federated.trainable_tensors(bigint) IS 'Names of the tensors that make up the flat vector, in its order';

-- The first model of a workload fixes its manifest; every later one must match.
CREATE FUNCTION federated.set_manifest(workload federated.workloads, header bytea, data_bytes bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	difference record;
BEGIN
	IF NOT EXISTS (SELECT FROM federated.tensors t WHERE t.workload_id = workload.id) THEN
		INSERT INTO federated.tensors (workload_id, name, dtype, shape, elements, trainable)
		SELECT workload.id, m.name, m.dtype, m.shape, m.elements,
			   m.is_float AND (workload.trainable IS NULL OR m.name ~ workload.trainable)
		FROM federated.safetensors_manifest(header, data_bytes) m;
		IF NOT EXISTS (SELECT FROM federated.tensors t
					   WHERE t.workload_id = workload.id AND t.trainable AND t.elements > 0) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'the model has no trainable parameter',
				DETAIL = CASE WHEN workload.trainable IS NULL THEN 'It has no floating point tensor.'
							  ELSE format('No floating point tensor''s name matches "%s".', workload.trainable) END;
		END IF;
		RETURN;
	END IF;

	SELECT coalesce(t.name, m.name) AS name,
		   CASE WHEN t.name IS NULL THEN 'none' ELSE format('%s %s', t.dtype, t.shape) END AS expected,
		   CASE WHEN m.name IS NULL THEN 'none' ELSE format('%s %s', m.dtype, m.shape) END AS given
	INTO difference
	FROM (SELECT * FROM federated.tensors t WHERE t.workload_id = workload.id) t
	FULL JOIN federated.safetensors_manifest(header, data_bytes) m ON m.name = t.name
	WHERE (t.dtype, t.shape) IS DISTINCT FROM (m.dtype, m.shape)
	ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the model does not match workload "%s"', workload.name),
			DETAIL = format('Tensor "%s": expected %s, given %s.', difference.name, difference.expected, difference.given);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.set_manifest(federated.workloads, bytea, bigint) IS
	'Fix the tensor manifest of a workload by its first model, or refuse (22023) one that differs';

CREATE FUNCTION federated.open_import(workload federated.workloads, header bytea, data_bytes bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_id bigint;
	parameters bigint;
	frozen_bytes bigint;
	relation name;
BEGIN
	PERFORM FROM federated.workloads w WHERE w.id = workload.id FOR NO KEY UPDATE;
	PERFORM federated.set_manifest(workload, header, data_bytes);
	SELECT sum(t.elements) INTO parameters
	FROM federated.tensors t WHERE t.workload_id = workload.id AND t.trainable;
	frozen_bytes := federated.safetensors_frozen_bytes(header, data_bytes, federated.trainable_tensors(workload.id));
	PERFORM federated.require_storage(federated.page_storage(parameters * 4) + federated.page_storage(frozen_bytes));

	new_id := federated.add_version(workload.id, NULL, 'importing', parameters, federated.caller_name());
	relation := 'version_' || new_id;
	PERFORM federated.create_page_table(relation);
	UPDATE federated.model_versions v
	SET header = open_import.header, data_bytes = open_import.data_bytes,
		vector_id = federated.create_vector(relation, v.parameters * 4),
		frozen_id = federated.create_vector(relation, frozen_bytes)
	WHERE v.id = new_id;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION federated.open_import(federated.workloads, bytea, bigint) IS
	'A version that waits for its slices';

CREATE FUNCTION @extschema@.federated_begin_import(workload_id bigint, header bytea, data_bytes bigint) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads := federated.get_workload(workload_id);
	import_id bigint;
BEGIN
	PERFORM federated.require_role('federated_creator', 'import a model');
	PERFORM federated.require_owner(workload.owner_role, format('import a model into workload "%s"', workload.name));
	PERFORM federated.require_argument('header', header);
	PERFORM federated.require_argument('data_bytes', data_bytes);

	-- The same file again is the same import: it goes on where it stopped.
	SELECT v.id INTO import_id FROM federated.model_versions v
	WHERE v.workload_id = workload.id AND v.status = 'importing' AND v.header = federated_begin_import.header
	  AND v.data_bytes = federated_begin_import.data_bytes AND v.owner_role = federated.caller_name()
	ORDER BY v.id DESC LIMIT 1;
	IF NOT FOUND THEN
		import_id := federated.open_import(workload, header, data_bytes);
	END IF;
	RETURN federated.version_document(import_id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_begin_import(bigint, bytea, bigint) IS
	'Begin or resume the import of a model of any size: JSON header of a safetensors file and length of its data section; says which slices are already there';
GRANT EXECUTE ON FUNCTION @extschema@.federated_begin_import(bigint, bytea, bigint) TO federated_creator;

CREATE FUNCTION federated.get_import(version_id bigint) RETURNS federated.model_versions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import federated.model_versions := federated.get_version(version_id);
BEGIN
	PERFORM federated.require_owner(import.owner_role, format('import model version %s', version_id));
	-- A slice and the commit of its import exclude each other.
	SELECT * INTO import FROM federated.model_versions v WHERE v.id = version_id FOR SHARE;
	IF import.status <> 'importing' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('model version %s is not being imported', version_id),
			DETAIL = format('Its status is "%s".', import.status);
	END IF;
	RETURN import;
END
$$;
COMMENT ON FUNCTION federated.get_import(bigint) IS
	'An unfinished import of the caller, locked against its commit, or an error (P0002, 42501, 55000)';

CREATE FUNCTION @extschema@.federated_put_model_slice(version_id bigint, section text, slice integer,
													  sha256 bytea, data bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import federated.model_versions := federated.get_import(version_id);
	refusal record;
BEGIN
	PERFORM federated.require_section(section);
	PERFORM federated.require_argument('slice', slice);
	PERFORM federated.require_argument('sha256', sha256);
	PERFORM federated.require_argument('data', data);
	SELECT * INTO refusal
	FROM federated.store_slice(CASE section WHEN 'vector' THEN import.vector_id ELSE import.frozen_id END,
							   slice, sha256, data, section = 'vector');
	IF refusal.reason IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('slice %s of section "%s" is refused: %s', slice, section, refusal.reason),
			DETAIL = refusal.detail,
			HINT = CASE refusal.reason
				WHEN 'non_finite' THEN 'Keep such a tensor out of training with the workload''s trainable expression.'
				ELSE 'A slice is 1,048,320 bytes of its section, the last one what is left, and goes with its own SHA-256.' END;
	END IF;
	-- The commit of the import waits for the disk, and so for what is before it.
	PERFORM federated.make_lazy();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_put_model_slice(bigint, text, integer, bytea, bytea) IS
	'Store one slice of an import; the same slice again changes nothing';
GRANT EXECUTE ON FUNCTION @extschema@.federated_put_model_slice(bigint, text, integer, bytea, bytea) TO federated_creator;

CREATE FUNCTION federated.finish_import(version_id bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import federated.model_versions;
BEGIN
	UPDATE federated.model_versions v SET status = 'ready', digest = federated.vector_digest(v.vector_id)
	WHERE v.id = version_id AND v.status = 'importing'
	RETURNING * INTO import;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	IF NOT federated.vector_complete(import.vector_id) OR NOT federated.vector_complete(import.frozen_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('import of model version %s is not complete', version_id),
			DETAIL = format('Of the vector %s of %s slices are here, of the frozen bytes %s of %s.',
							json_array_length(federated.present_slices(import.vector_id)),
							federated.slice_count(import.parameters * 4),
							json_array_length(federated.present_slices(import.frozen_id)),
							(SELECT federated.slice_count(f.bytes) FROM federated.vectors f WHERE f.id = import.frozen_id));
	END IF;
	PERFORM federated.publish_version(version_id);
	PERFORM federated.log_event(NULL, 'model_imported',
		jsonb_build_object('workload_id', import.workload_id, 'version_id', version_id, 'version', import.version,
						   'parameters', import.parameters, 'digest', encode(import.digest, 'hex')));
	RETURN import.version;
END
$$;
COMMENT ON FUNCTION federated.finish_import(bigint) IS
	'Turn a complete import into a published version; NULL when that was done before';

CREATE FUNCTION @extschema@.federated_commit_import(version_id bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import federated.model_versions := federated.get_version(version_id);
BEGIN
	PERFORM federated.require_owner(import.owner_role, format('import model version %s', version_id));
	PERFORM federated.make_durable();
	IF federated.finish_import(version_id) IS NULL AND (federated.get_ready_version(version_id)).header IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('model version %s is not an import', version_id);
	END IF;
	RETURN import.version;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_commit_import(bigint) IS
	'Finish an import: the version becomes its workload''s current one. Again: changes nothing. Returns the version''s number';
GRANT EXECUTE ON FUNCTION @extschema@.federated_commit_import(bigint) TO federated_creator;

CREATE FUNCTION federated.import_section(model bytea, trainable text[], section text, target bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	refusal record;
BEGIN
	FOR item IN SELECT * FROM federated.safetensors_slices(model, trainable, section)
	LOOP
		SELECT * INTO refusal
		FROM federated.store_slice(target, item.slice_no, sha256(item.data), item.data, section = 'vector');
		IF refusal.reason IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'the model cannot be trained: ' || refusal.detail,
				HINT = 'Keep such a tensor out of training with the workload''s trainable expression.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.import_section(bytea, text[], text, bigint) IS
	'Split one section of a file in memory into a stored vector';

CREATE FUNCTION @extschema@.federated_import_model(workload_id bigint, model bytea) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads := federated.get_workload(workload_id);
	import federated.model_versions;
	file record;
	new_id bigint;
	trainable text[];
BEGIN
	PERFORM federated.require_role('federated_creator', 'import a model');
	PERFORM federated.require_owner(workload.owner_role, format('import a model into workload "%s"', workload.name));
	PERFORM federated.require_argument('model', model);
	SELECT * INTO file FROM federated.safetensors_split(model);
	new_id := federated.open_import(workload, file.header, file.data_bytes);
	import := federated.get_version(new_id);
	trainable := federated.trainable_tensors(workload.id);
	PERFORM federated.import_section(model, trainable, 'vector', import.vector_id);
	PERFORM federated.import_section(model, trainable, 'frozen', import.frozen_id);
	RETURN federated.finish_import(import.id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_import_model(bigint, bytea) IS
	'Import a safetensors file that fits one value; it becomes the workload''s current version, whose number is returned. For any size: "fed model import"';
GRANT EXECUTE ON FUNCTION @extschema@.federated_import_model(bigint, bytea) TO federated_creator;

-- An import goes out as it came in. What was trained says so: facts that are
-- fixed when a version is ready, so that its file is the same whenever it is written.
CREATE FUNCTION federated.export_header(version federated.model_versions) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1.source_id IS NULL THEN $1.header
		ELSE federated.safetensors_describe(s.header, 'federated.',
			'{workload,version,digest,import_version,base_version,session,rounds,algorithm,participants,updates,samples,privacy}',
			ARRAY[w.name, $1.version::text, encode($1.digest, 'hex'), s.version::text, $1.provenance ->> 'base_version',
				  $1.session_id::text, $1.round_no::text, $1.provenance ->> 'algorithm', $1.provenance ->> 'participants',
				  $1.provenance ->> 'updates', $1.provenance ->> 'samples', $1.provenance ->> 'privacy']) END
	FROM federated.workloads w JOIN federated.model_versions s ON s.id = coalesce($1.source_id, $1.id)
	WHERE w.id = $1.workload_id
$$;
COMMENT ON FUNCTION federated.export_header(federated.model_versions) IS
	'Header of the file that a version is exported to: the import''s, with the version''s provenance in its metadata';

CREATE FUNCTION @extschema@.federated_export_model(workload_id bigint, version integer DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	exported federated.model_versions :=
		federated.get_ready_version(@extschema@.federated_find_version(workload_id, version));
	source federated.model_versions;
	header bytea;
BEGIN
	PERFORM federated.require_version_reader(exported.id);
	SELECT * INTO STRICT source FROM federated.model_versions v WHERE v.id = coalesce(exported.source_id, exported.id);
	header := federated.export_header(exported);
	IF source.data_bytes + octet_length(header) > 1000000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'program_limit_exceeded',
			MESSAGE = 'the model does not fit one value',
			DETAIL = format('It has %s bytes; at most 1000000000 fit.', source.data_bytes + octet_length(header)),
			HINT = 'Use "fed model export", which has no limit.';
	END IF;
	RETURN federated.safetensors_join(header, source.data_bytes, federated.trainable_tensors(exported.workload_id),
									  exported.vector_id, source.frozen_id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_export_model(bigint, integer) IS
	'A version as a safetensors file with every tensor''s own dtype, shape, and with its provenance in the file''s metadata; the current version when no number is given';
GRANT EXECUTE ON FUNCTION @extschema@.federated_export_model(bigint, integer) TO federated_admin, federated_creator;
