-- Rolling a workload back, and forth ------------------------------------------------------
-- The current version is a pointer. To move it back changes no version and no
-- session that runs; the next session starts from there, and the lineage branches.

CREATE FUNCTION federated.require_published(version federated.model_versions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.get_ready_version(version.id);
	IF version.published_at IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('version %s is not published', version.version),
			DETAIL = 'It was made between the rounds of a session; only an import or the result of a session can be current.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_published(federated.model_versions) IS
	'Refuse (55000) a version that has no weights or was never published';

CREATE FUNCTION @extschema@.federated_rollback(workload_id bigint, version integer) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target federated.model_versions := federated.owned_version(workload_id, version, 'move the current version');
	old_id bigint;
BEGIN
	PERFORM federated.limit_idle();
	-- Against whoever publishes or deletes; what was read before may be old.
	PERFORM FROM federated.workloads w WHERE w.id = target.workload_id FOR NO KEY UPDATE;
	target := federated.get_version(target.id);
	PERFORM federated.require_published(target);
	SELECT h.version_id INTO old_id FROM federated.workload_heads h WHERE h.workload_id = target.workload_id;
	IF old_id = target.id THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('version %s is current already', version);
	END IF;
	PERFORM federated.move_head(target, 'rolled_back');
	PERFORM federated.log_event(NULL, 'model_rolled_back', jsonb_build_object(
		'workload_id', target.workload_id,
		'from', (SELECT v.version FROM federated.model_versions v WHERE v.id = old_id), 'to', target.version,
		'from_version_id', old_id, 'to_version_id', target.id));
	PERFORM federated.make_durable();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_rollback(bigint, integer) IS
	'Make another published version current, an earlier one or, to undo that, a later one; sessions that run keep their base';
GRANT EXECUTE ON FUNCTION @extschema@.federated_rollback(bigint, integer) TO federated_creator;
