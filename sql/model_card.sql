-- Model cards: from the rows, with nothing that a user wrote meaning anything in Markdown.
\set SHOW_CONTEXT never
SELECT test.wake('ab');
SELECT test.workload('model card', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
CREATE FUNCTION test.card(role name, version_id bigint) RETURNS text
LANGUAGE sql
AS $$
	-- without ids and times
	SELECT regexp_replace(regexp_replace(test.try($1, format('SELECT federated_model_card(%s)', $2)), '[0-9a-f]{8}-[-0-9a-f]{27}', 'ID', 'g'), '\d{4}-\d\d-\d\d \d\d:\d\d UTC', 'TIME', 'g')
$$;
SELECT test.start('first', :workload, 2, '{"keep_versions": "all"}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 10, '{1}', '{"evaluation": {"loss": 0.75, "accuracy": 0.5}, "training": {"loss": 0.5}}'), test.submit('b', :'sid', 30, '{1}');
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 10, '{1}', '{"evaluation": {"loss": 0.5}}'), test.submit('b', :'sid', 20, '{1}', '{"evaluation": {"loss": 0.25}}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 10, '{"evaluation": {"loss": 0.125}}'), test.evaluate('b', :'sid', 30);
CALL test.drive(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_tag_version(%s, 3, ''a_b'')', :workload));
\pset format unaligned
\pset tuples_only on
SELECT test.card('regress_creator', federated_find_version(:workload, 3));
SELECT test.card('regress_viewer', federated_find_version(:workload, 1));
\pset tuples_only off
\pset format aligned
SELECT line FROM regexp_split_to_table(test.card('regress_creator', federated_find_version(:workload, 2)), '\n') WITH ORDINALITY c (line, n) WHERE line ~ 'Status|^- |^\| [0-9]|^[0-9]\.|descend|loss' ORDER BY n;
-- the digest is the version's; the metadata of the file has the same
SELECT federated_model_card(v.id) LIKE '%`' || encode(v.digest, 'hex') || '`%' AS digest FROM federated.model_versions v WHERE v.id = federated_find_version(:workload);
-- a version without weights has a card, and nothing to get
SELECT test.run_as('regress_creator', format('SELECT federated_delete_version(%s, 2)', :workload));
SELECT card ~ 'Status \| retired' AS retired, card ~ '## Use' AS to_get FROM test.card('regress_creator', federated_find_version(:workload, 2)) card;

-- Who sees what: Islands are named to those who see the session, and not to each other
SELECT role, left(card, 5) AS begins, card ~ 'island-b' AS others, card ~ 'Session "first"' AS session, card ~ '"algorithm": "fed.avg"' AS config, card ~ '- Participants: 2' AS number, card ~ '### Rounds' AS rounds
FROM unnest('{regress_admin,regress_creator,regress_other,regress_viewer,regress_auditor,regress_a,regress_c}'::name[]) role, test.card(role, federated_find_version(:workload, 3)) card;
SELECT test.refusal('regress_c', format('SELECT federated_model_card(%s)', federated_find_version(:workload, 3)));
SELECT test.refusal('regress_nobody', 'SELECT federated_model_card(0)'), test.refusal('regress_viewer', 'SELECT federated_model_card(0)'), test.refusal('regress_viewer', 'SELECT federated_model_card(NULL)');

-- Text of users is text: what would be a heading, a link, a tag, a row, the end of code
SELECT given, federated.markdown(given) FROM unnest(ARRAY['plain text 1', 'a_b*c*', '# heading', '[x](javascript:alert(1))', '<script>&amp;', 'a|b', E'two\n\n# lines\t\r', '`code` ~~x~~ {{y}} \ "q" ''s''', 'http://x.y', '1. x + y - z = 2; $5^3 @ 7% ! ?', 'ä é 漢', '']) given;
SELECT test.workload(E'```\n# <b>"evil"</b> | [x](y)', 0) AS evil \gset
SELECT test.accept(:evil, 'ab');
SELECT test.start(E'| </td>\n## s', :evil, 1, '{"hyperparameters": {"```\n# k": "\n```\n# v"}}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 1, '{1}', '{"evaluation": {"<i>|\n# m": 1}}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');
SELECT line FROM regexp_split_to_table(test.card('regress_creator', federated_find_version(:evil)), '\n') WITH ORDINALITY c (line, n) WHERE line ~ 'evil|td|# v|<|i&|fed model|^#|^```' ORDER BY n;
