-- What each update contributed --------------------------------------------------------------------
-- From the products that aggregation stored with the slices of the result, added
-- up in the order of the slices: the same bits, whoever made them and in what
-- chunks. With a for what the updates made together, before the server's step,
-- x for an update, w for its weight:
--   cosine        = a x / (|a| |x|)
--   norm_share    = w |x| / sum of w |x| over all; w = 1 where weights are ignored
--   leave_one_out = |a - b| / |a|, b being the mean of the others
--                 = w / (1 - w) |a - x| / |a|, where a is the weighted mean

CREATE FUNCTION federated.round_products(round federated.rounds, OUT "position" bigint, OUT product float8)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.place, sum(p.product ORDER BY s.slice_no)
	FROM federated.model_versions v
	JOIN federated.slices s ON s.vector_id = v.vector_id
	CROSS JOIN LATERAL unnest(s.products) WITH ORDINALITY p(product, place)
	WHERE v.id = $1.result_version_id
	GROUP BY p.place
$$;
COMMENT ON FUNCTION federated.round_products(federated.rounds) IS
	'Products of what a round''s updates made together with each of them, by position, and behind the last with itself; none if they were not measured';

CREATE FUNCTION federated.contributions_of(round federated.rounds, OUT update_id bigint, OUT cosine float8, OUT norm_share float8,
										   OUT leave_one_out float8)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH products AS (
		SELECT * FROM federated.round_products($1)
	), measured AS (
		SELECT u.id, u.position, u.norm AS x, u.weight AS w, p.product AS ax, sqrt(self.product) AS a, rule.mean,
			   CASE WHEN rule.mean THEN u.weight ELSE 1 END * u.norm AS pull
		FROM federated.updates u
		JOIN products p ON p.position = u.position
		CROSS JOIN (SELECT product FROM products ORDER BY position DESC LIMIT 1) self
		CROSS JOIN (SELECT s.config ->> 'aggregation' = 'mean' AS mean FROM federated.sessions s WHERE s.id = $1.session_id) rule
		WHERE u.round_id = $1.id
	)
	SELECT m.id,
		   -- rounding must not make it more than 1
		   CASE WHEN m.a > 0 AND m.x > 0 THEN greatest(-1, least(1, m.ax / (m.a * m.x))) END,
		   m.pull / nullif(sum(m.pull) OVER (ORDER BY m.position ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), 0),
		   CASE WHEN m.mean AND m.w < 1 AND m.a > 0 THEN m.w / (1 - m.w) * sqrt(m.apart) / m.a END
	FROM (SELECT *,
				 -- the square of the distance; what cancellation leaves of equal ones is none
				 CASE WHEN abs(a * a - 2 * ax + x * x) > 1e-12 * a * a THEN greatest(0, a * a - 2 * ax + x * x) ELSE 0 END AS apart
		  FROM measured) m
$$;
COMMENT ON FUNCTION federated.contributions_of(federated.rounds) IS
	'What each update of a round contributed; no rows if it was not measured';

CREATE FUNCTION federated.store_contributions(round federated.rounds) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE federated.updates u SET cosine = c.cosine, norm_share = c.norm_share, leave_one_out = c.leave_one_out
	FROM federated.contributions_of($1) c WHERE u.id = c.update_id
$$;
COMMENT ON FUNCTION federated.store_contributions(federated.rounds) IS
	'Keep what each update of a round that is being closed has contributed';

CREATE VIEW federated.contributions WITH (security_invoker = true) AS
SELECT r.session_id, r.round_no AS round, i.host_id, u.num_samples, u.weight, u.norm, u.cosine, u.norm_share, u.leave_one_out
FROM federated.updates u
JOIN federated.rounds r ON r.id = u.round_id
JOIN federated.islands i ON i.id = u.island_id
WHERE r.kind = 'train' AND u.state = 'accepted';
COMMENT ON VIEW federated.contributions IS 'What each Island contributed to each round; an Island sees its own';
GRANT SELECT ON federated.contributions
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
