-- Webhooks: who may subscribe to what, the outbox in the transaction of the
-- event, signatures, leases and what becomes of them. Nothing is sent here.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT test.wake('abcd');
SELECT test.workload('webhooks', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
SELECT test.start('webhooks', :workload, 1) AS sid \gset

CREATE FUNCTION test.subscribe(role name, url text, events text[], session uuid DEFAULT NULL, workload bigint DEFAULT NULL) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try($1, format('SELECT secret ~ ''^[0-9A-Za-z_-]{43}$'' FROM federated_subscribe(%L, %L, %L, %L)', $2, $3, $4, $5)) $$;
CREATE FUNCTION test.queued(session uuid) RETURNS text
LANGUAGE sql
AS $$
	SELECT string_agg(format('%s of %s: %s', e.kind, substring(w.url FROM '[a-z]+$'), d.state), ', ' ORDER BY e.id, w.id)
	FROM federated.webhook_deliveries d JOIN federated.webhooks w ON w.id = d.webhook_id JOIN federated.events e ON e.id = d.event_id
	WHERE e.session_id = $1
$$;

-- URLs
SELECT left(url, 70) AS url, regexp_replace(test.subscribe('regress_creator', url, '{round_closed}', :'sid'), '^22023: ', '') AS answer
FROM unnest(ARRAY['http://receiver.example/', 'ftp://receiver.example/', 'https://', 'receiver.example', 'https://user:pw@receiver.example/',
	'https://receiver.example/#part', 'https://receiver.example:25/', 'https://receiver.example:99999/', E'https://receiver.example/\r\nX: y', 'https://receiver.example/a b',
	'https://ümlaut.example/', 'https://receiver.example\@other.example/', 'https://-receiver.example/', 'https://receiver.example/' || repeat('x', 2000)]) url;
SELECT test.subscribe('regress_creator', NULL, '{round_closed}', :'sid');
SELECT federated.url_receiver('https://Receiver.Example./path?x=1'), federated.url_receiver('https://192.0.2.1:8443'), federated.url_receiver('https://[2001:DB8::1]/');
SET federated.webhook_allow_http = on;
SELECT federated.url_receiver('http://receiver.example?x');
RESET federated.webhook_allow_http;

-- Kinds of events
SELECT events, test.subscribe('regress_creator', 'https://receiver.example/', events::text[], :'sid') AS answer
FROM unnest(ARRAY['{}', NULL, '{NULL}', '{"Round closed"}', '{round_closed,""}', '{"*x"}']) events;
SELECT test.subscribe('regress_creator', 'https://receiver.example/', array_fill('round_closed'::text, '{51}'), :'sid');

-- Whose it is
SELECT test.subscribe('regress_creator', 'https://receiver.example/', '{*}') AS neither,
	   test.subscribe('regress_creator', 'https://receiver.example/', '{*}', :'sid', :workload) ~ '^22023: a webhook is about one session or one workload' AS "both";
SELECT role, replace(test.subscribe(role, 'https://receiver.example/' || role, '{*}', :'sid'), :'sid', 'SESSION') AS session
FROM unnest('{regress_other,regress_viewer,regress_auditor,regress_a,regress_nobody}'::text[]) role;
SELECT regexp_replace(test.subscribe('regress_other', 'https://receiver.example/', '{*}', NULL, :workload), 'workload \d+', 'workload N') AS workload;
SELECT test.subscribe('regress_creator', 'https://receiver.example/', '{*}', NULL, 0) AS no_workload,
	   test.subscribe('regress_creator', 'https://receiver.example/', '{*}', '00000000-0000-0000-0000-000000000000') AS no_session;
SELECT test.subscribe('regress_creator', 'https://receiver.example/hooks/one', '{session_started,round_opened}', :'sid'),
	   test.subscribe('regress_creator', 'https://receiver.example/hooks/all', '{*}', NULL, :workload),
	   test.subscribe('regress_admin', 'https://receiver.example/hooks/admin', '{session_created,workload_refused}', NULL, :workload);
SET federated.webhook_limit = 2;
SELECT replace(test.subscribe('regress_creator', 'https://receiver.example/', '{*}', :'sid'), :'sid', 'SESSION');
RESET federated.webhook_limit;

-- Who sees it
SELECT role, test.try(role, 'SELECT string_agg(substring(url FROM ''[a-z]+$''), '','' ORDER BY id) FROM federated_api.webhooks WHERE workload_id IS NOT NULL OR session_id IS NOT NULL') AS webhooks,
	   test.outcome(role, 'SELECT count(*) FROM federated.webhook_secrets') AS secrets
FROM unnest('{regress_creator,regress_other,regress_admin,regress_viewer,regress_auditor,regress_a}'::text[]) role;
SELECT count(*) AS columns_that_show_secrets FROM information_schema.columns
WHERE table_schema = 'federated_api' AND table_name LIKE 'webhook%' AND column_name ~ 'secret';
SELECT kind, detail - '{webhook_id,workload_id}'::text[] AS detail, actor FROM federated.events
WHERE kind = 'webhook_subscribed' ORDER BY id;

-- The outbox: in the transaction of the event, once for each subscription
SELECT test.queued(:'sid') AS subscribed;
BEGIN;
SELECT federated.advance(:'sid');
SELECT count(*) > 0 AS queued FROM federated.webhook_deliveries d JOIN federated.events e ON e.id = d.event_id WHERE e.kind = 'participant_invited' AND e.session_id = :'sid';
ROLLBACK;
SELECT count(*) AS after_rollback FROM federated.webhook_deliveries d JOIN federated.events e ON e.id = d.event_id WHERE e.kind = 'participant_invited' AND e.session_id = :'sid';
CALL test.drive(:'sid');
SELECT test.queued(:'sid');
SELECT count(*) AS events_of_nobody FROM federated.webhook_deliveries d WHERE NOT EXISTS (SELECT FROM federated.events e WHERE e.id = d.event_id);

-- A session of somebody else: the workload's owner is told no more than the
-- owner may read, the administrator is told; so is what is in no session
SELECT test.run_as('regress_other', format('SELECT federated_start_session(''of another'', %s, 1)', :workload)) AS other_sid \gset
SELECT test.run_as('regress_b', format('SELECT federated_refuse_workload(%s)', :workload));
SELECT test.queued(:'other_sid');
SELECT string_agg(e.kind || ' of ' || substring(w.url FROM '[a-z]+$'), ', ') AS in_no_session
FROM federated.webhook_deliveries d JOIN federated.webhooks w ON w.id = d.webhook_id JOIN federated.events e ON e.id = d.event_id
WHERE e.session_id IS NULL AND w.workload_id = :workload;
SELECT role, test.try(role, format('SELECT count(*) FROM federated_api.webhook_deliveries WHERE session_id = %L', :'sid')) AS deliveries
FROM unnest('{regress_creator,regress_other,regress_admin,regress_auditor}'::text[]) role;

-- Leasing: what is taken is taken once, and signed
CREATE TEMP TABLE leased AS SELECT * FROM federated.lease_webhooks(100);
SELECT count(*) > 0 AS leased, count(*) = count(DISTINCT id) AS once, bool_and(attempt = 1) AS first FROM leased;
SELECT count(*) AS over_the_limit FROM (SELECT FROM leased GROUP BY substring(url FROM '^https://[^/]*') HAVING count(*) > 8) r;
CREATE TEMP TABLE more AS SELECT * FROM federated.lease_webhooks(100);
SELECT count(*) AS again FROM leased JOIN more USING (id);
SELECT bool_and(l.signature = 'v1=' || encode(hmac(convert_to(l.stamp || '.', 'UTF8') || l.body, convert_to(s.secret, 'UTF8'), 'sha256'), 'hex')) AS signed
FROM leased l JOIN federated.webhook_deliveries d USING (id) JOIN federated.webhook_secrets s ON s.webhook_id = d.webhook_id;
SELECT convert_from(body, 'UTF8')::jsonb - '{id,event_id,at,session_id,workload_id,actor,detail}'::text[] AS body,
	   convert_from(body, 'UTF8')::jsonb ->> 'id' = id::text AS delivery, convert_from(body, 'UTF8')::jsonb ->> 'session_id' = :'sid' AS session,
	   convert_from(body, 'UTF8')::jsonb ->> 'at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' AS at,
	   (SELECT string_agg(key, ',' ORDER BY n) FROM json_object_keys(convert_from(body, 'UTF8')::json) WITH ORDINALITY k(key, n)) AS keys
FROM leased WHERE url ~ '/one$' AND convert_from(body, 'UTF8') ~ '"event" : "round_opened"';

-- Outcomes. An old lease says nothing any more, unless that it arrived.
SELECT id AS delivery FROM leased WHERE url ~ '/one$' ORDER BY id LIMIT 1 \gset
CREATE FUNCTION test.record(delivery uuid, attempt integer, status integer, error text) RETURNS text
LANGUAGE sql
AS $$
	SELECT federated.record_webhooks(ARRAY[$1], ARRAY[$2], ARRAY[$3], ARRAY[$4]);
	SELECT concat_ws(', ', d.state, d.attempts, d.status, d.error, CASE WHEN d.due_at > now() THEN 'later' END,
					 CASE WHEN w.failures > 0 THEN w.failures || ' failures' END, CASE WHEN w.retry_after > now() THEN 'left alone' END)
	FROM federated.webhook_deliveries d JOIN federated.webhooks w ON w.id = d.webhook_id WHERE d.id = $1
$$;
SELECT test.record(:'delivery', 1, 500, 'HTTP status 500') AS failed;
SELECT test.record(:'delivery', 1, 500, 'HTTP status 500') AS not_sending;
CREATE FUNCTION test.lease_again(delivery uuid) RETURNS void
LANGUAGE sql
AS $$ UPDATE federated.webhook_deliveries SET state = 'sending', attempts = attempts + 1, due_at = now() + interval '1 hour' WHERE id = $1 $$;
SELECT test.lease_again(:'delivery');
SELECT test.record(:'delivery', 1, 500, 'HTTP status 500') AS old_lease;
SELECT test.record(:'delivery', 2, NULL, 'Timeout was reached') AS no_answer;
SELECT test.lease_again(:'delivery');
SELECT test.record(:'delivery', 3, 302, 'HTTP status 302') AS third_in_a_row;
SELECT test.lease_again(:'delivery');
SELECT test.record(:'delivery', 1, 204, NULL) AS arrived_late;
SELECT bool_and(federated.retry_delay(n) BETWEEN least(10 * 2 ^ (n - 1), 3600) * 0.5 * interval '1 s' AND least(10 * 2 ^ (n - 1), 3600) * 1.5 * interval '1 s') AS delays
FROM generate_series(1, 100) n;
SELECT test.try('regress_other', format('SELECT federated_replay_webhook(%L)', :'delivery')) = format('P0002: delivery %s does not exist', :'delivery') AS not_theirs;
SELECT test.try('regress_creator', format('SELECT federated_replay_webhook(%L)', :'delivery'));
SELECT test.try('regress_creator', format('SELECT federated_replay_webhook(%L)', :'delivery')) ~ '^55000: delivery .* is still to be sent \| Its state was "pending"; dead and delivered ones can be sent again.$' AS once;
-- dead after the last attempt
UPDATE federated.webhook_deliveries SET attempts = 11 WHERE id = :'delivery';
SELECT test.lease_again(:'delivery');
SELECT test.record(:'delivery', 12, 500, 'HTTP status 500');
SELECT "check", ok, detail ~ '; 1 dead;' AS says_so, hint ~ 'federated_replay_dead_webhooks' AS hint FROM federated.health() WHERE "check" = 'webhooks';
SELECT federated.metrics() ~ E'\nfederated_webhook_deliveries{state="dead"} 1\n' AS measured;

-- Gone: nothing more is sent or queued until it is wanted again
SELECT id AS hook FROM federated.webhooks WHERE url ~ '/one$' \gset
SELECT l.id AS other_delivery FROM leased l WHERE l.url ~ '/one$' AND l.id <> :'delivery' LIMIT 1 \gset
SELECT test.record(:'other_delivery', 1, 410, 'HTTP status 410');
SELECT disabled_at IS NOT NULL AS disabled, disabled_reason FROM federated.webhooks WHERE id = :hook;
SELECT kind, detail ->> 'receiver' AS receiver, detail ->> 'reason' AS reason FROM federated.events WHERE kind = 'webhook_disabled';
SELECT federated.log_event(:'sid', 'round_opened');
SELECT count(*) FILTER (WHERE state = 'dead') AS dead, count(*) AS in_all FROM federated.webhook_deliveries WHERE webhook_id = :hook;
SELECT test.run_as('regress_creator', format('SELECT federated_replay_dead_webhooks(%s)', :hook)) AS replayed;
SELECT disabled_at IS NULL AS enabled, (SELECT count(*) FROM federated.webhook_deliveries WHERE webhook_id = :hook AND state = 'pending') AS pending
FROM federated.webhooks WHERE id = :hook;

-- Secrets: two sign while they overlap, no more than two
SELECT test.run_as('regress_creator', format('SELECT federated_rotate_webhook_secret(%s)', :hook)) AS second \gset
SELECT regexp_count(federated.webhook_signature(:hook, 'x'), 'v1=') AS signatures, federated.webhook_signature(:hook, 'x') LIKE 'v1=' || encode(hmac('x', :'second', 'sha256'), 'hex') || ',v1=%' AS newest_first;
SELECT test.run_as('regress_admin', format('SELECT federated_rotate_webhook_secret(%s, ''1 hour'')', :hook)) AS third \gset
SELECT federated.webhook_signature(:hook, 'x') = 'v1=' || encode(hmac('x', :'third', 'sha256'), 'hex') || ',v1=' || encode(hmac('x', :'second', 'sha256'), 'hex') AS two;
UPDATE federated.webhook_secrets SET expires_at = now() - interval '1 s' WHERE webhook_id = :hook AND expires_at IS NOT NULL;
SELECT federated.webhook_signature(:hook, 'x') = 'v1=' || encode(hmac('x', :'third', 'sha256'), 'hex') AS expired;
SELECT test.run_as('regress_creator', format('SELECT federated_rotate_webhook_secret(%s, ''0'')', :hook)) AS fourth \gset
SELECT federated.webhook_signature(:hook, 'x') = 'v1=' || encode(hmac('x', :'fourth', 'sha256'), 'hex') AS at_once;
SELECT test.try('regress_creator', format('SELECT federated_rotate_webhook_secret(%s, ''31 days'')', :hook)), test.try('regress_creator', format('SELECT federated_rotate_webhook_secret(%s, NULL)', :hook));
SELECT regexp_replace(test.try('regress_other', format('SELECT federated_rotate_webhook_secret(%s)', :hook)), 'webhook \d+', 'webhook N') AS rotate,
	   regexp_replace(test.try('regress_other', format('SELECT federated_unsubscribe(%s)', :hook)), 'webhook \d+', 'webhook N') AS unsubscribe,
	   regexp_replace(test.try('regress_other', format('SELECT federated_replay_dead_webhooks(%s)', :hook)), 'webhook \d+', 'webhook N') AS replay;

-- With a secret of another database, or without, as in a copy and after a restore, nothing is sent
CREATE FUNCTION test.leased_for(webhook bigint) RETURNS bigint
LANGUAGE sql
AS $$
	UPDATE federated.webhook_deliveries SET state = 'delivered' WHERE webhook_id <> $1;
	UPDATE federated.webhook_deliveries SET state = 'pending', due_at = now() WHERE webhook_id = $1;
	SELECT count(*) FROM federated.lease_webhooks(1000)
$$;
SELECT test.leased_for(:hook) AS here;
UPDATE federated.webhook_secrets SET database_oid = 1 WHERE webhook_id = :hook;
SELECT test.leased_for(:hook) AS in_a_copy;
DELETE FROM federated.webhook_secrets WHERE webhook_id = :hook;
SELECT test.leased_for(:hook) AS restored;
SELECT detail ~ '1 subscriptions without a secret made here' AS mute, hint FROM federated.health() WHERE "check" = 'webhooks';

-- Housekeeping: what arrived long ago goes, what is dead stays
UPDATE federated.webhook_deliveries SET state = 'delivered', finished_at = now() - interval '6 days' WHERE id = :'delivery';
SELECT federated.forget_webhooks();
SELECT count(*) AS kept FROM federated.webhook_deliveries WHERE id = :'delivery';
UPDATE federated.webhook_deliveries SET finished_at = now() - interval '8 days' WHERE id = :'delivery';
UPDATE federated.webhook_deliveries SET state = 'dead', created_at = now() - interval '1 year' WHERE id = :'other_delivery';
SELECT federated.forget_webhooks();
SELECT string_agg(state, ',') AS left_over FROM federated.webhook_deliveries WHERE id IN (:'delivery', :'other_delivery');

-- The end, of whose secrets and deliveries nothing is left
SELECT test.run_as('regress_creator', format('SELECT federated_unsubscribe(%s)', :hook));
SELECT count(*) AS deliveries FROM federated.webhook_deliveries WHERE webhook_id = :hook;
SELECT regexp_replace(test.try('regress_creator', format('SELECT federated_unsubscribe(%s)', :hook)), 'webhook \d+', 'webhook N') AS again;
SELECT test.subscribe('regress_creator', 'https://receiver.example/hooks/ended', '{round_closed}', :'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT federated.forget_webhooks();
SELECT count(*) AS kept FROM federated.webhooks WHERE url ~ '/ended$';
UPDATE federated.sessions SET finished_at = now() - interval '8 days' WHERE id = :'sid';
SELECT federated.forget_webhooks();
SELECT count(*) AS kept FROM federated.webhooks WHERE url ~ '/ended$';
SELECT test.run_as('regress_other', format('SELECT federated_cancel_session(%L)', :'other_sid'));
DELETE FROM federated.webhooks;
SELECT count(*) AS secrets FROM federated.webhook_secrets;
