-- Secrets out of the shares of 128 Islands, the most there can be, of whom some
-- lie: who lies about all is searched for once, and the state machine, which
-- holds locks meanwhile, is neither kept for long nor deaf.
\set SHOW_CONTEXT never
BEGIN;
-- Not through the messages of Islands, which is what the part "secagg" tests.
SET LOCAL session_replication_role = replica;

-- Of each owner 128 shares, all of them its secret itself: a polynomial without coefficients.
CREATE FUNCTION test.sharing(kind text, liars integer[]) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	c0 CONSTANT bytea := sha256('c0');
	made bigint;
BEGIN
	INSERT INTO federated.secagg_attempts (session_id, round_id, round_no, attempt, state, mode, base, c0, range, levels, clip, noise_var,
										   aux_noise_var, n, t, ctx, sets, system_identifier, database_oid, timeline)
	VALUES (gen_random_uuid(), 0, 1, 1, 'reveal', 'active', c0, c0, 1, 16777216, 0, 0, 0, 128, federated.secagg_threshold('active', 128), c0, c0, 0, 0, 0)
	RETURNING id INTO made;
	INSERT INTO federated.secagg_members (attempt_id, island_id, u, pid, adv)
	SELECT made, u, u, pid, pid || sha256('c_pk') || sha256('m_pk')
		|| sha256('FSA1 commit'::bytea || '\x00' || c0 || pid || sha256(convert_to('b of ' || u, 'UTF8')))
	FROM generate_series(1, 128) u, LATERAL substr(sha256(convert_to('pid of ' || u, 'UTF8')), 1, 16) pid;
	INSERT INTO federated.secagg_owners SELECT made, u, sharing.kind FROM generate_series(1, 128) u;
	INSERT INTO federated.secagg_reveals
	SELECT made, owner, revealer, sharing.kind, revealer,
		   sha256(convert_to(CASE WHEN revealer = ANY (liars) THEN 'lie of ' || revealer || ' about ' ELSE 'b of ' END || owner, 'UTF8'))
	FROM generate_series(1, 128) owner, generate_series(1, 128) revealer;
	RETURN made;
END
$$;
CREATE FUNCTION test.recovered(attempt_id bigint) RETURNS TABLE (owners bigint, shares integer, recovered boolean, deviating integer[])
LANGUAGE sql
AS $$
	SELECT count(*), r.shares, r.recovered, r.deviating FROM federated.secagg_recover($1) r GROUP BY 2, 3, 4 ORDER BY 3, 2
$$;

SELECT federated.secagg_threshold('active', 128);
SELECT * FROM test.recovered(test.sharing('b', '{}'));
SELECT * FROM test.recovered(test.sharing('b', '{5}'));
-- each of the 128 searches would look at hundreds of subsets
SELECT * FROM test.recovered(test.sharing('b', '{1,27,53,79,105}'));

-- Nothing fits: 10,000 subsets are looked at, not as many for every owner.
SELECT test.sharing('sk', '{}') AS hopeless, clock_timestamp() AS began \gset
SELECT * FROM test.recovered(:hopeless);
SELECT clock_timestamp() - :'began' AS took \gset
SELECT :'took'::interval < interval '30 seconds' AS bounded;
SAVEPOINT before;
SET LOCAL statement_timeout = '10ms';
SELECT clock_timestamp() AS began \gset
SELECT * FROM test.recovered(:hopeless);
ROLLBACK TO before;
SELECT clock_timestamp() - :'began' < :'took'::interval / 2 AS interrupted;
ROLLBACK;
