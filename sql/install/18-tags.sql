-- Tags: names that move from version to version ------------------------------------------
-- A tag says what a version is for. It protects the weights from deletion and
-- from the rules that keep versions between rounds.

CREATE TABLE federated.version_tags (
	workload_id	bigint NOT NULL REFERENCES federated.workloads ON DELETE CASCADE,
	tag			text NOT NULL CHECK (tag ~ '^[a-z][a-z0-9._-]{0,62}$'),
	version_id	bigint NOT NULL REFERENCES federated.model_versions,
	tagged_at	timestamptz NOT NULL DEFAULT now(),
	tagged_by	text NOT NULL,
	PRIMARY KEY (workload_id, tag)
);
CREATE INDEX ON federated.version_tags (version_id);
COMMENT ON TABLE federated.version_tags IS 'Names of versions, each given to one version of a workload at a time: production, candidate';
COMMENT ON COLUMN federated.version_tags.version_id IS 'A version of that workload whose weights are there';
ALTER TABLE federated.version_tags ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.version_tags FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island USING (true);
GRANT SELECT ON federated.version_tags
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

CREATE FUNCTION federated.require_tag(tag text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('tag', tag);
	IF tag !~ '^[a-z][a-z0-9._-]{0,62}$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "tag" is not valid',
			DETAIL = format('Given "%s"; allowed are 1 to 63 characters of a-z, 0-9, ".", "_" and "-", the first a letter.',
							left(tag, 100));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_tag(text) IS 'Refuse (22004, 22023) what cannot be the name of a tag';

CREATE FUNCTION federated.tag_list(version_id bigint) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(t.tag ORDER BY t.tag COLLATE "C"), '{}') FROM federated.version_tags t WHERE t.version_id = $1
$$;
COMMENT ON FUNCTION federated.tag_list(bigint) IS 'Tags of a version, in bytewise order, as far as the caller sees them';
GRANT EXECUTE ON FUNCTION federated.tag_list(bigint)
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

-- Who may change what a workload offers, and which version is meant. The
-- version is found in the workload, so it cannot be another's.
CREATE FUNCTION federated.owned_version(workload_id bigint, version integer, action text) RETURNS federated.model_versions
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads := federated.get_workload(workload_id);
BEGIN
	PERFORM federated.require_argument('version', version);
	PERFORM federated.require_owner(workload.owner_role, format('%s of workload "%s"', action, workload.name));
	RETURN federated.get_version(@extschema@.federated_find_version(workload.id, version));
END
$$;
COMMENT ON FUNCTION federated.owned_version(bigint, integer, text) IS
	'A version by workload and number, for the workload''s owner or an administrator, or an error (P0002, 42501)';

CREATE FUNCTION @extschema@.federated_tag_version(workload_id bigint, version integer, tag text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tagged federated.model_versions := federated.owned_version(workload_id, version, format('tag version %s', version));
	before_id bigint;
BEGIN
	PERFORM federated.require_tag(tag);
	PERFORM federated.limit_idle();
	-- Whoever gives up weights locks the version and then looks for tags.
	PERFORM FROM federated.model_versions v WHERE v.id = tagged.id FOR SHARE;
	PERFORM federated.get_ready_version(tagged.id);
	LOOP
		INSERT INTO federated.version_tags (workload_id, tag, version_id, tagged_by)
		VALUES (tagged.workload_id, tag, tagged.id, federated.caller_name()) ON CONFLICT DO NOTHING;
		EXIT WHEN FOUND;
		SELECT t.version_id INTO before_id FROM federated.version_tags t
		WHERE t.workload_id = tagged.workload_id AND t.tag = federated_tag_version.tag FOR UPDATE;
		CONTINUE WHEN NOT FOUND; -- somebody has just taken it away
		IF before_id = tagged.id THEN
			RETURN;
		END IF;
		UPDATE federated.version_tags t SET version_id = tagged.id, tagged_at = now(), tagged_by = federated.caller_name()
		WHERE t.workload_id = tagged.workload_id AND t.tag = federated_tag_version.tag;
		EXIT;
	END LOOP;
	PERFORM federated.log_event(NULL, 'version_tagged', jsonb_build_object(
		'workload_id', tagged.workload_id, 'tag', tag, 'version_id', tagged.id, 'version', tagged.version,
		'from_version', (SELECT v.version FROM federated.model_versions v WHERE v.id = before_id)));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_tag_version(bigint, integer, text) IS
	'Give a version a tag, which another version of the workload may lose by it; a tagged version keeps its weights';
GRANT EXECUTE ON FUNCTION @extschema@.federated_tag_version(bigint, integer, text) TO federated_creator;

CREATE FUNCTION @extschema@.federated_untag(workload_id bigint, tag text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_id CONSTANT bigint := @extschema@.federated_find_tag(workload_id, tag);
	workload federated.workloads := federated.get_workload(workload_id);
BEGIN
	PERFORM federated.require_owner(workload.owner_role, format('remove a tag of workload "%s"', workload.name));
	DELETE FROM federated.version_tags t
	WHERE t.workload_id = workload.id AND t.tag = federated_untag.tag AND t.version_id = found_id;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'version_untagged', jsonb_build_object(
			'workload_id', workload.id, 'tag', tag, 'version_id', found_id,
			'version', (SELECT v.version FROM federated.model_versions v WHERE v.id = found_id)));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_untag(bigint, text) IS 'Take a tag away from the version that has it';
GRANT EXECUTE ON FUNCTION @extschema@.federated_untag(bigint, text) TO federated_creator;

CREATE FUNCTION @extschema@.federated_find_tag(workload_id bigint, tag text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads := federated.get_workload(workload_id);
	found_id bigint;
BEGIN
	PERFORM federated.require_tag(tag);
	SELECT t.version_id INTO found_id FROM federated.version_tags t
	WHERE t.workload_id = workload.id AND t.tag = federated_find_tag.tag;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('workload "%s" has no version with tag "%s"', workload.name, tag);
	END IF;
	RETURN found_id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_find_tag(bigint, text) IS 'Id of the version of a workload that has a tag';
GRANT EXECUTE ON FUNCTION @extschema@.federated_find_tag(bigint, text)
	TO federated_admin, federated_creator, federated_viewer, federated_island;
