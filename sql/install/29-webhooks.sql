-- The outbox: an event that somebody subscribed to is queued in the transaction that logs it -------------------

CREATE TABLE federated.webhook_deliveries (
	id			uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	webhook_id	bigint NOT NULL REFERENCES federated.webhooks ON DELETE CASCADE,
	event_id	bigint NOT NULL,
	state		text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'delivered', 'dead')),
	due_at		timestamptz NOT NULL DEFAULT now(),
	attempts	integer NOT NULL DEFAULT 0,
	status		integer,
	error		text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	finished_at	timestamptz,
	UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON federated.webhook_deliveries (webhook_id, due_at) WHERE state IN ('pending', 'sending');
CREATE INDEX webhook_deliveries_sending ON federated.webhook_deliveries (due_at) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_done ON federated.webhook_deliveries (finished_at) WHERE state = 'delivered';
CREATE INDEX webhook_deliveries_dead ON federated.webhook_deliveries (webhook_id) WHERE state = 'dead';
COMMENT ON TABLE federated.webhook_deliveries IS 'Outbox: one row for each subscription and event';
COMMENT ON COLUMN federated.webhook_deliveries.id IS 'Sent along, the same at every attempt: by it a receiver drops repeats';
COMMENT ON COLUMN federated.webhook_deliveries.event_id IS 'Event of federated.events, where none is ever removed';
COMMENT ON COLUMN federated.webhook_deliveries.state IS 'pending; sending: leased; delivered: answered with 2xx; dead: given up';
COMMENT ON COLUMN federated.webhook_deliveries.due_at IS 'Not sent before; while it is being sent, when the lease ends';
COMMENT ON COLUMN federated.webhook_deliveries.attempts IS 'How often it was leased to be sent';
COMMENT ON COLUMN federated.webhook_deliveries.status IS 'HTTP status of the last answer; NULL: there was none';
COMMENT ON COLUMN federated.webhook_deliveries.error IS 'Why the last attempt failed, in words of ours';

ALTER TABLE federated.webhook_deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_visible ON federated.webhook_deliveries FOR SELECT TO federated_admin, federated_creator
	USING (webhook_id IN (SELECT w.id FROM federated.webhooks w));
GRANT SELECT ON federated.webhook_deliveries TO federated_admin, federated_creator;

CREATE FUNCTION federated.wake_webhook() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_wake_webhook';
COMMENT ON FUNCTION federated.wake_webhook() IS 'Have what is in the outbox sent when the current transaction has committed';

-- An owner is told what the owner may read in federated.events, an administrator everything.
CREATE FUNCTION federated.queue_webhooks(event federated.events) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	of_workload bigint;
	of_owner text;
	secret boolean;
BEGIN
	SELECT s.workload_id, s.owner_role,
		   federated.is_private(s.config) AND federated.tells_update(event.kind)
		   OR federated.draws_islands(s.config) AND federated.tells_cohort(event.kind)
	INTO of_workload, of_owner, secret FROM federated.sessions s WHERE s.id = event.session_id;
	INSERT INTO federated.webhook_deliveries (webhook_id, event_id)
	SELECT w.id, event.id
	FROM federated.webhooks w
	WHERE w.disabled_at IS NULL AND w.events && ARRAY[event.kind, '*']
	  AND (w.covers_all OR secret IS NOT TRUE)
	  AND (w.session_id = event.session_id
		   OR w.workload_id = of_workload AND (w.covers_all OR w.owner_role = of_owner)
		   OR event.session_id IS NULL AND w.covers_all AND w.workload_id IN (
			  SELECT k.id FROM federated.workloads k
			  WHERE k.id::text = event.detail ->> 'workload_id' OR k.name = event.detail ->> 'workload'))
	-- Not one that is being ended: the foreign key would be an error here.
	FOR KEY SHARE OF w;
	IF FOUND THEN
		PERFORM federated.wake_webhook();
	END IF;
END
$$;
COMMENT ON FUNCTION federated.queue_webhooks(federated.events) IS 'Part of federated.log_event(): a row in the outbox for each subscription to this event';

-- What is sent ---------------------------------------------------------------------------------------------

