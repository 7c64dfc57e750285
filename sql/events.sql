-- Events: one for every state change, append-only.
\set SHOW_CONTEXT never
SELECT test.workload('events', 0) AS workload \gset
SELECT test.accept(:workload, 'abc');
SELECT test.start('events', :workload, 2, '{"min_participants": 3, "min_updates": 2}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 10, '{1}', '{"evaluation": {"loss": 3}}');
SELECT test.run_as('regress_b', format('SELECT federated_decline_task(%s, ''busy'')', test.round(:'sid')));
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.submit('b', :'sid', 30, '{1}', '{"evaluation": {"loss": 1}}');
SELECT test.pass_deadline(:'sid');
CALL test.drive(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L, ''lunch'')', :'sid')), test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT test.submit('a', :'sid', 10, '{1}'), test.submit('b', :'sid', 30, '{1}'), test.submit('c', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.run_as('regress_c', format('SELECT federated_leave(%L, ''goodbye'')', :'sid'));
SELECT test.evaluate('a', :'sid', 10, '{"evaluation": {"loss": 0.5}}'), test.evaluate('b', :'sid', 10, '{"evaluation": {"loss": 0.5}}');
CALL test.drive(:'sid');

-- Who, what, why. The order is that of the rows; what differs from run to run is left out
SELECT CASE actor WHEN session_user THEN 'me' ELSE actor END AS actor, kind,
	   detail - '{version_id,base_version_id,update_id,deadline,config,digest,seconds_paused,version}'::text[] AS detail
FROM federated.events WHERE session_id = :'sid' ORDER BY id;
SELECT count(*) AS events, bool_and(at BETWEEN s.created_at AND clock_timestamp()) AS timed, bool_and(e.at >= before) IS NOT FALSE AS ascending
FROM (SELECT *, lag(at) OVER (ORDER BY id) AS before FROM federated.events WHERE session_id = :'sid') e JOIN federated.sessions s ON s.id = e.session_id GROUP BY s.id;

-- Never changed, never removed: not even by the owner of the table
UPDATE federated.events SET kind = 'nothing' WHERE session_id = :'sid';
DELETE FROM federated.events WHERE session_id = :'sid';
TRUNCATE federated.events;
UPDATE federated.events SET kind = 'nothing' WHERE false;
SELECT role, test.outcome(role, 'INSERT INTO federated.events (actor, kind) VALUES (''x'', ''x'') RETURNING id') AS insert,
	   test.outcome(role, format('SELECT federated.log_event(%L, ''x'')', :'sid')) AS log_event,
	   test.outcome(role, 'DELETE FROM federated.events RETURNING id') AS delete
FROM unnest('{regress_admin,regress_auditor,regress_a}'::text[]) role;

-- Nor are the ends of their chains, which only grow
DELETE FROM federated.event_chains;
TRUNCATE federated.event_chains;
TRUNCATE federated.events CASCADE;
UPDATE federated.event_chains SET position = position - 1 WHERE chain = :'sid';
UPDATE federated.event_chains SET hash = '' WHERE chain = :'sid';
SELECT role, test.outcome(role, 'INSERT INTO federated.event_chains VALUES (gen_random_uuid(), 1, '''') RETURNING chain') AS insert,
	   test.outcome(role, 'UPDATE federated.event_chains SET position = position + 1 RETURNING chain') AS update
FROM unnest('{regress_admin,regress_auditor,regress_a}'::text[]) role;

-- Verification: everything that was counted, for whoever may read events
SELECT v.ok, v.verified = (SELECT count(*) FROM federated.events WHERE session_id = :'sid') AS every_event, v.problem
FROM federated_verify_events(:'sid') v;
SELECT bool_and(v.ok) AS ok, sum(v.verified) = (SELECT count(*) FROM federated.events) AS every_event,
	   count(*) = (SELECT count(*) FROM federated.event_chains) AS every_chain, count(*) FILTER (WHERE session IS NULL) AS without_session
FROM federated_verify_events() v;
SELECT role, test.outcome(role, format('SELECT ok FROM federated_verify_events(%L)', :'sid')) AS of_session,
	   test.outcome(role, 'SELECT ok FROM federated_verify_events()') AS of_all
FROM unnest('{regress_admin,regress_creator,regress_other,regress_viewer,regress_auditor,regress_a,regress_nobody}'::text[]) role;
SELECT test.try('regress_other', 'SELECT count(*) FROM federated_verify_events()') AS all_of_them;
SELECT v.problem FROM federated_verify_events('00000000-0000-4000-8000-000000000000') v;

-- The bytes are the same under any settings
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'German';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SELECT v.ok FROM federated_verify_events(:'sid') v;
RESET TimeZone;
RESET DateStyle;
RESET extra_float_digits;
RESET bytea_output;

-- Events that could run into each other have different hashes
SELECT count(DISTINCT federated.event_hash(ROW(1, s, 'epoch'::timestamptz, a, k, d, 1, NULL), federated.chain_start())) AS hashes
FROM (VALUES (NULL::uuid, 'ab', 'c', '{}'::jsonb), (NULL, 'a', 'bc', '{}'), (NULL, 'abc', '', '{}'), (NULL, 'ab', 'c', '{"x": null}'),
			 (NULL, 'ab', 'c', '{"x": 1.0}'), (NULL, 'ab', 'c', '{"x": 1}'), ('00000000-0000-0000-0000-000000000000', 'ab', 'c', '{}')) e(s, a, k, d);

-- Anchors: what is no export is refused
SELECT c.ok, c.problem FROM federated_event_anchors() a, federated_check_anchors(a) c WHERE c.session = :'sid';
SELECT count(*) = (SELECT count(*) FROM federated.event_chains) AS every_chain, bool_and(c.ok) AS ok FROM federated_check_anchors(federated_event_anchors()) c;
SELECT test.try('regress_auditor', format('SELECT count(*) FROM federated_check_anchors(%L)', anchors)) AS answer
FROM unnest(ARRAY['[]', '{}', '{"version": 2}', '{"version": 1, "chains": []}', '{"version": 1, "chains": [{}]}',
				  '{"version": 1, "chains": [{"session_id": "x"}]}']) anchors;
SELECT test.try('regress_auditor', format('SELECT count(*) FROM federated_check_anchors(%L)', federated_event_anchors() || '{"digest": "00"}'))
	~ 'Its digest is 00, that of its chains [0-9a-f]{64}' AS digest_is_checked;
SELECT count(*) FROM federated_check_anchors(NULL);

-- The worker's name in an event is not had by calling oneself so
SET application_name = 'federated worker';
SELECT federated.current_actor() = session_user AS still_me;
RESET application_name;
