# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# The demo's federation on a private server: database roles, the workload, and Islands, each a
# process with its own role, password file, directory and part of the data.
#
# Under DIR: server/ (cluster.sh), digits/ (the example, copied to where the Islands' user can read
# it), islands/NAME/{data.npz,pgpass,state,log,pid}, creator/pgpass. Globals used: python, net, fed.

workload=digits
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
	cp -r "$top/examples/digits" "$1/digits"
	cluster_use "$1/server"
	sql -c "CREATE DATABASE $database"
	PGDATABASE=$database sql -c "CREATE EXTENSION federated CASCADE" 2>/dev/null
	PGDATABASE=$database make_role "$1/creator" demo_creator federated_creator
}

# add_island DIR NAME: its role, its registration and its directory with its own data, moved there.
add_island() {
	local home=$1/islands/$2 role
	role=$(role_of "$2")
	mkdir -p "$home"
	chmod 700 "$home"
	superuser "$1" make_role "$home" "$role" federated_island
	superuser "$1" sql -c "SELECT federated_register_island('$2', role_name => '$role')" >/dev/null
	cp "$1/data/$2.npz" "$home/data.npz"
	give_away "$home"
}

# start_island DIR NAME SAMPLES: as a process group of its own, its id in the Island's file pid.
start_island() {
	local home=$1/islands/$2 script=train.py
	if [ "$net" = cnn ]; then script=train_torch.py; fi
	(
		export PGHOST=$1/server/socket PGDATABASE=$database PGPASSFILE=$home/pgpass PYTHONDONTWRITEBYTECODE=1
		PGUSER=$(role_of "$2")
		export PGUSER
		cd /
		exec_unprivileged setsid "$fed" island run --host-id "$2" --accept "$workload:$3" \
			--train "$python $1/digits/$script --data $home/data.npz" \
			--state-dir "$home/state" --journal "$home/journal"
	) >>"$home/log" 2>&1 &
	printf '%s\n' "$!" >"$1/islands/$2.pid"
	disown # so that the shell does not comment on a killed one
}

# kill_island DIR NAME: as hard as it gets, in the middle of whatever it does.
kill_island() { kill -9 "$(cat "$1/islands/$2.pid")"; }

# stop_islands DIR: end every Island with what it started, and wait until all are gone.
stop_islands() {
	local file pid
	for file in "$1"/islands/*.pid; do
		[ -f "$file" ] || continue
		pid=$(cat "$file")
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
	for file in "$1"/islands/*.pid; do
		[ -f "$file" ] || continue
		pid=$(cat "$file")
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			kill -0 -- "-$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$pid" 2>/dev/null || true
		rm -f "$file"
	done
}

# remove_federation DIR: everything ends and goes, but what the caller put there (the model).
remove_federation() {
	stop_islands "$1"
	cluster_stop "$1/server"
	(cd "$1" && rm -rf server islands digits data versions creator venv base.safetensors stop)
	rmdir "$1" 2>/dev/null || true
}

# write_stop DIR: a script DIR/stop that does remove_federation later.
write_stop() {
	cat >"$1/stop" <<-TXT
		#!/usr/bin/env bash
		. '$top/scripts/lib/common.sh'
		. '$top/scripts/lib/cluster.sh'
		. '$top/scripts/lib/federation.sh'
		remove_federation '$1'
	TXT
	chmod 755 "$1/stop"
}
