-- Endpoints: versions as products --------------------------------------------------------------------------------------
-- What changes something answers with the version that it changed.

CREATE VIEW federated_api.cargos WITH (security_invoker = true) AS
SELECT c.version_id, c.workload_id, c.workload, c.version, c.status, c.current, c.tags, c.base_version_id, c.base_version, c.session_id,
	   c.session, c.algorithm, c.config, c.rounds, c.participants, c.updates, c.samples, c.metrics, c.privacy, c.parameters, c.digest,
	   c.owner_role AS owner, c.published_at
FROM federated.cargos c;
COMMENT ON VIEW federated_api.cargos IS 'Published versions and what made them; of sessions what the caller may see';

CREATE VIEW federated_api.version_tree WITH (security_invoker = true) AS
SELECT l.version_id, l.workload_id, l.workload, l.version, l.status, l.depth, l.import_version, l.parent_version, l.parent_id,
	   l.session_id, l.round, l.current, l.tags, l.digest, l.created_at, l.published_at
FROM federated.lineage l;
COMMENT ON VIEW federated_api.version_tree IS 'Every version with its parent and the import that it descends from; depth counts rounds';

CREATE VIEW federated_api.version_tags WITH (security_invoker = true) AS
SELECT t.workload_id, t.tag, t.version_id, t.tagged_at, t.tagged_by
FROM federated.version_tags t;
COMMENT ON VIEW federated_api.version_tags IS 'Names of versions: each belongs to one version of a workload at a time';

CREATE VIEW federated_api.head_moves WITH (security_invoker = true) AS
SELECT m.id, m.workload_id, m.from_version_id, m.to_version_id, m.reason, m.moved_at, m.moved_by
FROM federated.head_moves m;
COMMENT ON VIEW federated_api.head_moves IS 'Every change of a workload''s current version';

GRANT SELECT ON federated_api.cargos, federated_api.version_tree, federated_api.head_moves
	TO federated_admin, federated_creator, federated_viewer, federated_auditor;
GRANT SELECT ON federated_api.version_tags
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

SELECT federated.define_endpoint('lineage', 'version_id bigint',
	'TABLE (direction text, depth integer, id bigint, version integer, parent_version integer, status text, published boolean,
			current boolean, tags text[], session_id uuid, round integer)',
	'STABLE', '{admin,creator,viewer,auditor}', 'A version, its ancestors up to the import and all its descendants', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_lineage(version_id);$$);

SELECT federated.define_endpoint('diff', 'version_id bigint, other_version_id bigint',
	'TABLE (tensor text, dtype text, trainable boolean, elements bigint, same boolean, norm float8, other_norm float8,
			norm_difference float8, cosine float8, max_difference float8)',
	'STABLE', '{admin,creator,island}', 'How far two versions of a workload are apart, tensor by tensor', $$
	RETURN QUERY SELECT * FROM @extschema@.federated_diff(version_id, other_version_id);$$);

SELECT federated.define_endpoint('model_card', 'version_id bigint', 'federated_api."text/plain"', 'STABLE',
	'{admin,creator,island,viewer,auditor}', 'What is known of a version, for people, in Markdown', $$
	RETURN @extschema@.federated_model_card(version_id);$$);

SELECT federated.define_endpoint('find_tag', 'workload_id bigint, tag text', 'bigint', 'STABLE',
	'{admin,creator,viewer,island}', 'Id of the version of a workload that has a tag', $$
	RETURN @extschema@.federated_find_tag(workload_id, tag);$$);

SELECT federated.define_endpoint('rollback', 'workload_id bigint, version integer', 'json', 'VOLATILE', '{creator}',
	'Make another published version current, an earlier or a later one', $$
	PERFORM @extschema@.federated_rollback(workload_id, version);
	RETURN (SELECT row_to_json(v) FROM federated_api.versions v WHERE v.workload_id = $1 AND v.version = $2);$$);

SELECT federated.define_endpoint('tag_version', 'workload_id bigint, version integer, tag text', 'json', 'VOLATILE', '{creator}',
	'Give a version a tag; another version of the workload that has it loses it', $$
	PERFORM @extschema@.federated_tag_version(workload_id, version, tag);
	RETURN (SELECT row_to_json(v) FROM federated_api.versions v WHERE v.workload_id = $1 AND v.version = $2);$$);

SELECT federated.define_endpoint('untag', 'workload_id bigint, tag text', 'json', 'VOLATILE', '{creator}',
	'Take a tag away from the version that has it', $$
	DECLARE
		tagged CONSTANT bigint := @extschema@.federated_find_tag(workload_id, tag);
	BEGIN
		PERFORM @extschema@.federated_untag(workload_id, tag);
		RETURN (SELECT row_to_json(v) FROM federated_api.versions v WHERE v.version_id = tagged);
	END;$$);

SELECT federated.define_endpoint('delete_version', 'workload_id bigint, version integer', 'json', 'VOLATILE', '{creator}',
	'Give up the weights of a version that nothing needs; its row stays', $$
	PERFORM @extschema@.federated_delete_version(workload_id, version);
	RETURN (SELECT row_to_json(v) FROM federated_api.versions v WHERE v.workload_id = $1 AND v.version = $2);$$);
