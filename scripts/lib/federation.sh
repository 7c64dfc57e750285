# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# The demo's federation on a private server: database roles, the workload, and Islands, each a
# process with its own role, password file, directory and part of the data. Where http is "yes",
# PostgREST and nginx stand before the server, and an Island has a token instead of a role.
#
# Under DIR: server/ (cluster.sh), http/ (http.sh), examples/ (copied to where the
# Islands' user can read them), islands/NAME/{data.npz,pgpass or token,state,log,pid}, creator/{pgpass,token},
# viewer/token. Globals used: python, fed, http and those of example.sh.

database=federated

# make_role DIR ROLE GROUP: a login role in the group, and its password file in DIR.
make_role() {
	local password
	password=$(random_password)
	mkdir -p "$1"
	(umask 077 && printf '*:*:*:%s:%s\n' "$2" "$password" >"$1/pgpass")
	sql <<-SQL
		CREATE ROLE $2 LOGIN PASSWORD '$password' IN ROLE $3;
	SQL
}

# become_creator DIR: from here on this shell speaks to the server as the session's creator.
become_creator() {
	export PGHOST=$1/server/socket PGUSER=demo_creator PGDATABASE=$database PGPASSFILE=$1/creator/pgpass
}

# superuser DIR COMMAND...
superuser() {
	local dir=$1
	shift
	(cluster_use "$dir/server" "$database" && "$@")
}

role_of() { printf '%s\n' "${1//-/_}"; }

# found_federation DIR: server up, extension created, creator there; Islands are added one by one.
found_federation() {
	cluster_create "$1/server" scram
	cluster_start "$1/server"
	cp -r "$top/examples" "$1/examples"
	cluster_use "$1/server"
	sql -c "CREATE DATABASE $database"
	PGDATABASE=$database sql -c "CREATE EXTENSION federated CASCADE" 2>/dev/null
	PGDATABASE=$database make_role "$1/creator" demo_creator federated_creator
}

# issue_token DIR NAME: a token of that role for a user of that name.
issue_token() { superuser "$1" sql -c "SELECT federated_issue_token('demo_$2', '$2', '1 day')"; }

# open_http DIR: PostgREST and nginx up, tokens for the session's creator, under the name of its role,
# and for somebody who looks on.
open_http() {
	superuser "$1" http_prepare "$1/http" "$1/server/socket" "$database"
	http_start "$1/http"
	mkdir "$1/viewer"
	(
		umask 077
		issue_token "$1" creator >"$1/creator/token"
		issue_token "$1" viewer >"$1/viewer/token"
	)
}

# over_http DIR TOKEN_FILE COMMAND...: one of fed's, with the options by which it finds the server.
over_http() {
	local dir=$1 token=$2
	shift 2
	"$@" --url "$(<"$dir/http/url")" --token-file "$token" --ca-file "$dir/http/tls/ca.pem"
}

# add_island DIR NAME: its directory with its own data, moved there, and what it shows the server: a
# role, for which the Island is registered, or a token, for which it has been invited.
add_island() {
	local home=$1/islands/$2
	mkdir -p "$home"
	chmod 700 "$home"
	cp "$1/data/$2.npz" "$home/data.npz"
	if [ "$http" = yes ]; then
		give_away "$home"
		superuser "$1" sql -c "SELECT federated_invite_island('$2')" |
			over_http "$1" "$home/token" unprivileged "$fed" island enroll --invite - >"$home/log" 2>&1 ||
			die "island enroll: $(tail -n 1 "$home/log")"
	else
		add_island_role "$1" "$2"
		give_away "$home"
	fi
}

# add_island_role DIR NAME
add_island_role() {
	local role
	role=$(role_of "$2")
	superuser "$1" make_role "$1/islands/$2" "$role" federated_island
	superuser "$1" sql -c "SELECT federated_register_island('$2', role_name => '$role')" >/dev/null
}

