-- Giving up weights -----------------------------------------------------------------------
-- The row of a version stays for ever, with digest and provenance, so that
-- lineage stays true. What can go is the table that holds its pages.

CREATE FUNCTION federated.drop_weights(version federated.model_versions, final_status text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation name;
BEGIN
	SELECT v.relation INTO relation FROM federated.vectors v WHERE v.id = version.vector_id;
	UPDATE federated.model_versions v SET status = final_status
	WHERE v.id = version.id AND v.status IN ('building', 'ready');
	IF FOUND THEN
		PERFORM federated.retire_page_table(relation);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.drop_weights(federated.model_versions, text) IS
	'Give up the weights of a version whose row the caller has locked';

CREATE FUNCTION federated.retire_version(version_id bigint, final_status text DEFAULT 'retired') RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions;
BEGIN
	-- Locked first, and then seen whether a tag came before.
	PERFORM FROM federated.model_versions v WHERE v.id = version_id FOR NO KEY UPDATE;
	version := federated.get_version(version_id);
	IF version.published_at IS NULL
		AND NOT EXISTS (SELECT FROM federated.version_tags t WHERE t.version_id = version.id) THEN
		PERFORM federated.drop_weights(version, final_status);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.retire_version(bigint, text) IS
	'Give up the weights of a version that was never published, and so is no session''s base, and has no tag';

CREATE FUNCTION federated.hold_version(version_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM FROM federated.model_versions v WHERE v.id = version_id FOR KEY SHARE;
	PERFORM federated.get_ready_version(version_id);
	RETURN version_id;
END
$$;
COMMENT ON FUNCTION federated.hold_version(bigint) IS
	'Keep a ready version from being deleted until the end of the transaction; returns its id';

-- The first thing that a version is needed for, in words.
CREATE FUNCTION federated.why_needed(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(
		(SELECT 'It is the current version; make another one current first.'
		 FROM federated.workload_heads h WHERE h.version_id = $1.id),
		(SELECT format('It is tagged %s.', string_agg(format('"%s"', t.tag), ', ' ORDER BY t.tag COLLATE "C"))
		 FROM federated.version_tags t WHERE t.version_id = $1.id HAVING count(*) > 0),
		(SELECT format('Session %s, which has not ended, uses it.', s.id) FROM federated.sessions s
		 WHERE s.status IN ('recruiting', 'training', 'paused')
		   AND $1.id IN (s.base_version_id, s.current_version_id, s.best_version_id)
		 ORDER BY s.created_at, s.id LIMIT 1),
		(SELECT format('Versions that descend from it have header and frozen tensors from it: %s in all, from version %s on.',
					   count(*), min(v.version))
		 FROM federated.model_versions v WHERE v.source_id = $1.id AND v.status IN ('building', 'ready') HAVING count(*) > 0))
$$;
COMMENT ON FUNCTION federated.why_needed(federated.model_versions) IS
	'Why the weights of a version cannot be given up; NULL when they can';

CREATE FUNCTION federated.require_deletable(version_id bigint) RETURNS federated.model_versions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions := federated.get_ready_version(version_id);
	reason text := federated.why_needed(version);
BEGIN
	IF reason IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = format('version %s cannot be deleted', version.version),
			DETAIL = reason;
	END IF;
	RETURN version;
END
$$;
COMMENT ON FUNCTION federated.require_deletable(bigint) IS
	'A version that nothing needs, or an error (55000, 55006) that says what does';

CREATE FUNCTION @extschema@.federated_delete_version(workload_id bigint, version integer) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deleted federated.model_versions := federated.owned_version(workload_id, version, format('delete version %s', version));
BEGIN
	-- Asked before the locks as well: no running session then holds what we wait for.
	PERFORM federated.require_deletable(deleted.id);
	PERFORM federated.limit_idle();
	PERFORM FROM federated.workloads w WHERE w.id = deleted.workload_id FOR NO KEY UPDATE;
	PERFORM FROM federated.model_versions v WHERE v.id = deleted.id FOR UPDATE;
	deleted := federated.require_deletable(deleted.id);
	PERFORM federated.drop_weights(deleted, 'retired');
	PERFORM federated.log_event(NULL, 'version_deleted', jsonb_build_object(
		'workload_id', deleted.workload_id, 'version_id', deleted.id, 'version', deleted.version,
		'digest', encode(deleted.digest, 'hex')));
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_delete_version(bigint, integer) IS
	'Give up the weights of a version that nothing needs; its row stays, retired, with its digest';
GRANT EXECUTE ON FUNCTION @extschema@.federated_delete_version(bigint, integer) TO federated_creator;
