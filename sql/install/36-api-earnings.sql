-- Endpoints: what Islands have earned ----------------------------------------------------------------------------------------
-- Requests may not ask for sums, and the payments of a long session are many.

CREATE VIEW federated_api.earnings WITH (security_invoker = true) AS
SELECT l.session_id, l.host_id, count(*) AS updates, sum(l.credits) AS credits
FROM federated.ledger_entries l
WHERE l.kind = 'payment'
GROUP BY l.session_id, l.host_id;
COMMENT ON VIEW federated_api.earnings IS 'What each Island was paid in each session so far, as far as the caller sees the payments';

GRANT SELECT ON federated_api.earnings TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;