CREATE FUNCTION federated.webhook_body(delivery federated.webhook_deliveries) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT json_build_object(
			'id', $1.id, 'event', e.kind, 'event_id', e.id, 'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
			'session_id', e.session_id, 'session', s.name, 'workload_id', w.id, 'workload', w.name, 'actor', e.actor, 'detail', e.detail)::text
		FROM federated.events e
		LEFT JOIN federated.sessions s ON s.id = e.session_id
		LEFT JOIN federated.workloads w ON w.id = coalesce(s.workload_id, (SELECT h.workload_id FROM federated.webhooks h WHERE h.id = $1.webhook_id))
		WHERE e.id = $1.event_id);
END
$$;
COMMENT ON FUNCTION federated.webhook_body(federated.webhook_deliveries) IS 'Body of the requests of a delivery, the same at every attempt';

CREATE FUNCTION federated.webhook_signature(webhook_id bigint, message text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT string_agg('v1=' || encode(federated.sign($2, convert_to(s.secret, 'UTF8')), 'hex'), ',' ORDER BY s.id DESC)
		FROM federated.webhook_secrets s WHERE s.webhook_id = $1 AND (s.expires_at IS NULL OR s.expires_at > now()));
END
$$;
COMMENT ON FUNCTION federated.webhook_signature(bigint, text) IS
	'Header Federated-Signature: an HMAC with SHA-256 by each secret that counts, the newest first';

-- Leasing: what is being sent is nobody else's until its lease ends --------------------------------------------

-- Only plain index scans leave out, from the second on, entries of rows that were updated since.
CREATE FUNCTION federated.due_webhooks(room integer) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_bitmapscan = off
SET enable_seqscan = off
AS $$
DECLARE
	at_once CONSTANT integer := federated.setting('webhook_receiver_connections')::integer;
BEGIN
	-- In turns among receivers, each up to its limit: one that is slow holds up none but itself. After
	-- a failure one request at a time finds out whether it is back.
	RETURN QUERY
	WITH busy AS (
		SELECT w.receiver, count(*) AS requests
		FROM federated.webhook_deliveries d JOIN federated.webhooks w ON w.id = d.webhook_id
		WHERE d.state = 'sending' AND d.due_at > now() GROUP BY w.receiver
	), due AS (
		SELECT d.id, w.receiver, bool_or(w.failures > 0) OVER (PARTITION BY w.receiver) AS failing,
			   row_number() OVER (PARTITION BY w.receiver ORDER BY d.due_at, d.event_id) AS place
		FROM federated.live_webhooks w
		CROSS JOIN LATERAL (SELECT d.id, d.due_at, d.event_id FROM federated.webhook_deliveries d
							WHERE d.webhook_id = w.id AND d.state IN ('pending', 'sending') AND d.due_at <= now()
							ORDER BY d.due_at LIMIT at_once) d
		WHERE w.retry_after IS NULL OR w.retry_after <= now()
	)
	SELECT due.id FROM due LEFT JOIN busy USING (receiver)
	WHERE due.place + coalesce(busy.requests, 0) <= CASE WHEN due.failing THEN 1 ELSE at_once END
	ORDER BY due.place LIMIT room;
END
$$;
COMMENT ON FUNCTION federated.due_webhooks(integer) IS 'Deliveries to send now, so many at most';

CREATE FUNCTION federated.lease_webhooks(room integer, OUT id uuid, OUT attempt integer, OUT url text, OUT stamp bigint,
	OUT signature text, OUT body bytea) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- a request ends by itself long before
	lease CONSTANT interval := make_interval(secs => federated.setting('webhook_timeout')::float8 / 1000 + 10);
	now_stamp CONSTANT bigint := extract(epoch FROM clock_timestamp())::bigint;
	due CONSTANT uuid[] := ARRAY(SELECT federated.due_webhooks(room));
