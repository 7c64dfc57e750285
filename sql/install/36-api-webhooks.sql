-- Endpoints: webhooks --------------------------------------------------------------------------------------------------

CREATE VIEW federated_api.webhooks WITH (security_invoker = true) AS
SELECT w.id, w.url, w.events, w.session_id, w.workload_id, w.owner_role AS owner, w.created_at, w.disabled_at, w.disabled_reason,
	   w.failures, w.retry_after,
	   (SELECT count(*) FROM federated.webhook_deliveries d WHERE d.webhook_id = w.id AND d.state IN ('pending', 'sending')) AS pending,
	   (SELECT count(*) FROM federated.webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'dead') AS dead
FROM federated.webhooks w;
COMMENT ON VIEW federated_api.webhooks IS 'Subscriptions to events, without their secrets';

CREATE VIEW federated_api.webhook_deliveries WITH (security_invoker = true) AS
SELECT d.id, d.webhook_id, d.event_id, e.kind AS event, e.session_id, d.state, d.attempts, d.status, d.error, d.due_at, d.created_at, d.finished_at
FROM federated.webhook_deliveries d LEFT JOIN federated.events e ON e.id = d.event_id;
COMMENT ON VIEW federated_api.webhook_deliveries IS 'What was or will be sent to subscribers, and what became of it';
GRANT SELECT ON federated_api.webhooks, federated_api.webhook_deliveries TO federated_admin, federated_creator;

SELECT federated.define_endpoint('subscribe', 'url text, events text[], session_id uuid DEFAULT NULL, workload_id bigint DEFAULT NULL',
	'json', 'VOLATILE', '{creator}',
	'Have events of a session, or of a workload''s sessions, sent to a URL; answers 201 and the secret, which is shown this once', $$
	DECLARE
		made record;
	BEGIN
		SELECT * INTO made FROM @extschema@.federated_subscribe(url, events, session_id, workload_id);
		PERFORM federated.respond(201);
		RETURN (SELECT jsonb_build_object('secret', made.secret) || to_jsonb(w) FROM federated_api.webhooks w WHERE w.id = made.id)::json;
	END;$$);

SELECT federated.define_endpoint('unsubscribe', 'id bigint', 'json', 'VOLATILE', '{creator}',
	'End a subscription', $$
	PERFORM @extschema@.federated_unsubscribe(id);
	RETURN json_build_object('status', 'unsubscribed');$$);

SELECT federated.define_endpoint('rotate_webhook_secret', 'id bigint, overlap interval DEFAULT ''1 day''', 'json', 'VOLATILE', '{creator}',
	'A new secret, shown this once; the old one signs as well for as long as overlap', $$
	RETURN json_build_object('id', id, 'secret', @extschema@.federated_rotate_webhook_secret(id, overlap));$$);

SELECT federated.define_endpoint('replay_webhook', 'delivery uuid', 'json', 'VOLATILE', '{creator}',
	'Send a delivery once more', $$
	PERFORM @extschema@.federated_replay_webhook(delivery);
	RETURN (SELECT row_to_json(d) FROM federated_api.webhook_deliveries d WHERE d.id = delivery);$$);

SELECT federated.define_endpoint('replay_dead_webhooks', 'id bigint', 'json', 'VOLATILE', '{creator}',
	'Send all dead deliveries of a subscription again, and enable it', $$
	RETURN json_build_object('replayed', @extschema@.federated_replay_dead_webhooks(id));$$);
