-- Endpoints: workloads and models ------------------------------------------------------------------------------------

SELECT federated.define_endpoint('create_workload', 'name text, requirements jsonb DEFAULT ''{}'', trainable text DEFAULT NULL',
	'json', 'VOLATILE', '{creator}', 'Create a workload; answers 201', $$
	DECLARE
		new_id CONSTANT bigint := @extschema@.federated_create_workload(name, requirements, trainable);
	BEGIN
		PERFORM federated.respond(201);
		RETURN (SELECT row_to_json(w) FROM federated_api.workloads w WHERE w.id = new_id);
	END;$$);

SELECT federated.define_endpoint('eligible_islands', 'workload_id bigint', 'TABLE (host_id text, eligible boolean, reason text)',
	'STABLE', '{admin,creator,viewer}', 'Each Island, whether it may take part in a session of the workload, and why not', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_eligible_islands(workload_id);$$);

SELECT federated.define_endpoint('find_version', 'workload_id bigint, version integer DEFAULT NULL', 'bigint', 'STABLE',
	'{admin,creator,viewer,island}', 'Id of a version of a workload by its number; the current one when no number is given', $$
	RETURN @extschema@.federated_find_version(workload_id, version);$$);

SELECT federated.define_endpoint('model', 'version_id bigint', 'json', 'STABLE', '{admin,creator,island}',
	'What a model version consists of', $$
	RETURN @extschema@.federated_model(version_id);$$);

SELECT federated.define_endpoint('model_header', 'version_id bigint', 'federated_api."application/octet-stream"', 'STABLE',
	'{admin,creator,island}', 'JSON header of the safetensors file', $$
	RETURN @extschema@.federated_model_header(version_id);$$);

SELECT federated.define_endpoint('model_slice',
	'version_id bigint, slice integer, section text DEFAULT ''vector'', encoding text DEFAULT ''f32''',
	'federated_api."application/octet-stream"', 'STABLE', '{admin,creator,island}',
	'One slice of the weights: 262,080 little-endian values in encoding f32, f16 or bf16, the last one shorter', $$
	RETURN @extschema@.federated_model_slice(version_id, slice, section, encoding);$$);

SELECT federated.define_endpoint('export_model', 'workload_id bigint, version integer DEFAULT NULL',
	'federated_api."application/octet-stream"', 'STABLE', '{admin,creator}',
	'A version as a safetensors file of at most 256 MiB; the current version when no number is given', $$
	DECLARE
		model CONSTANT json := @extschema@.federated_model(@extschema@.federated_find_version(workload_id, version));
		most CONSTANT bigint := 256 * 1048576; -- PostgREST holds an answer in memory, several times
	BEGIN
		IF (model ->> 'data_bytes')::bigint > most THEN
			RAISE EXCEPTION USING
				ERRCODE = 'program_limit_exceeded',
				MESSAGE = 'the model is too large for one answer',
				DETAIL = format('It has %s bytes; at most %s are answered.', model ->> 'data_bytes', most),
				HINT = 'Use "fed model export --url", which has no limit.';
		END IF;
		RETURN @extschema@.federated_export_model(workload_id, version);
	END;$$);

SELECT federated.define_endpoint('begin_import', 'workload_id bigint, header text, data_bytes bigint', 'json', 'VOLATILE', '{creator}',
	'Begin or resume the import of a model of any size; says which slices are already there', $$
	RETURN @extschema@.federated_begin_import(workload_id, convert_to(header, 'UTF8'), data_bytes);$$);

SELECT federated.define_endpoint('put_model_slice', 'bytea', 'json', 'VOLATILE', '{creator}',
	'One slice of an import, in the headers X-Federated-Version, X-Federated-Section, X-Federated-Slice and X-Federated-Digest', $$
	PERFORM @extschema@.federated_put_model_slice(
		federated.header_number('X-Federated-Version'), federated.request_header('X-Federated-Section'),
		federated.header_number('X-Federated-Slice', 2147483647)::integer,
		federated.hex_digest('X-Federated-Digest', federated.request_header('X-Federated-Digest')), $1);
	RETURN json_build_object('status', 'stored');$$);

SELECT federated.define_endpoint('commit_import', 'version_id bigint', 'json', 'VOLATILE', '{creator}',
	'Finish an import: the version becomes its workload''s current one', $$
	RETURN json_build_object('version', @extschema@.federated_commit_import(version_id));$$);

SELECT federated.define_endpoint('import_model', 'bytea', 'json', 'VOLATILE', '{creator}',
	'Import a safetensors file that fits one request into the workload of header X-Federated-Workload; answers 201', $$
	DECLARE
		version CONSTANT integer := @extschema@.federated_import_model(federated.header_number('X-Federated-Workload'), $1);
	BEGIN
		PERFORM federated.respond(201);
		RETURN json_build_object('version', version);
	END;$$);
