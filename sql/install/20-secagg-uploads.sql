-- Secure aggregation: masked updates, where they differ from plain ones ------------------------

CREATE FUNCTION federated.masking_attempt(round_id bigint) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT a.attempt FROM federated.secagg_attempts a WHERE a.round_id = masking_attempt.round_id AND a.state = 'mask');
END
$$;
COMMENT ON FUNCTION federated.masking_attempt(bigint) IS 'Number of the attempt of a round that takes masked updates now; NULL when none does';

CREATE FUNCTION federated.secagg_attempt_of(round_id bigint) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT max(a.attempt) FROM federated.secagg_attempts a WHERE a.round_id = secagg_attempt_of.round_id);
END
$$;
COMMENT ON FUNCTION federated.secagg_attempt_of(bigint) IS 'Number of the newest attempt of a round; NULL: it sends no masked updates';

CREATE FUNCTION federated.masking_member(round federated.rounds, island_id bigint, OUT attempt federated.secagg_attempts,
										 OUT own federated.secagg_members)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT * INTO attempt FROM federated.secagg_attempts a
	WHERE a.round_id = round.id ORDER BY a.attempt DESC LIMIT 1 FOR SHARE;
	SELECT * INTO own FROM federated.secagg_members m
	WHERE m.attempt_id = attempt.id AND m.island_id = masking_member.island_id AND m.u IS NOT NULL;
END
$$;
COMMENT ON FUNCTION federated.masking_member(federated.rounds, bigint) IS
	'The newest attempt of a round that the caller shares, kept from changing, and the Island''s place in it';

