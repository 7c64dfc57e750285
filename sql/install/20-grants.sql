-- Credits from the system, and whose an Island's are ---------------------------------------------

CREATE FUNCTION federated.account_to_grant(kind text, holder text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('holder', holder);
	PERFORM federated.require_argument('kind', kind);
	IF kind = 'island' THEN
		PERFORM federated.get_island(holder);
	ELSIF kind <> 'owner' OR holder = '' OR length(holder) > 200 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'there is no such account',
			DETAIL = format('Given kind "%s" and a holder of %s characters; allowed are the kinds owner and island, and 1 to 200 characters.',
							left(kind, 100), length(holder));
	END IF;
	RETURN federated.open_account(kind, holder);
END
$$;
COMMENT ON FUNCTION federated.account_to_grant(text, text) IS 'The account of an owner or an Island, or an error (22004, 22023, P0002)';

-- The same request once more is answered the same; another one under its key is refused.
CREATE FUNCTION federated.granted_before(request_key text, account_id bigint, amount bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known federated.ledger;
BEGIN
	SELECT * INTO known FROM federated.ledger l WHERE l.request_key = $1;
	IF known.id IS NOT NULL
		AND (CASE WHEN amount > 0 THEN known.to_account ELSE known.from_account END, known.amount) IS DISTINCT FROM (account_id, abs(amount)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'unique_violation',
			MESSAGE = format('request key "%s" was used for another grant', request_key);
	END IF;
	RETURN known.id;
END
$$;
COMMENT ON FUNCTION federated.granted_before(text, bigint, bigint) IS
	'The entry of the same grant under the same key; an error (23505) if the key was another grant''s';

CREATE FUNCTION @extschema@.federated_grant_credits(holder text, amount numeric, note text, kind text DEFAULT 'owner',
													request_key text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	account_id bigint;
	system_id bigint;
	micro bigint;
	entry_id bigint;
BEGIN
	PERFORM federated.require_role('federated_admin', 'grant credits');
	micro := federated.micro_credits('amount', amount);
	PERFORM federated.require_argument('note', note);
	IF micro = 0 OR request_key = '' OR length(request_key) > 200 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'this grant is not valid',
			DETAIL = 'The amount must not be 0, and a request key has 1 to 200 characters.';
	END IF;
	-- Whoever logs and then reserves or refunds has a chain before accounts: this one's, if a subscription ties the two.
	PERFORM federated.lock_chain(NULL);
	account_id := federated.account_to_grant(kind, holder);
	system_id := federated.open_account('system', 'system');
	PERFORM federated.lock_accounts(ARRAY[account_id, system_id]);
	entry_id := federated.granted_before(request_key, account_id, micro);
	IF entry_id IS NOT NULL THEN
		RETURN entry_id;
	ELSIF micro > 0 THEN
		entry_id := (federated.post('grant', system_id, ARRAY[account_id], ARRAY[micro], note => note, request_key => request_key))[1];
	ELSE
		PERFORM federated.require_credit(account_id, -micro);
		entry_id := (federated.post('grant', account_id, ARRAY[system_id], ARRAY[-micro], note => note, request_key => request_key))[1];
	END IF;
	PERFORM federated.log_event(NULL, 'credits_granted', jsonb_build_object(
		'entry_id', entry_id, 'kind', kind, 'holder', holder, 'credits', federated.credits(micro), 'note', note));
	PERFORM federated.make_durable();
	RETURN entry_id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_grant_credits(text, numeric, text, text, text) IS
	'Give an owner (or, kind "island", an Island''s own account) new credits, or take some back with a negative amount; the same request_key again changes nothing. Returns the ledger entry';
GRANT EXECUTE ON FUNCTION @extschema@.federated_grant_credits(text, numeric, text, text, text) TO federated_admin;

CREATE FUNCTION @extschema@.federated_set_island_account(host_id text, owner text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island federated.islands;
	new_account bigint;
BEGIN
	PERFORM federated.require_role('federated_admin', 'set the account of an Island');
	island := federated.get_island(host_id);
	PERFORM federated.lock_chain(NULL);
	new_account := CASE WHEN owner IS NULL THEN federated.open_account('island', host_id)
						ELSE federated.account_to_grant('owner', owner) END;
	UPDATE federated.islands i SET account_id = new_account WHERE i.id = island.id AND i.account_id <> new_account;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'island_account_set',
			jsonb_build_object('host_id', host_id, 'owner', coalesce(owner, 'its own account')));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_set_island_account(text, text) IS
	'Pay an Island''s owner (a role or token subject) for what it earns in rounds that are frozen from now on; NULL: the Island''s own account';
GRANT EXECUTE ON FUNCTION @extschema@.federated_set_island_account(text, text) TO federated_admin;
