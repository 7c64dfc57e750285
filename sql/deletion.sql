-- Deleting versions: what is refused and why, what goes and what stays.
\set SHOW_CONTEXT never
SELECT test.wake('ab');
SELECT federated_create_workload('deletion', '{}', 'w') AS workload \gset
UPDATE federated.workloads SET owner_role = 'regress_creator' WHERE id = :workload;
CREATE FUNCTION test.mixed(VARIADIC numbers real[]) RETURNS bytea
LANGUAGE sql
AS $$
	SELECT test.safetensors(format('{"f":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"F32","shape":[%s],"data_offsets":[3,%s]}}',
								   cardinality($1), 3 + cardinality($1) * 4), '\x010203' || test.f32(VARIADIC $1))
$$;
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, test.mixed(n))) FROM unnest('{0,100}'::real[]) n;
SELECT test.accept(:workload, 'ab');
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 1)', :workload));
SELECT test.start('deletion', :workload, 2, '{"keep_versions": "all"}') AS first \gset
CALL test.finish(:'first');
SELECT test.start('deletion 2', :workload, 1) AS second \gset
CALL test.drive(:'second');
CREATE FUNCTION test.delete(role name, workload bigint, version integer) RETURNS text
LANGUAGE sql
AS $$ SELECT test.refusal($1, format('SELECT federated_delete_version(%s, %s)', $2, coalesce($3::text, 'NULL'))) $$;
SELECT version, status, published_at IS NOT NULL AS published, current, parent_id = federated_find_version(:workload, 1) AS of_first FROM federated.versions WHERE workload_id = :workload ORDER BY version;

-- The current version; one that a session uses; an import whose descendants need its frozen bytes; a tagged one
SELECT test.delete('regress_creator', :workload, 4);
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 2)', :workload));
SELECT test.delete('regress_creator', :workload, 4);
SELECT test.delete('regress_creator', :workload, 1);
SELECT test.run_as('regress_creator', format('SELECT federated_tag_version(%s, 3, ''kept'')', :workload)), test.run_as('regress_creator', format('SELECT federated_tag_version(%s, 3, ''also'')', :workload));
SELECT test.delete('regress_creator', :workload, 3);
-- a paused session as well
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L)', :'second'));
SELECT test.delete('regress_creator', :workload, 4);
SELECT test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'second'));
CALL test.finish(:'second');
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 2)', :workload));
-- people who may not, versions that are not there
SELECT test.delete('regress_other', :workload, 4), test.delete('regress_viewer', :workload, 4), test.delete('regress_creator', :workload, 99), test.delete('regress_creator', :workload, NULL);
SELECT count(*) = 5 AS nothing_went FROM federated.model_versions v WHERE v.workload_id = :workload AND v.status = 'ready';

-- Now nothing needs version 4: its weights go, its row, its place in the lineage and its digest stay
SELECT v.digest AS digest4, x.relation AS relation4, federated.storage_used() AS used FROM federated.model_versions v JOIN federated.vectors x ON x.id = v.vector_id WHERE v.id = federated_find_version(:workload, 4) \gset
SELECT test.delete('regress_creator', :workload, 4);
SELECT v.status, v.digest = :'digest4' AS same_digest, v.vector_id IS NULL AS no_vector, v.provenance, v.published_at IS NOT NULL AS published FROM federated.model_versions v WHERE v.id = federated_find_version(:workload, 4);
SELECT count(*) AS queued FROM federated.retired_tables WHERE relation = :'relation4';
SELECT :used - federated.storage_used() AS freed;
SELECT direction, version, parent_version, status FROM federated_lineage(federated_find_version(:workload, 4));
SELECT test.refusal('regress_creator', format('SELECT federated_export_model(%s, 4)', :workload));
SELECT test.delete('regress_creator', :workload, 4);
SELECT test.refusal('regress_creator', format('SELECT federated_rollback(%s, 4)', :workload));
SELECT actor, detail ->> 'version' AS version, detail ->> 'digest' = encode(:'digest4', 'hex') AS same_digest FROM federated.events WHERE kind = 'version_deleted' AND (detail -> 'workload_id')::bigint = :workload;
-- what shares its import is untouched
SELECT test.floats(substr(federated_export_model(:workload, 5), 9 + octet_length(federated_model_header(federated_find_version(:workload, 5))) + 3));

-- The import goes last; without weights it is still a version
SELECT test.run_as('regress_creator', format('SELECT federated_untag(%s, %L)', :workload, tag)) FROM unnest('{kept,also}'::text[]) tag;
SELECT version, test.delete('regress_creator', :workload, version) FROM unnest('{3,1,5}'::integer[]) version;
SELECT test.delete('regress_creator', :workload, 1);
SELECT m ->> 'status' AS status, m ->> 'frozen_bytes' AS frozen_bytes, m -> 'present' ->> 'vector' AS present FROM federated_model(federated_find_version(:workload, 1)) m;
SELECT version, status, current FROM federated.versions WHERE workload_id = :workload ORDER BY version;
SELECT federated.drop_retired_tables() AS still_queued;
SELECT count(*) AS tables FROM pg_class c JOIN federated.model_versions v ON c.relname = 'version_' || v.id
WHERE c.relnamespace = 'federated'::regnamespace AND c.relkind = 'r' AND v.workload_id = :workload;
SELECT test.refusal('regress_creator', format('SELECT federated_rollback(%s, 1)', :workload));

-- An import that is not finished is not for this
SELECT test.run_as('regress_creator', format('SELECT federated_begin_import(%s, %L, 7)->>''version''', :workload, '{"f":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}')) AS importing \gset
SELECT test.delete('regress_creator', :workload, :importing);
