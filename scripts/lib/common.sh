# shellcheck shell=bash disable=SC2034 # globals shared with the other files here
# What every script here shares: where the tree is, how to speak, how to become another user.
#
# The server refuses to run as root, so root starts it (and the Islands) as the user postgres that
# Debian's package made; anybody else runs them as themselves.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND...: for installing only.
as_root() {
	if is_root; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root or sudo for: $*"
	fi
}

# exec_unprivileged COMMAND...: replaces the (sub)shell, so that its process id is the command's.
exec_unprivileged() {
	if is_root; then
		exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp "$@"
	fi
	exec "$@"
}

# unprivileged COMMAND...: from a directory that the other user can enter.
unprivileged() { (cd / && exec_unprivileged "$@"); }

# give_away PATH...: hand files to the user of `unprivileged`.
give_away() {
	if is_root; then chown -R postgres:postgres "$@"; fi
}

# end_group FILE: the process group whose id the file holds ends, gone when this returns.
end_group() {
	local pid
	[ -f "$1" ] || return 0
	pid=$(<"$1")
	kill -TERM -- "-$pid" 2>/dev/null || true
	for _ in {1..50}; do
		kill -0 -- "-$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$pid" 2>/dev/null || true
	rm -f "$1"
}

# scratch_dir NAME: a new directory that the other user can enter too. A socket's path must stay
# under 108 bytes, so a deep TMPDIR is left for /tmp.
scratch_dir() {
	local base=${TMPDIR:-/tmp} dir
	if [ "${#base}" -gt 60 ]; then base=/tmp; fi
	dir=$(mktemp -d "$base/federated-$1-XXXXXX")
	chmod 755 "$dir"
	printf '%s\n' "$dir"
}
