-- Lineage: what a version came from, and what came from it ---------------------------------

CREATE VIEW federated.lineage WITH (security_invoker = true) AS
WITH RECURSIVE tree AS (
	SELECT v.id, v.id AS root_id, 0 AS depth FROM federated.model_versions v WHERE v.parent_id IS NULL
	UNION ALL
	SELECT v.id, t.root_id, t.depth + 1 FROM tree t JOIN federated.model_versions v ON v.parent_id = t.id
)
SELECT v.id AS version_id, v.workload_id, w.name AS workload, v.version, v.status, t.depth,
	   r.version AS import_version, p.version AS parent_version, v.parent_id, v.session_id, v.round_no AS round,
	   h.version_id IS NOT NULL AS current,
	   federated.tag_list(v.id) AS tags,
	   encode(v.digest, 'hex') AS digest, v.created_at, v.published_at
FROM tree t
JOIN federated.model_versions v ON v.id = t.id
JOIN federated.model_versions r ON r.id = t.root_id
JOIN federated.workloads w ON w.id = v.workload_id
LEFT JOIN federated.model_versions p ON p.id = v.parent_id
LEFT JOIN federated.workload_heads h ON h.version_id = v.id;
COMMENT ON VIEW federated.lineage IS
	'Every version in the tree of the import that it descends from; depth counts the rounds since';

CREATE VIEW federated.cargos WITH (security_invoker = true) AS
SELECT v.id AS version_id, v.workload_id, w.name AS workload, v.version, v.status, h.version_id IS NOT NULL AS current,
	   federated.tag_list(v.id) AS tags,
	   b.id AS base_version_id, (v.provenance ->> 'base_version')::integer AS base_version,
	   v.session_id, s.name AS session, v.provenance ->> 'algorithm' AS algorithm, s.config, v.round_no AS rounds,
	   (v.provenance ->> 'participants')::bigint AS participants, (v.provenance ->> 'updates')::bigint AS updates,
	   (v.provenance ->> 'samples')::bigint AS samples, v.metrics, v.provenance -> 'privacy' AS privacy,
	   v.parameters, encode(v.digest, 'hex') AS digest, v.owner_role, v.published_at
FROM federated.model_versions v
JOIN federated.workloads w ON w.id = v.workload_id
LEFT JOIN federated.model_versions b
	ON b.workload_id = v.workload_id AND b.version = (v.provenance ->> 'base_version')::integer
LEFT JOIN federated.sessions s ON s.id = v.session_id
LEFT JOIN federated.workload_heads h ON h.version_id = v.id
WHERE v.published_at IS NOT NULL;
COMMENT ON VIEW federated.cargos IS
	'Published versions and what made them; session and config of sessions that the caller may see';
GRANT SELECT ON federated.lineage, federated.cargos
	TO federated_admin, federated_creator, federated_viewer, federated_auditor;

CREATE FUNCTION @extschema@.federated_lineage(version_id bigint)
RETURNS TABLE (direction text, depth integer, id bigint, version integer, parent_version integer, status text,
			   published boolean, current boolean, tags text[], session_id uuid, round integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM federated.get_version(federated_lineage.version_id);
	RETURN QUERY
	WITH RECURSIVE ancestors AS (
		SELECT v.id, v.parent_id, 0 AS depth FROM federated.model_versions v WHERE v.id = federated_lineage.version_id
		UNION ALL
		SELECT v.id, v.parent_id, a.depth - 1 FROM ancestors a JOIN federated.model_versions v ON v.id = a.parent_id
	), descendants AS (
		SELECT federated_lineage.version_id AS id, 0 AS depth
		UNION ALL
		SELECT v.id, d.depth + 1 FROM descendants d JOIN federated.model_versions v ON v.parent_id = d.id
	), family AS (
		SELECT a.id, a.depth FROM ancestors a
		UNION ALL
		SELECT d.id, d.depth FROM descendants d WHERE d.depth > 0
	)
	SELECT CASE sign(f.depth) WHEN -1 THEN 'ancestor' WHEN 0 THEN 'self' ELSE 'descendant' END, f.depth,
		   v.id, v.version, p.version, v.status, v.published_at IS NOT NULL, h.version_id IS NOT NULL,
		   federated.tag_list(v.id), v.session_id, v.round_no
	FROM family f
	JOIN federated.model_versions v ON v.id = f.id
	LEFT JOIN federated.model_versions p ON p.id = v.parent_id
	LEFT JOIN federated.workload_heads h ON h.version_id = v.id
	ORDER BY f.depth, v.version;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_lineage(bigint) IS
	'A version, its ancestors up to the import (depth below 0) and all its descendants (above 0), round by round';
GRANT EXECUTE ON FUNCTION @extschema@.federated_lineage(bigint)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor;
