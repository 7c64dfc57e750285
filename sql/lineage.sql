-- Rolling back, the tree that comes of it, and what each version says of its making.
\set SHOW_CONTEXT never
SELECT test.wake('ab');
SELECT test.workload('lineage', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
CREATE VIEW test.tree AS
SELECT l.workload_id, l.version, l.parent_version AS parent, l.import_version AS import, l.depth, s.name AS session, l.round, l.status,
	   l.published_at IS NOT NULL AS published, l.current
FROM federated.lineage l LEFT JOIN federated.sessions s ON s.id = l.session_id;
CREATE FUNCTION test.family(workload bigint, version integer) RETURNS TABLE (direction text, depth integer, number integer, parent integer, session text, round integer, published boolean, current boolean)
LANGUAGE sql
AS $$
	SELECT l.direction, l.depth, l.version, l.parent_version, s.name, l.round, l.published, l.current
	FROM federated_lineage(federated_find_version($1, $2)) l LEFT JOIN federated.sessions s ON s.id = l.session_id
$$;

-- Three generations: a session; another from its result; back to the first result and a third; back to the import and a fourth
SELECT test.start('first', :workload, 2, '{"keep_versions": "last"}') AS first \gset
CALL test.finish(:'first');
SELECT test.start('second', :workload, 1) AS second \gset
CALL test.finish(:'second');
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 3)', :workload));
SELECT test.start('third', :workload, 2, '{"keep_versions": "all"}') AS third \gset
-- who runs keeps its base
SELECT test.run_as('regress_admin', format('SELECT federated_rollback(%s, 4)', :workload));
CALL test.finish(:'third', '{10}');
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 1)', :workload));
SELECT test.start('fourth', :workload, 1) AS fourth \gset
CALL test.finish(:'fourth', '{100}');
SELECT version, parent, import, depth, session, round, status, published, current FROM test.tree WHERE workload_id = :workload ORDER BY version;
SELECT * FROM test.family(:workload, 3);
SELECT * FROM test.family(:workload, 6);
SELECT * FROM test.family(:workload, 1);
SELECT * FROM test.family(:workload, 7);
-- the weights follow the branches
SELECT v.version, test.floats(test.vector_slice(v.vector_id, 0)) AS weights FROM federated.model_versions v
WHERE v.workload_id = :workload AND v.status = 'ready' ORDER BY v.version;
-- a second import is a second tree
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, test.model(5)));
SELECT version, parent, import, depth, current FROM test.tree WHERE workload_id = :workload AND depth = 0 ORDER BY version;

-- What moved the current version, in order
SELECT f.version AS "from", t.version AS "to", m.reason, m.moved_by FROM federated.head_moves m
LEFT JOIN federated.model_versions f ON f.id = m.from_version_id JOIN federated.model_versions t ON t.id = m.to_version_id
WHERE m.workload_id = :workload ORDER BY m.id;
SELECT actor, session_id IS NULL AS of_no_session, detail - '{workload_id,from_version_id,to_version_id}'::text[] AS detail
FROM federated.events WHERE kind = 'model_rolled_back' AND (detail -> 'workload_id')::bigint = :workload ORDER BY id;

-- No cycles
\set VERBOSITY sqlstate
UPDATE federated.model_versions v SET parent_id = (SELECT max(id) FROM federated.model_versions) WHERE v.id = federated_find_version(:workload, 1);
UPDATE federated.model_versions v SET parent_id = id WHERE v.id = federated_find_version(:workload, 3);
\set VERBOSITY default

-- Refusals
SELECT test.refusal('regress_creator', format('SELECT federated_rollback(%s, %s)', :workload, version)) FROM unnest('{8,5,2,99,NULL}'::text[]) version;
SELECT test.refusal(role, format('SELECT federated_rollback(%s, 1)', :workload)) FROM unnest('{regress_other,regress_viewer,regress_a}'::name[]) role;
SELECT test.try('regress_creator', 'SELECT federated_rollback(0, 1)'), test.try('regress_creator', 'SELECT federated_rollback(NULL, 1)');
-- an import that is not finished
SELECT test.run_as('regress_creator', format('SELECT federated_begin_import(%s, %L, 4)->>''version''', :workload, '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')) AS importing \gset
SELECT test.refusal('regress_creator', format('SELECT federated_rollback(%s, %s)', :workload, :importing));
-- another workload's versions have other numbers
SELECT test.workload('lineage 2', 0) AS other \gset
SELECT test.refusal('regress_creator', format('SELECT federated_rollback(%s, 2)', :other));
SELECT test.try('regress_viewer', 'SELECT federated_lineage(0)'), test.try('regress_viewer', 'SELECT federated_lineage(NULL)');

-- Provenance: every version between rounds too, also when its weights are gone
SELECT version, session_id = :'first' AS by_first, round, provenance FROM federated.versions WHERE workload_id = :workload ORDER BY version;
SELECT version, status, current, base_version, base_version_id = federated_find_version(workload_id, base_version) AS same_base, session, algorithm,
	   config ->> 'keep_versions' AS keep, rounds, participants, updates, samples, metrics, privacy IS NULL AS no_privacy, parameters, length(digest) AS digest, owner_role
FROM federated.cargos WHERE workload_id = :workload ORDER BY version;
-- not the sessions of others
SELECT test.run_as(role, format('SELECT string_agg(format(''%%s %%s %%s'', version, coalesce(session, ''-''), config IS NOT NULL), '', '' ORDER BY version) FROM federated.cargos WHERE workload_id = %s', :workload))
FROM unnest('{regress_creator,regress_other,regress_viewer}'::name[]) role;
-- Islands that come and go count once, with the most samples they had
SELECT test.accept(:other, 'ab');
SELECT test.start('counting', :other, 2, '{"min_updates": 1}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 30, '{1}');
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 20, '{1}'), test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''busy'')', test.round(:'sid')));
CALL test.drive(:'sid');
SELECT version, round, provenance FROM federated.versions WHERE workload_id = :other ORDER BY version;
CALL test.finish(:'sid');
