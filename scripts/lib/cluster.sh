# shellcheck shell=bash
# A private, throw-away PostgreSQL server: under a directory of its own, on a Unix socket only.
#
# DIR/data, DIR/socket, DIR/server.log. It has no TCP port, so nothing can collide with it.
# `cluster_create DIR scram` gives every role a password (the superuser's is in DIR/pgpass);
# `cluster_create DIR trust` is for tests that change roles at will: the socket's directory is
# closed to other users.

bindir=$("${PG_CONFIG:-pg_config}" --bindir)

# cluster_create DIR scram|trust [LINE OF postgresql.conf]...
cluster_create() {
	local dir=$1 auth=$2 password
	shift 2
	password=$(random_password)
	mkdir -p "$dir/socket"
	chmod 700 "$dir/socket"
	(umask 077 && printf '%s\n' "$password" >"$dir/password")
	give_away "$dir"
	if [ "$auth" = scram ]; then auth=scram-sha-256; fi
	unprivileged "$bindir/initdb" -D "$dir/data" -U postgres --auth="$auth" --pwfile="$dir/password" \
		--encoding=UTF8 --locale=C.UTF-8 >"$dir/initdb.log"
	rm "$dir/password"
	(umask 077 && printf '*:*:*:postgres:%s\n' "$password" >"$dir/pgpass")
	cat >>"$dir/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$dir/socket'
		shared_preload_libraries = 'federated'
		max_worker_processes = 24
		$(printf '%s\n' "$@")
	CONF
}

random_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# cluster_start DIR: retried for a while, since after a kill -9 the old server's children need a
# moment to notice and let go of shared memory.
cluster_start() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		if unprivileged "$bindir/pg_ctl" -D "$1/data" -l "$1/server.log" -w -s start 2>"$1/start.log"; then
			return 0
		fi
		sleep 0.5
	done
	cat "$1/start.log" >&2
	tail -n 20 "$1/server.log" >&2
	die "the server under $1 does not start (tried $try times)"
}

cluster_pid() { head -n 1 "$1/data/postmaster.pid" 2>/dev/null || true; }

# cluster_kill DIR: what a power failure of the server's process looks like.
cluster_kill() { kill -9 "$(cluster_pid "$1")"; }

# cluster_stop DIR: never leaves a process behind, whatever state the server is in.
cluster_stop() {
	[ -f "$1/data/postmaster.pid" ] || return 0
	unprivileged "$bindir/pg_ctl" -D "$1/data" -s -t 20 -m fast stop 2>/dev/null ||
		unprivileged "$bindir/pg_ctl" -D "$1/data" -s -m immediate stop 2>/dev/null || true
}

# stop_servers_under DIR: ends servers that an interrupted test left there.
stop_servers_under() {
	local file
	find "$1" -name postmaster.pid 2>/dev/null | while read -r file; do
		kill -QUIT "$(head -n 1 "$file")" 2>/dev/null || true
	done
}

# cluster_use DIR [DATABASE]: the superuser's libpq environment for this shell.
cluster_use() {
	export PGHOST=$1/socket PGUSER=postgres PGDATABASE=${2:-postgres} PGPASSFILE=$1/pgpass
	unset PGPORT PGSERVICE PGPASSWORD
}

# sql [PSQL OPTION...]: run standard input or -c as the current libpq user; bare values out.
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