# exchange_identities DIR: an identity for each Island, enrolled, and everybody's key pinned by everybody.
# Here one shell knows them all; elsewhere the owners compare fingerprints by telephone or on paper.
exchange_identities() {
	local home other keys=()
	for home in "$1"/islands/*/; do
		home=${home%/} other=${home##*/}
		keys+=("$other $(unprivileged "$fed" island keygen "$home/identity" 2>>"$home/log")")
		superuser "$1" sql -c "SELECT federated_enroll_identity('$other', '\\x${keys[-1]#* }')" >/dev/null
	done
	for home in "$1"/islands/*/; do
		for other in "${keys[@]}"; do
			# shellcheck disable=SC2086 # a name and a key
			unprivileged "$fed" island trust "${home}trust" $other >>"${home}log" 2>&1 || die "island trust: $(tail -n 1 "${home}log")"
		done
	done
}

# start_island DIR NAME SAMPLES: as a process group of its own, its id in islands/NAME.pid.
start_island() {
	local home=$1/islands/$2 script=train.py run
	if [ "$net" = cnn ]; then script=train_torch.py; fi
	run=(exec_unprivileged setsid "$fed" island run --host-id "$2" --accept "$workload:$3"
		--train "$python $1/examples/$example/$script --data $home/data.npz"
		--state-dir "$home/state" --journal "$home/journal")
	if [ -e "$home/trust" ]; then run+=(--identity "$home/identity" --trust "$home/trust"); fi
	(
		export PGHOST=$1/server/socket PGDATABASE=$database PGPASSFILE=$home/pgpass PYTHONDONTWRITEBYTECODE=1
		PGUSER=$(role_of "$2")
		export PGUSER
		cd /
		if [ "$http" = yes ]; then
			unset "${!PG@}" # it has no way to the database
			over_http "$1" "$home/token" "${run[@]}"
		else
			"${run[@]}"
		fi
	) >>"$home/log" 2>&1 &
	printf '%s\n' "$!" >"$1/islands/$2.pid"
	disown # so that the shell does not comment on a killed one
}

# kill_island DIR NAME: as hard as it gets, in the middle of whatever it does.
kill_island() { kill -9 "$(cat "$1/islands/$2.pid")"; }

# stop_islands DIR: end every Island with what it started, and wait until all are gone.
stop_islands() {
	local file
	for file in "$1"/islands/*.pid; do
		[ -f "$file" ] || continue
		kill -TERM -- "-$(<"$file")" 2>/dev/null || true # so that they end at the same time
	done
	for file in "$1"/islands/*.pid; do
		end_group "$file"
	done
}

# remove_federation DIR: everything ends and goes, but what the caller put there (the model).
remove_federation() {
	stop_islands "$1"
	http_stop "$1/http"
	cluster_stop "$1/server"
	(cd "$1" && rm -rf server http islands examples data versions creator viewer venv base.safetensors stop)
	rmdir "$1" 2>/dev/null || true
}

# start_session_over_http DIR NAME ROUNDS CONFIG: with nothing but curl; prints the session's id.
start_session_over_http() {
	local found body
	found=$(http_curl "$1/http" "$1/creator/token" "/api/v1/federated/workloads?name=eq.$workload&select=id")
	body=$("$python" -c 'import json, sys
name, rounds, config, found = sys.argv[1:]
print(json.dumps({"name": name, "base_workload_id": json.loads(found)[0]["id"],
    "total_rounds": int(rounds), "config": json.loads(config)}))' "$2" "$3" "$4" "$found")
	http_curl "$1/http" "$1/creator/token" /api/v1/federated/sessions \
		--header 'Content-Type: application/json' --data "$body" |
		"$python" -c 'import json, sys; print(json.load(sys.stdin)["id"])'
}

# print_keep_http DIR: how to look at it in a browser; the tokens stay in their files.
print_keep_http() {
	cat <<-TXT

		the training dashboard$(dashboard_installed || printf ', once "make dashboard" and "make install" have put it there,') is
		  $(<"$1/http/url")/training/
		whose certificate is signed by $1/http/tls/ca.pem. Sign in with what is in
		  $1/viewer/token    to look on
		  $1/creator/token   to start, pause and cancel sessions as well
		and from the shell, for example
		  $fed session list --url $(<"$1/http/url") --token-file $1/creator/token --ca-file $1/http/tls/ca.pem
	TXT
}

# write_stop DIR: a script DIR/stop that does remove_federation later.
write_stop() {
	cat >"$1/stop" <<-TXT
		#!/usr/bin/env bash
		. '$top/scripts/lib/common.sh'
		. '$top/scripts/lib/cluster.sh'
		. '$top/scripts/lib/http.sh'
		. '$top/scripts/lib/federation.sh'
		remove_federation '$1'
	TXT
	chmod 755 "$1/stop"
}