BEGIN
	-- What is leased and lost in a crash is leased again.
	PERFORM federated.make_lazy();
	RETURN QUERY
	WITH mine AS MATERIALIZED (
		SELECT d.id FROM federated.webhook_deliveries d
		WHERE d.id = ANY (due) AND d.state IN ('pending', 'sending') AND d.due_at <= now()
		FOR UPDATE SKIP LOCKED
	), leased AS (
		UPDATE federated.webhook_deliveries d SET state = 'sending', attempts = d.attempts + 1, due_at = now() + lease
		FROM mine WHERE d.id = mine.id RETURNING d.*
	)
	SELECT l.id, l.attempts, w.url, now_stamp, federated.webhook_signature(w.id, now_stamp || '.' || b.body), convert_to(b.body, 'UTF8')
	FROM leased l JOIN federated.webhooks w ON w.id = l.webhook_id
	CROSS JOIN LATERAL (SELECT federated.webhook_body(l) AS body OFFSET 0) b
	ORDER BY l.event_id;
END
$$;
COMMENT ON FUNCTION federated.lease_webhooks(integer) IS
	'Take deliveries to send them: URL, headers and body, signed as of now. They are due again if no outcome is recorded';

CREATE FUNCTION federated.next_webhook() RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT min(greatest(w.retry_after, d.due_at)) FROM federated.live_webhooks w
			CROSS JOIN LATERAL (SELECT min(d.due_at) AS due_at FROM federated.webhook_deliveries d
								WHERE d.webhook_id = w.id AND d.state IN ('pending', 'sending')) d
			WHERE d.due_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION federated.next_webhook() IS 'When the next delivery is due; NULL: there is none';

-- What became of it ----------------------------------------------------------------------------------------------

CREATE FUNCTION federated.retry_delay(failures integer) RETURNS interval
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	-- between half and one and a half of it: receivers that failed together are not tried together
	SELECT least(federated.setting('webhook_retry_delay')::float8 * 2 ^ least($1 - 1, 30), 3600000) * (0.5 + random()) * interval '1 ms'
$$;
COMMENT ON FUNCTION federated.retry_delay(integer) IS 'How long to wait after so many failures in a row';

