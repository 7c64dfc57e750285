-- Accounts and credits -------------------------------------------------------------------
-- A credit is a number with six decimals. It is counted in millionths, as
-- bigint: sums are exact and have one order only.

CREATE FUNCTION federated.credits(micro numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT trim_scale($1 / 1000000) $$;
COMMENT ON FUNCTION federated.credits(numeric) IS 'Millionths of a credit as credits';

CREATE FUNCTION federated.is_exact(credits numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 NOT IN ('NaN', 'Infinity', '-Infinity') AND coalesce(scale(trim_scale($1)), 7) <= 6 $$;
COMMENT ON FUNCTION federated.is_exact(numeric) IS 'Whether a number of credits is a whole number of millionths';

CREATE FUNCTION federated.micro_credits(argument text, credits numeric) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument(argument, credits);
	IF NOT federated.is_exact(credits) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('argument "%s" is not a number of credits', argument),
			DETAIL = format('Given %s; allowed are at most six digits after the point.', left(credits::text, 100));
	ELSIF abs(credits) > 9000000000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'numeric_value_out_of_range',
			MESSAGE = format('argument "%s" is out of range', argument),
			DETAIL = format('Given %s credits; allowed are at most 9000000000000.', left(credits::text, 100));
	END IF;
	RETURN credits * 1000000;
END
$$;
COMMENT ON FUNCTION federated.micro_credits(text, numeric) IS
	'Credits as millionths, exactly, or an error (22004, 22023, 22003) that names the argument';

-- No foreign key leads from here: accounts would pull other tables before
-- events in a dump, by which federated.restoring() knows a restore.
CREATE TABLE federated.accounts (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind IN ('system', 'owner', 'island', 'escrow')),
	holder		text NOT NULL CHECK (holder <> ''),
	balance		bigint NOT NULL DEFAULT 0,
	opened_at	timestamptz NOT NULL DEFAULT now(),
	UNIQUE (kind, holder),
	CONSTRAINT escrow_never_negative CHECK (kind <> 'escrow' OR balance >= 0)
);
COMMENT ON TABLE federated.accounts IS 'Who can have credits: owners, Islands, the escrow of each session, and the system that all credits come from';
COMMENT ON COLUMN federated.accounts.kind IS 'owner: creators and owners of Islands, by role or token subject; island: an Island''s own; escrow: reserved by a session; system: minus all credits there are';
COMMENT ON COLUMN federated.accounts.holder IS 'Role or token subject; host_id; id of the session; "system"';
COMMENT ON COLUMN federated.accounts.balance IS 'Millionths of a credit; the sum of its postings in federated.ledger';

CREATE FUNCTION federated.find_account(kind text, holder text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT a.id FROM federated.accounts a WHERE a.kind = $1 AND a.holder = $2);
END
$$;
COMMENT ON FUNCTION federated.find_account(text, text) IS 'An account by its kind and holder; NULL if there is none';

CREATE FUNCTION federated.open_account(kind text, holder text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO federated.accounts (kind, holder) SELECT $1, $2
	WHERE federated.find_account($1, $2) IS NULL
	ON CONFLICT DO NOTHING;
	RETURN federated.find_account($1, $2);
END
$$;
COMMENT ON FUNCTION federated.open_account(text, text) IS 'An account by its kind and holder, opened if there is none';

CREATE FUNCTION federated.sees_account(kind text, holder text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE kind
		WHEN 'owner' THEN holder = federated.caller_name()
		WHEN 'island' THEN holder = (SELECT i.host_id FROM federated.islands i WHERE i.id = federated.caller_island())
		WHEN 'escrow' THEN EXISTS (SELECT FROM federated.sessions s
								   WHERE s.id = sees_account.holder::uuid AND s.owner_role = federated.caller_name())
		ELSE false END;
END
$$;
COMMENT ON FUNCTION federated.sees_account(text, text) IS 'Whether an account is the caller''s own, or of a session of the caller''s';
GRANT EXECUTE ON FUNCTION federated.sees_account(text, text), federated.credits(numeric)
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

ALTER TABLE federated.accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.accounts FOR SELECT TO federated_admin, federated_auditor USING (true);
CREATE POLICY read_own ON federated.accounts FOR SELECT
	TO federated_creator, federated_island, federated_viewer USING (federated.sees_account(kind, holder));
GRANT SELECT ON federated.accounts TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;