CREATE FUNCTION federated.masking_obstacle(round federated.rounds, island_id bigint, known federated.updates, digest bytea,
										   encoding text, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	member record;
BEGIN
	SELECT * INTO member FROM federated.masking_member(round, island_id);
	IF (member.attempt).id IS NULL THEN
		IF encoding = 'uint32' THEN
			reason := 'wrong_encoding';
			detail := 'uint32 is for masked updates, and this session has no secure aggregation';
		END IF;
	ELSIF encoding <> 'uint32' THEN
		reason := 'wrong_encoding';
		detail := format('updates of this session are masked: uint32, not %s', encoding);
	ELSIF (member.attempt).state <> 'mask' THEN
		reason := 'secagg_stale';
		detail := format('attempt %s of round %s is in state "%s"; updates belong to "mask"',
						 (member.attempt).attempt, (member.attempt).round_no, (member.attempt).state);
	ELSIF (member.own).shared_at IS NULL THEN
		reason := 'secagg_stale';
		detail := 'this Island has sent no shares in this attempt';
	ELSIF known.state = 'uploading' AND known.digest <> digest THEN
		-- Two vectors under one mask are two open vectors.
		reason := 'secagg_conflict';
		detail := 'an update with other bytes was begun in this attempt';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.masking_obstacle(federated.rounds, bigint, federated.updates, bytea, text) IS
	'Why an update cannot be begun as far as masks are concerned; NULLs when nothing is wrong';

CREATE FUNCTION federated.masked_problem(round federated.rounds, own federated.updates, digest bytea, num_samples bigint,
										 metrics jsonb, signature bytea, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	config jsonb := (SELECT s.config FROM federated.sessions s WHERE s.id = round.session_id);
	member record;
	aux bytea;
BEGIN
	SELECT * INTO member FROM federated.masking_member(round, own.island_id);
	SELECT x.aux INTO aux FROM federated.secagg_aux x WHERE x.attempt_id = (member.attempt).id AND x.u = (member.own).u;
	IF federated.aux_length(config) = 0 THEN
		aux := '';
	END IF;
	IF digest <> own.digest THEN
		reason := CASE WHEN own.state = 'accepted' THEN 'conflicting_update' ELSE 'wrong_digest' END;
		detail := 'the update was begun with another digest';
	ELSIF own.state = 'accepted' THEN
		RETURN;
	ELSIF own.state <> 'uploading' OR own.secagg_attempt <> (member.attempt).attempt OR (member.attempt).state <> 'mask' THEN
		reason := 'secagg_frozen';
		detail := format('attempt %s of round %s is in state "%s"; the update belongs to attempt %s',
						 (member.attempt).attempt, (member.attempt).round_no, (member.attempt).state, own.secagg_attempt);
	ELSIF (member.own).shared_at IS NULL THEN
		reason := 'secagg_stale';
		detail := 'this Island has sent no shares in this attempt';
	ELSIF config ->> 'secagg_weights' <> 'declared' AND num_samples IS NOT NULL THEN
		reason := 'bad_num_samples';
		detail := format('with secagg_weights %s the number of samples is not sent', config -> 'secagg_weights');
	ELSIF config ->> 'secagg_weights' = 'declared' AND coalesce(num_samples, 0) NOT BETWEEN 1 AND 1000000000000 THEN
		reason := 'bad_num_samples';
		detail := format('num_samples is %s; allowed are 1 to 1000000000000', coalesce(num_samples::text, 'null'));
	ELSIF config ->> 'secagg_metrics' <> 'visible' AND metrics IS DISTINCT FROM '{}' THEN
		reason := 'bad_metrics';
		detail := format('with secagg_metrics "%s" metrics are not sent openly: they must be {}', config ->> 'secagg_metrics');
	ELSIF federated.metrics_problem(metrics) IS NOT NULL THEN
		reason := 'bad_metrics';
		detail := federated.metrics_problem(metrics);
	ELSIF own.vector_id IS NOT NULL AND NOT federated.vector_complete(own.vector_id) THEN
		reason := 'incomplete';
		detail := format('only slices %s are here', federated.present_slices(own.vector_id));
	ELSIF aux IS NULL THEN
		reason := 'incomplete';
		detail := 'the masked aux values are not here';
	ELSIF digest <> federated.secagg_manifest((member.attempt).ctx, (member.own).u,
											  ARRAY(SELECT s.sha256 FROM federated.slices s WHERE s.vector_id = own.vector_id ORDER BY s.slice_no), aux) THEN
		reason := 'wrong_digest';
		detail := 'slices and aux values do not have the manifest that was stated for the update';
	ELSIF NOT federated.signature_holds(member.attempt, member.own, 'upload', '', digest, signature) THEN
		reason := 'secagg_bad_signature';
		detail := 'the signature of the upload does not hold';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.masked_problem(federated.rounds, federated.updates, bytea, bigint, jsonb, bytea) IS
	'Why a masked update cannot be accepted; NULLs when it can, or was before';

CREATE FUNCTION federated.signature_holds(attempt federated.secagg_attempts, own federated.secagg_members, what text, context bytea,
										  message bytea, signature bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF attempt.mode = 'semi_honest' THEN
		RETURN signature IS NULL;
	END IF;
	RETURN octet_length(signature) IS NOT DISTINCT FROM 64
		AND federated.secagg_signed(what, own.identity_pk, context, message, signature);
END
$$;
COMMENT ON FUNCTION federated.signature_holds(federated.secagg_attempts, federated.secagg_members, text, bytea, bytea, bytea) IS
	'Whether a message is signed as the mode of the attempt asks: by the Island''s identity, or not at all';

CREATE FUNCTION federated.note_upload_signature(round federated.rounds, own federated.updates, signature bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.secagg_members m SET upload_signature = note_upload_signature.signature
	FROM federated.secagg_attempts a
	WHERE a.id = m.attempt_id AND a.round_id = round.id AND a.attempt = own.secagg_attempt AND m.island_id = own.island_id
	  AND m.upload_signature IS NULL AND note_upload_signature.signature IS NOT NULL;
END
$$;
COMMENT ON FUNCTION federated.note_upload_signature(federated.rounds, federated.updates, bytea) IS
	'Keep the signature of an upload that is being accepted';