-- The chain comes before the subscription, which is locked here already: who has
-- the chain may wait for it. So this waits a moment only; the next 410 tries again.
CREATE FUNCTION federated.disable_webhook(webhook_id bigint, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	patience text := current_setting('lock_timeout');
	webhook federated.webhooks;
BEGIN
	PERFORM set_config('lock_timeout', '100ms', true);
	UPDATE federated.webhooks w SET disabled_at = now(), disabled_reason = reason
	WHERE w.id = disable_webhook.webhook_id AND w.disabled_at IS NULL RETURNING * INTO webhook;
	IF FOUND THEN
		UPDATE federated.webhook_deliveries d SET state = 'dead' WHERE d.webhook_id = webhook.id AND d.state = 'pending';
		PERFORM federated.log_webhook(webhook, 'webhook_disabled');
		PERFORM federated.make_durable();
	END IF;
	PERFORM set_config('lock_timeout', patience, true);
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION federated.disable_webhook(bigint, text) IS
	'End sending to a receiver until its owner says otherwise; false if somebody was in the way';

CREATE FUNCTION federated.record_webhook(id uuid, attempt integer, status integer, error text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ok CONSTANT boolean := coalesce(status BETWEEN 200 AND 299, false);
	gone CONSTANT boolean := coalesce(status = 410, false);
	subscription bigint;
BEGIN
	-- Whose lease has ended says nothing any more, unless that it arrived.
	UPDATE federated.webhook_deliveries d
	SET state = CASE WHEN ok THEN 'delivered'
					 WHEN gone OR d.attempts >= federated.setting('webhook_max_attempts')::integer THEN 'dead' ELSE 'pending' END,
		status = record_webhook.status, error = record_webhook.error,
		due_at = CASE WHEN ok THEN d.due_at ELSE now() + federated.retry_delay(d.attempts) END,
		finished_at = CASE WHEN ok THEN now() END
	WHERE d.id = record_webhook.id AND d.state = 'sending' AND (ok OR d.attempts = attempt)
	RETURNING d.webhook_id INTO subscription;

	IF gone THEN
		PERFORM federated.disable_webhook(subscription, 'the receiver answered 410 Gone');
	ELSIF ok THEN
		UPDATE federated.webhooks w SET failures = 0, retry_after = NULL WHERE w.id = subscription AND w.failures > 0;
	ELSE
		-- One failure may be one event's; after several the receiver is left alone.
		UPDATE federated.webhooks w SET failures = w.failures + 1,
			retry_after = CASE WHEN w.failures >= 2 THEN now() + least(federated.retry_delay(w.failures - 1), interval '1 minute') END
		WHERE w.id = subscription;
	END IF;
END
$$;
COMMENT ON FUNCTION federated.record_webhook(uuid, integer, integer, text) IS
	'Outcome of one attempt: delivered, again later, or dead after federated.webhook_max_attempts';

CREATE FUNCTION federated.record_webhooks(ids uuid[], attempts integer[], statuses integer[], errors text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	locked bigint[];
BEGIN
	-- An outcome that is lost in a crash means one more request, which says that it is one.
	PERFORM federated.make_lazy();
	-- A subscription before its deliveries. One that its owner is changing is not waited for, as all others
	-- would wait with it: its outcome is lost, and the delivery is due again when its lease ends.
	locked := ARRAY(SELECT w.id FROM federated.webhooks w
					WHERE w.id IN (SELECT d.webhook_id FROM federated.webhook_deliveries d WHERE d.id = ANY (ids))
					ORDER BY w.id FOR NO KEY UPDATE SKIP LOCKED);
	PERFORM federated.record_webhook(o.id, o.attempt, o.status, o.error)
	FROM unnest(ids, attempts, statuses, errors) o(id, attempt, status, error)
	JOIN federated.webhook_deliveries d ON d.id = o.id
	WHERE d.webhook_id = ANY (locked);
END
$$;
COMMENT ON FUNCTION federated.record_webhooks(uuid[], integer[], integer[], text[]) IS 'Outcomes of several attempts';

-- Again --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION federated.revive_webhook(webhook federated.webhooks) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE federated.webhooks w SET disabled_at = NULL, disabled_reason = NULL, failures = 0, retry_after = NULL WHERE w.id = $1.id;
	SELECT federated.wake_webhook();
$$;
COMMENT ON FUNCTION federated.revive_webhook(federated.webhooks) IS 'Send to a receiver again, now: its owner says that it is well';

CREATE FUNCTION @extschema@.federated_replay_webhook(delivery uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.webhook_deliveries;
BEGIN
	PERFORM federated.require_role('federated_creator', 'replay a webhook');
	PERFORM federated.require_argument('delivery', delivery);
	SELECT * INTO found_row FROM federated.webhook_deliveries d WHERE d.id = delivery;
	IF NOT FOUND OR NOT EXISTS (SELECT FROM federated.webhooks w
								WHERE w.id = found_row.webhook_id AND federated.sees_webhooks_of(w.owner_role)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('delivery %s does not exist', delivery);
	END IF;
	PERFORM federated.revive_webhook(federated.get_webhook(found_row.webhook_id, 'replay a webhook'));
	UPDATE federated.webhook_deliveries d SET state = 'pending', attempts = 0, due_at = now(), finished_at = NULL
	WHERE d.id = delivery AND d.state IN ('delivered', 'dead');
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('delivery %s is still to be sent', delivery),
			DETAIL = format('Its state was "%s"; dead and delivered ones can be sent again.', found_row.state);
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_replay_webhook(uuid) IS 'Send a delivery, dead or delivered, once more, with its old id';

CREATE FUNCTION @extschema@.federated_replay_dead_webhooks(id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	webhook CONSTANT federated.webhooks := federated.get_webhook(id, 'replay webhooks');
	replayed bigint;
BEGIN
	PERFORM federated.revive_webhook(webhook);
	UPDATE federated.webhook_deliveries d SET state = 'pending', attempts = 0, due_at = now()
	WHERE d.webhook_id = webhook.id AND d.state = 'dead';
	GET DIAGNOSTICS replayed = ROW_COUNT;
	RETURN replayed;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_replay_dead_webhooks(bigint) IS
	'Send all dead deliveries of a subscription again, and enable it if it was disabled; returns how many';
GRANT EXECUTE ON FUNCTION @extschema@.federated_replay_webhook(uuid), @extschema@.federated_replay_dead_webhooks(bigint)
	TO federated_admin, federated_creator;

-- Housekeeping and monitoring ----------------------------------------------------------------------------------------------

CREATE FUNCTION federated.forget_webhooks() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	keep CONSTANT interval := make_interval(secs => federated.setting('webhook_retention')::float8);
BEGIN
	DELETE FROM federated.webhook_deliveries d
	WHERE d.id IN (SELECT o.id FROM federated.webhook_deliveries o WHERE o.state = 'delivered' AND o.finished_at < now() - keep
				   ORDER BY o.finished_at LIMIT 10000);
	DELETE FROM federated.webhook_secrets s WHERE s.expires_at < now();
	-- Of an ended session nothing more is to come.
	DELETE FROM federated.webhooks w
	WHERE w.id IN (SELECT o.id FROM federated.webhooks o JOIN federated.sessions s ON s.id = o.session_id
				   WHERE s.finished_at < now() - keep
					 AND NOT EXISTS (SELECT FROM federated.webhook_deliveries d WHERE d.webhook_id = o.id)
				   FOR UPDATE OF o SKIP LOCKED);
END
$$;
COMMENT ON FUNCTION federated.forget_webhooks() IS
	'Housekeeping: deliveries that arrived longer than federated.webhook_retention ago, ten thousand at a time; subscriptions to sessions that ended then; secrets that have expired';

CREATE FUNCTION federated.check_webhooks() RETURNS TABLE ("check" text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting bigint := (SELECT count(*) FROM federated.webhook_deliveries d WHERE d.state IN ('pending', 'sending'));
	late bigint := (SELECT count(*) FROM federated.webhook_deliveries d
					WHERE d.state IN ('pending', 'sending') AND d.due_at < now() - interval '5 minutes');
	dead bigint := (SELECT count(*) FROM federated.webhook_deliveries d WHERE d.state = 'dead');
	mute bigint := (SELECT count(*) FROM federated.webhooks w WHERE w.disabled_at IS NULL
					AND NOT EXISTS (SELECT FROM federated.live_webhooks l WHERE l.id = w.id));
BEGIN
	RETURN QUERY SELECT 'webhooks', late = 0 AND dead = 0 AND mute = 0,
		format('%s to be sent, %s of them late; %s dead; %s subscriptions without a secret made here', waiting, late, dead, mute),
		CASE WHEN mute > 0 THEN 'A dump holds no secrets, and a copy leaves sending to the original: SELECT federated_rotate_webhook_secret(id) and tell the receiver.'
			 WHEN late > 0 AND NOT federated.setting('webhooks')::boolean THEN 'Set federated.webhooks = on and reload.'
			 WHEN late > 0 THEN 'SELECT webhook_id, status, error FROM federated.webhook_deliveries WHERE state = ''pending''; max_worker_processes may be too low.'
			 WHEN dead > 0 THEN 'SELECT webhook_id, status, error FROM federated.webhook_deliveries WHERE state = ''dead''; then federated_replay_dead_webhooks(id) or federated_unsubscribe(id).' END;
END
$$;
COMMENT ON FUNCTION federated.check_webhooks() IS 'The check of federated.health() on webhooks';

CREATE FUNCTION federated.measure_webhooks() RETURNS SETOF federated.measurement
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'webhooks', 'gauge', 'Subscriptions: enabled, disabled.', jsonb_build_object('state', state), count(w.id)
	FROM unnest('{enabled,disabled}'::text[]) state
	LEFT JOIN federated.webhooks w ON (CASE WHEN w.disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END) = state GROUP BY state
	UNION ALL
	SELECT 'webhook_deliveries', 'gauge', 'Deliveries to subscribers by state; delivered ones are forgotten after federated.webhook_retention.',
		   jsonb_build_object('state', state), count(d.id)
	FROM unnest('{pending,sending,delivered,dead}'::text[]) state LEFT JOIN federated.webhook_deliveries d USING (state) GROUP BY state
	UNION ALL
	SELECT 'webhook_oldest_seconds', 'gauge', 'How long the oldest delivery that is not dead has waited to arrive.', '{}',
		   coalesce(extract(epoch FROM now() - min(d.created_at)), 0)
	FROM federated.webhook_deliveries d WHERE d.state IN ('pending', 'sending')
$$;
COMMENT ON FUNCTION federated.measure_webhooks() IS 'Figures of webhooks';
