-- Tags of versions: names that move, are found by, and protect weights.
\set SHOW_CONTEXT never
SELECT test.wake('ab');
SELECT test.workload('tags', 0) AS workload, test.workload('tags 2', 0) AS other \gset
SELECT test.accept(:workload, 'ab');
SELECT test.start('tags', :workload, 3, '{"keep_versions": "last"}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
CREATE FUNCTION test.tag(role name, workload bigint, version integer, tag text) RETURNS text
LANGUAGE sql
AS $$ SELECT test.refusal($1, format('SELECT federated_tag_version(%s, %s, %L)', $2, $3, $4)) $$;
CREATE FUNCTION test.untag(role name, workload bigint, tag text) RETURNS text
LANGUAGE sql
AS $$ SELECT test.refusal($1, format('SELECT federated_untag(%s, %L)', $2, $3)) $$;
CREATE FUNCTION test.tags(workload bigint) RETURNS text
LANGUAGE sql
AS $$ SELECT string_agg(format('%s: %s %s', v.version, v.status, v.tags), ', ' ORDER BY v.version) FROM federated.versions v WHERE v.workload_id = $1 $$;

-- Given, moved, given once more, taken away; an administrator may too
SELECT test.tag('regress_creator', :workload, 1, 'production'), test.tag('regress_creator', :workload, 1, 'a.b_c-1'), test.tag('regress_admin', :workload, 2, 'candidate');
SELECT test.tags(:workload);
SELECT test.tag('regress_creator', :workload, 2, 'production');
SELECT test.tag('regress_creator', :workload, 2, 'production');
SELECT test.untag('regress_admin', :workload, 'candidate');
SELECT test.tags(:workload);
-- each workload has its own
SELECT test.tag('regress_creator', :other, 1, 'production');
SELECT federated_find_tag(:workload, 'production') = federated_find_version(:workload, 2) AS found, federated_find_tag(:other, 'production') = federated_find_version(:other, 1) AS found_there;
SELECT actor, kind, session_id IS NULL AS of_no_session, (detail -> 'workload_id')::bigint = :other AS of_other, detail - '{workload_id,version_id}'::text[] AS detail
FROM federated.events WHERE kind IN ('version_tagged', 'version_untagged') AND (detail -> 'workload_id')::bigint IN (:workload, :other) ORDER BY id;
SELECT test.run_as(role, format('SELECT string_agg(tag, '','' ORDER BY tag) FROM federated.version_tags WHERE workload_id = %s', :workload))
FROM unnest('{regress_creator,regress_viewer,regress_a}'::name[]) role;

-- Version 2 was made between rounds; keep_versions would give it up when the session goes on, as it does with version 3
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.tags(:workload);
-- what has no weights any more cannot be tagged
SELECT test.tag('regress_creator', :workload, 3, 'late');
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');
SELECT test.tags(:workload);

-- Names
SELECT tag, test.tag('regress_creator', :workload, 1, tag) FROM unnest(ARRAY['', 'A', '1', 'a b', '-a', 'ä', 'v1', 'a' || repeat('b', 62), 'a' || repeat('b', 63), E'a\n', NULL]) tag;
-- Refusals
SELECT test.tag('regress_other', :workload, 1, 'x'), test.tag('regress_viewer', :workload, 1, 'x'), test.tag('regress_creator', :workload, 77, 'x'), test.tag('regress_creator', 0, 1, 'x');
SELECT test.untag('regress_other', :workload, 'production'), test.untag('regress_creator', :workload, 'nothing'), test.untag('regress_creator', :workload, 'NO');
SELECT test.try('regress_viewer', format('SELECT federated_find_tag(%s, ''nothing'')', :workload));
\set VERBOSITY sqlstate
INSERT INTO federated.version_tags (workload_id, tag, version_id, tagged_by) SELECT :workload, 'No', federated_find_version(:workload, 1), '';
