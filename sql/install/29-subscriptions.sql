-- Subscriptions: who is told of which events, and with which secret -------------------------------------

CREATE TABLE federated.webhooks (
	id				bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	url				text NOT NULL,
	receiver		text NOT NULL,
	events			text[] NOT NULL,
	session_id		uuid REFERENCES federated.sessions ON DELETE CASCADE,
	workload_id		bigint REFERENCES federated.workloads ON DELETE CASCADE,
	owner_role		text NOT NULL,
	covers_all		boolean NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now(),
	disabled_at		timestamptz,
	disabled_reason	text,
	failures		integer NOT NULL DEFAULT 0,
	retry_after		timestamptz,
	CHECK (num_nonnulls(session_id, workload_id) = 1)
);
CREATE INDEX ON federated.webhooks (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX ON federated.webhooks (workload_id) WHERE workload_id IS NOT NULL;
COMMENT ON TABLE federated.webhooks IS 'Subscriptions: receivers that are told of events over HTTPS';
COMMENT ON COLUMN federated.webhooks.receiver IS 'Scheme, host and port of the URL: what shares one limit of requests at a time';
COMMENT ON COLUMN federated.webhooks.events IS 'Kinds of events; {*} is every kind';
COMMENT ON COLUMN federated.webhooks.workload_id IS 'The sessions of this workload; session_id is NULL then';
COMMENT ON COLUMN federated.webhooks.covers_all IS 'Made by an administrator: also the sessions of others, and what is in no session';
COMMENT ON COLUMN federated.webhooks.disabled_at IS 'Since when nothing is sent or queued';
COMMENT ON COLUMN federated.webhooks.failures IS 'Requests in a row that failed';
COMMENT ON COLUMN federated.webhooks.retry_after IS 'After failures in a row: no request before';

CREATE TABLE federated.webhook_secrets (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	webhook_id	bigint NOT NULL REFERENCES federated.webhooks ON DELETE CASCADE,
	secret		text NOT NULL CHECK (length(secret) >= 43),
	system_identifier bigint NOT NULL,
	database_oid oid NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	expires_at	timestamptz
);
CREATE INDEX ON federated.webhook_secrets (webhook_id);
CREATE UNIQUE INDEX ON federated.webhook_secrets (webhook_id) WHERE expires_at IS NULL;
COMMENT ON TABLE federated.webhook_secrets IS 'Keys that sign requests to receivers. Never dumped, readable by nobody';
COMMENT ON COLUMN federated.webhook_secrets.system_identifier IS 'Cluster in which it was made; a copy elsewhere sends nothing with it';
COMMENT ON COLUMN federated.webhook_secrets.expires_at IS 'Replaced: signs beside the new one until then';

ALTER TABLE federated.webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.webhook_secrets ENABLE ROW LEVEL SECURITY;

-- The path of a URL may be a secret of the receiver: for the owner and administrators only.
CREATE FUNCTION federated.sees_webhooks_of(owner_role text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN owner_role = federated.caller_name() OR federated.caller_is('federated_admin');
END
$$;
COMMENT ON FUNCTION federated.sees_webhooks_of(text) IS 'Whether the caller may see the subscriptions of an owner';
GRANT EXECUTE ON FUNCTION federated.sees_webhooks_of(text) TO federated_admin, federated_creator;

CREATE POLICY read_visible ON federated.webhooks FOR SELECT TO federated_admin, federated_creator
	USING (federated.sees_webhooks_of(owner_role));
GRANT SELECT ON federated.webhooks TO federated_admin, federated_creator;

-- A restored database has the subscriptions and not the keys: nothing is sent unsigned. A copy of
-- the database has the keys, and leaves sending to the original.
CREATE VIEW federated.live_webhooks WITH (security_invoker = true) AS
SELECT w.* FROM federated.webhooks w
WHERE w.disabled_at IS NULL
  AND EXISTS (SELECT FROM federated.webhook_secrets s JOIN federated.cluster_identity() c USING (system_identifier, database_oid)
			  WHERE s.webhook_id = w.id);
COMMENT ON VIEW federated.live_webhooks IS 'Subscriptions that can be sent to: not disabled, and with a secret that was made here';

-- What is given ----------------------------------------------------------------------------------------

CREATE FUNCTION federated.refuse_url(problem text, allowed text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('argument "url" %s', problem),
		DETAIL = allowed;
END
$$;
COMMENT ON FUNCTION federated.refuse_url(text, text) IS 'Refuse (22023) the URL of a receiver; what it was is not repeated, it may hold a secret';

CREATE FUNCTION federated.url_receiver(url text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part CONSTANT text[] := regexp_match(url, '^(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?([/?][!-~]*)?$', 'i');
	scheme CONSTANT text := lower(part[1]);
	port CONSTANT integer := coalesce(part[4], CASE scheme WHEN 'http' THEN '80' ELSE '443' END)::integer;
BEGIN
	PERFORM federated.require_argument('url', url);
	IF length(url) > 2000 THEN
		PERFORM federated.refuse_url('is too long', format('Given %s characters; allowed are 2000.', length(url)));
	ELSIF url ~ '^[^/]*//[^/?#]*@' THEN
		PERFORM federated.refuse_url('holds a name or password',
			'Requests are signed: see the header Federated-Signature. A secret path is possible.');
	ELSIF part IS NULL OR url ~ '[#\\"<>]' THEN
		PERFORM federated.refuse_url('is not valid', 'Expected https://HOST[:PORT][/PATH][?QUERY], in ASCII, without a fragment.');
	ELSIF scheme = 'http' AND NOT federated.setting('webhook_allow_http')::boolean THEN
		PERFORM federated.refuse_url('is not https', 'Only https is allowed while federated.webhook_allow_http is off.');
	ELSIF port NOT IN (80, 443) AND port NOT BETWEEN 1024 AND 65535 THEN
		PERFORM federated.refuse_url('has a port that is not allowed', format('Given %s; allowed are 80, 443 and 1024 to 65535.', port));
	END IF;
	RETURN format('%s://%s:%s', scheme, rtrim(lower(part[2]), '.'), port);
END
$$;
COMMENT ON FUNCTION federated.url_receiver(text) IS
	'Scheme, host and port of a URL that may be subscribed, or an error (22004, 22023). Addresses are checked when it is called';

CREATE FUNCTION federated.require_event_kinds(events text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text;
BEGIN
	PERFORM federated.require_argument('events', events);
	IF cardinality(events) NOT BETWEEN 1 AND 50 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "events" is not valid',
			DETAIL = format('Given %s kinds; allowed are 1 to 50.', cardinality(events));
	END IF;
	FOREACH kind IN ARRAY events
	LOOP
		-- Later versions log other kinds: no list of today's is held against it.
		IF kind IS NULL OR kind !~ '^(\*|[a-z][a-z0-9_]{0,62})$' THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'argument "events" is not valid',
				DETAIL = format('Given %s; allowed are kinds of events, such as round_closed, and * for all.',
								coalesce(format('"%s"', left(kind, 100)), 'null'));
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.require_event_kinds(text[]) IS 'Refuse (22004, 22023) what cannot be a list of kinds of events';

CREATE FUNCTION federated.get_webhook(id bigint, action text) RETURNS federated.webhooks
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.webhooks;
BEGIN
	PERFORM federated.require_role('federated_creator', action);
	PERFORM federated.require_argument('id', id);
	SELECT * INTO found_row FROM federated.webhooks w WHERE w.id = get_webhook.id;
	-- What somebody may not see does not exist for them.
	IF NOT FOUND OR NOT federated.sees_webhooks_of(found_row.owner_role) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('webhook %s does not exist', id);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_webhook(bigint, text) IS 'A subscription of the caller''s, or any for an administrator; otherwise an error (P0002, 42501)';

-- Subscribing ------------------------------------------------------------------------------------------

CREATE FUNCTION federated.add_webhook_secret(webhook_id bigint) RETURNS text
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO federated.webhook_secrets (webhook_id, secret, system_identifier, database_oid)
	SELECT $1, federated.base64url(federated.random_bytes(32)), c.system_identifier, c.database_oid
	FROM federated.cluster_identity() c RETURNING secret
$$;
COMMENT ON FUNCTION federated.add_webhook_secret(bigint) IS 'A new key of a subscription, to be handed out once';

CREATE FUNCTION federated.log_webhook(webhook federated.webhooks, kind text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.log_event($1.session_id, $2, jsonb_build_object(
		'webhook_id', $1.id, 'receiver', $1.receiver, 'workload_id', $1.workload_id, 'events', to_jsonb($1.events),
		'reason', $1.disabled_reason))
$$;
COMMENT ON FUNCTION federated.log_webhook(federated.webhooks, text) IS 'An event about a subscription; it names the receiver, not the URL';

CREATE FUNCTION federated.require_webhook_room() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner CONSTANT text := federated.caller_name();
	allowed CONSTANT integer := federated.setting('webhook_limit')::integer;
	held integer;
BEGIN
	-- two calls at once would both find room for one
	PERFORM pg_advisory_xact_lock(hashtextextended('federated webhooks of ' || owner, 0));
	held := (SELECT count(*) FROM federated.webhooks w LEFT JOIN federated.sessions s ON s.id = w.session_id
			 WHERE w.owner_role = owner AND s.finished_at IS NULL);
	IF held >= allowed THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'too many webhooks',
			DETAIL = format('"%s" has %s; federated.webhook_limit is %s.', owner, held, allowed),
			HINT = 'federated_unsubscribe(id) removes one; those of ended sessions do not count.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_webhook_room() IS 'Refuse (55000) another subscription of an owner who has as many as may be';

CREATE FUNCTION @extschema@.federated_subscribe(url text, events text[], session_id uuid DEFAULT NULL, workload_id bigint DEFAULT NULL,
	OUT id bigint, OUT secret text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	receiver text;
	made federated.webhooks;
BEGIN
	PERFORM federated.require_role('federated_creator', 'subscribe to events');
	IF num_nonnulls(session_id, workload_id) <> 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a webhook is about one session or one workload',
			DETAIL = format('Given session_id %s and workload_id %s.', coalesce(session_id::text, 'null'), coalesce(workload_id::text, 'null'));
	ELSIF session_id IS NOT NULL THEN
		PERFORM federated.require_owner((federated.get_session(session_id)).owner_role, format('subscribe to session %s', session_id));
	ELSE
		PERFORM federated.require_owner((federated.get_workload(workload_id)).owner_role, format('subscribe to workload %s', workload_id));
	END IF;
	receiver := federated.url_receiver(url);
	PERFORM federated.require_event_kinds(events);
	PERFORM federated.require_webhook_room();

	INSERT INTO federated.webhooks (url, receiver, events, session_id, workload_id, owner_role, covers_all)
	VALUES (url, receiver, events, session_id, workload_id, federated.caller_name(), federated.caller_is('federated_admin'))
	RETURNING * INTO made;
	id := made.id;
	secret := federated.add_webhook_secret(made.id);
	PERFORM federated.log_webhook(made, 'webhook_subscribed');
	PERFORM federated.make_durable();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_subscribe(text, text[], uuid, bigint) IS
	'Have events of a session, or of a workload''s sessions, sent to a URL. The secret, which signs the requests, is shown this once';

CREATE FUNCTION @extschema@.federated_unsubscribe(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	webhook CONSTANT federated.webhooks := federated.get_webhook(id, 'end a webhook');
BEGIN
	-- In the order of whoever logs an event for it: chain, subscription.
	PERFORM federated.log_webhook(webhook, 'webhook_unsubscribed');
	DELETE FROM federated.webhooks w WHERE w.id = webhook.id;
	IF NOT FOUND THEN
		PERFORM federated.get_webhook(id, 'end a webhook');
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_unsubscribe(bigint) IS 'End a subscription; what has not been sent yet is not sent any more';

CREATE FUNCTION @extschema@.federated_rotate_webhook_secret(id bigint, overlap interval DEFAULT '1 day') RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	webhook federated.webhooks := federated.get_webhook(id, 'rotate the secret of a webhook');
	made text;
BEGIN
	PERFORM federated.require_argument('overlap', overlap);
	IF overlap < interval '0' OR overlap > interval '30 days' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "overlap" is out of range',
			DETAIL = format('Given %s; allowed 0 to 30 days.', overlap);
	END IF;
	-- The chain's lock serialises rotations, and comes before the subscription.
	PERFORM federated.log_webhook(webhook, 'webhook_secret_rotated');
	PERFORM federated.get_webhook(id, 'rotate the secret of a webhook');
	-- No more than two sign: the new one and the one before it.
	DELETE FROM federated.webhook_secrets s WHERE s.webhook_id = webhook.id AND (s.expires_at IS NOT NULL OR overlap = interval '0');
	UPDATE federated.webhook_secrets s SET expires_at = now() + overlap WHERE s.webhook_id = webhook.id AND s.expires_at IS NULL;
	made := federated.add_webhook_secret(webhook.id);
	PERFORM federated.wake_webhook(); -- after a restore there was none
	PERFORM federated.make_durable();
	RETURN made;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_rotate_webhook_secret(bigint, interval) IS
	'A new secret, shown this once. For as long as overlap the old one signs as well, so that a receiver can change over';

GRANT EXECUTE ON FUNCTION @extschema@.federated_subscribe(text, text[], uuid, bigint), @extschema@.federated_unsubscribe(bigint),
	@extschema@.federated_rotate_webhook_secret(bigint, interval) TO federated_admin, federated_creator;
