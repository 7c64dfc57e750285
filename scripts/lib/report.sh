# shellcheck shell=bash disable=SC2034,SC2154 # globals shared with the other files here
# What the demo says after the session: the document, a table of rounds, the comparison, one line.
#
# Run as the session's creator (become_creator). Globals used: session, workload, fed, python, net, held_out,
# example.

# print_document: the session document, its keys in order, one line per participant and per round.
print_document() {
	sql -c "SELECT federated_session('$session')" | "$python" -c '
import json, sys
lines = []
for key, value in json.load(sys.stdin).items():
    if isinstance(value, list) and value:
        text = "[\n    " + ",\n    ".join(map(json.dumps, value)) + "]"
    else:
        text = json.dumps(value)
    lines.append(f"  {json.dumps(key)}: {text}")
print("{\n" + ",\n".join(lines) + "\n}")'
}

# list_versions: a line "rounds trained, version, loss and accuracy at the Islands, updates" for the
# base model and for each round's; tab-separated, "-" for what is not there. A round's evaluation is of
# the version that it began with.
list_versions() {
	sql -F $'\t' <<-SQL
		WITH round AS (
			SELECT r ->> 'kind' = 'train' AS trains, (r ->> 'round')::int AS number, (r ->> 'base_version_id')::bigint AS base_id,
				(r ->> 'result_version_id')::bigint AS result_id, r -> 'evaluation' AS evaluation, r ->> 'updates' AS updates
			FROM json_array_elements(federated_session('$session') -> 'rounds') r
		), model AS (
			SELECT 0 AS trained, base_id AS id, NULL AS updates FROM round WHERE trains AND number = 1
			UNION ALL
			SELECT number, result_id, updates FROM round WHERE trains
		)
		SELECT m.trained, v.version,
			coalesce(round((e.evaluation ->> 'loss')::numeric, 4)::text, '-'),
			coalesce(round((e.evaluation ->> 'accuracy')::numeric, 4)::text, '-'),
			coalesce(m.updates, '-')
		FROM model m
		JOIN federated.versions v ON v.version_id = m.id AND v.status = 'ready'
		LEFT JOIN round e ON e.base_id = m.id
		ORDER BY v.version
	SQL
}

# measure_versions DIR: export every version listed in DIR/versions/list and measure it on the held-out
# data; the accuracies, in the list's order, go to DIR/versions/accuracies.
measure_versions() {
	local number files=()
	while read -r number; do
		files+=("$1/versions/$number.safetensors")
		"$fed" model export "$workload" "${files[-1]}" --version "$number" 2>"$1/versions/export.log" ||
			die "$(cat "$1/versions/export.log")"
	done < <(cut -f 2 "$1/versions/list")
	"$python" "$1/examples/lib/evaluate.py" --net "$net" --test "$1/data/test.npz" "${files[@]}" |
		cut -f 3 >"$1/versions/accuracies"
}

# print_rounds DIR: the table; leaves the last version and its accuracy in the globals of these names.
print_rounds() {
	local trained number loss islands_accuracy updates held
	printf '%8s %8s %8s  %-32s %s\n' "after" "version" "updates" "on the Islands' validation parts" "on $held_out"
	printf '%8s %8s %8s  %-16s %-15s %s\n' round "" "" loss accuracy "accuracy"
	list_versions >"$1/versions/list"
	[ -s "$1/versions/list" ] || return 0
	measure_versions "$1"
	while IFS=$'\t' read -r trained number loss islands_accuracy updates held; do
		version=$number accuracy=$held # read empties its own variables at the end
		printf '%8s %8s %8s  %-16s %-15s %s\n' "$trained" "$number" "$updates" "$loss" "$islands_accuracy" "$held"
	done < <(paste "$1/versions/list" "$1/versions/accuracies")
}

# print_privacy: what the session spent, and what that is worth.
print_privacy() {
	printf '\n%s\n' "differential privacy:"
	sql -F ' ' -c "SELECT p ->> 'statement', coalesce(p ->> 'warning', ''), 'The coordinator sees: ' || (p ->> 'coordinator_sees')
		FROM (SELECT federated_session('$session') -> 'privacy' AS p) s" | tr -s ' ' | fold -s -w 100
	sql -c "SELECT 'privacy: epsilon=' || round((p ->> 'epsilon')::numeric, 3) || ' budget=' || (p ->> 'epsilon_budget')
			|| ' delta=' || (p ->> 'delta') || coalesce(' honest=' || (p ->> 'honest_updates') || ' colluding=' || (p ->> 'max_colluding'), '')
			|| ' ended: ' || coalesce(s ->> 'reason', 'all rounds done')
		FROM (SELECT federated_session('$session') AS s, federated_session('$session') -> 'privacy' AS p) d"
}

# measure_noise DIR: what noise is in the models that print_rounds has exported; fails if it is not what it
# should be.
measure_noise() {
	local parts
	mapfile -t parts < <(list_data "$1")
	sql -c "SELECT federated_session('$session')" |
		"$python" "$1/examples/$example/noise.py" --versions "$1/versions" "${parts[@]}"
}

# ended_by_budget: whether the session stopped because its epsilon is spent, and no more than that is.
ended_by_budget() {
	[ "$(sql -c "SELECT s ->> 'reason' LIKE 'epsilon_budget is %'
			AND (s #>> '{privacy,epsilon}')::float8 <= (s #>> '{privacy,epsilon_budget}')::float8
		FROM (SELECT federated_session('$session') AS s) d")" = t ]
}

# show_logs DIR: the last lines of the server's and every Island's log, for when something went wrong.
show_logs() {
	local log
	for log in "$1"/server/server.log "$1"/islands/*/log; do
		printf -- '--- %s\n' "$log"
		tail -n 15 "$log" || true
	done
}

# print_keep DIR CONFIG: what can be done with a federation that stays up.
print_keep() {
	cat <<-TXT

		still running; the session's creator connects, and the superuser, with
		  PGPASSFILE=$1/creator/pgpass psql -h $1/server/socket -U demo_creator $database
		  PGPASSFILE=$1/server/pgpass psql -h $1/server/socket -U postgres $database
		another session starts with
		  PGPASSFILE=$1/creator/pgpass $fed session start Again --workload $workload --rounds 5 \\
		    --dsn 'host=$1/server/socket user=demo_creator dbname=$database' --config '$2'
		and all of it stops, and goes but for the model, with
		  $1/stop

	TXT
}
