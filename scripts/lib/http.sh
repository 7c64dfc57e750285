# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# PostgREST and nginx in front of a private server (cluster.sh), with the configuration files that
# http/ ships: only ports and paths are replaced, so that what runs is what is installed elsewhere.
#
# Under DIR: {postgrest,nginx,nginx-site}.conf, tls/{ca,cert,key}.pem, pgpass, url, and of each of the
# two NAME.group (process group) and NAME.log. Both run as the unprivileged user, on free ports of 127.0.0.1.

# postgrest_command: print the API server's path. $POSTGREST, or what PATH has.
postgrest_command() {
	local found
	found=$(command -v "${POSTGREST:-postgrest}") || return 1
	realpath "$found"
}

# require_postgrest: exits with 2 and says what to do, where there is none.
require_postgrest() {
	postgrest_command >/dev/null && return
	cat >&2 <<-TXT
		${0##*/}: ${POSTGREST:+POSTGREST="$POSTGREST" is no program that can be run. }The HTTP interface needs PostgREST, which Debian has no package of.
		Get the static executable for this machine from the releases of the project PostgREST/postgrest
		on GitHub, unpack it, and put it on the PATH or name it:
		  POSTGREST=/path/to/postgrest $0 ...
	TXT
	exit 2
}

# Debian keeps it where the PATH of ordinary users does not look.
nginx_command() { command -v nginx || command -v /usr/sbin/nginx || die "there is no nginx here"; }

# free_ports COUNT: ports of 127.0.0.1 that nobody listens on, one a line.
free_ports() {
	/usr/bin/python3 -c '
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets), sep="\n")' "$1"
}

# make_certificates DIR: a throw-away authority ca.pem, whose key is not kept, and cert.pem and
# key.pem of a server named localhost or 127.0.0.1.
make_certificates() {
	local dir=$1 log=$1/openssl.log
	mkdir -p "$dir"
	cat >"$dir/server.ext" <<-EXT
		subjectAltName = DNS:localhost, IP:127.0.0.1
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth
		authorityKeyIdentifier = keyid
		subjectKeyIdentifier = hash
	EXT
	(
		umask 077
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
			-subj "/CN=federated, for this run only" -addext "keyUsage = critical, keyCertSign" \
			-keyout "$dir/ca.key" -out "$dir/ca.pem" &&
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
				-keyout "$dir/key.pem" -out "$dir/server.csr" &&
			openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
				-days 30 -extfile "$dir/server.ext" -out "$dir/cert.pem"
	) >"$log" 2>&1 || die "openssl could not make certificates: $(tail -n 3 "$log")"
	rm "$dir"/{ca.key,ca.srl,server.csr,server.ext,openssl.log}
	chmod 644 "$dir/ca.pem"
}

# render NAME DIR [OLD NEW]...: http/NAME into DIR with texts replaced, each of which must be there.
render() {
	local name=$1 dir=$2 text
	text=$(<"$top/http/$name")
	shift 2
	while [ $# -gt 0 ]; do
		[[ $text == *"$1"* ]] || die "http/$name has no '$1' to replace"
		text=${text//"$1"/"$2"}
		shift 2
	done
	printf '%s\n' "$text" >"$dir/$name"
}

# render_http DIR SOCKET DATABASE: the three configuration files; the address goes to DIR/url. It is
# a number, since a browser would remember for all ports of "localhost" that they are to be HTTPS.
render_http() {
	local dir=$1 ports
	mapfile -t ports < <(free_ports 4)
	render postgrest.conf "$dir" \
		///federated? "///$3?" host=/run/postgresql "host=$2&passfile=$dir/pgpass" \
		'server-port = 3000' "server-port = ${ports[0]}" 'server-port = 3001' "server-port = ${ports[1]}"
	render nginx.conf "$dir" 'syslog:server=unix:/dev/log,tag=federated_nginx,nohostname' access.log
	# shellcheck disable=SC2016 # nginx's variables
	render nginx-site.conf "$dir" \
		127.0.0.1:3000 "127.0.0.1:${ports[0]}" \
		'listen 80;' "listen 127.0.0.1:${ports[2]};" 'listen [::]:80;' '' \
		'listen 443 ssl;' "listen 127.0.0.1:${ports[3]} ssl;" 'listen [::]:443 ssl;' '' \
		'https://$host$' "https://\$host:${ports[3]}\$" \
		/etc/federated/tls/ "$dir/tls/" \
		/usr/share/postgresql/15/federated/dashboard/ "$("${PG_CONFIG:-pg_config}" --sharedir)/federated/dashboard/"
	printf 'https://127.0.0.1:%s\n' "${ports[3]}" >"$dir/url"
}

# http_prepare DIR SOCKET DATABASE: everything that http_start needs. The caller's libpq settings are
# a superuser's: the authenticator gets a password, since the private server trusts nobody.
http_prepare() {
	local dir=$1 password
	mkdir -p "$dir"
	make_certificates "$dir/tls"
	password=$(random_password)
	(umask 077 && printf '*:*:*:federated_authenticator:%s\n' "$password" >"$dir/pgpass")
	sql <<-SQL
		ALTER ROLE federated_authenticator LOGIN PASSWORD '$password';
	SQL
	render_http "$@"
	give_away "$dir"
}

# start_daemon DIR NAME COMMAND...: in a process group of its own.
start_daemon() {
	local dir=$1 name=$2
	shift 2
	(cd / && exec_unprivileged setsid "$@") >>"$dir/$name.log" 2>&1 </dev/null &
	printf '%s\n' "$!" >"$dir/$name.group"
	disown
}

# http_start DIR: both, and waits until they answer.
http_start() {
	local dir=$1 postgrest
	postgrest=$(postgrest_command) || die "there is no PostgREST here"
	unprivileged test -x "$postgrest" || die "user postgres may not run $postgrest: move it to where it may"
	start_daemon "$dir" postgrest "$postgrest" "$dir/postgrest.conf"
	start_daemon "$dir" nginx "$(nginx_command)" -e stderr -p "$dir/" -c "$dir/nginx.conf"
	http_wait "$dir"
}

# https_curl DIR ARGUMENT...: curl, believing the run's own authority.
https_curl() {
	local dir=$1
	shift
	curl --noproxy '*' --cacert "$dir/tls/ca.pem" "$@"
}

# http_curl DIR TOKEN_FILE PATH [ARGUMENT...]: the answer of one request; fails, with the answer on
# standard error, unless it is a success. The token is not on the command line, which others can read.
http_curl() {
	local dir=$1 token=$2 path=$3 answer
	shift 3
	if ! answer=$(https_curl "$dir" --silent --show-error --fail-with-body \
		--header @<(printf 'Authorization: Bearer %s\n' "$(<"$token")") "$@" "$(<"$dir/url")$path"); then
		printf '%s: %s\n' "$path" "$answer" >&2
		return 1
	fi
	printf '%s\n' "$answer"
}

# http_wait DIR: until a request without a token gets PostgREST's 401 through nginx, which is when
# the schema is read too; before that it is 502 or 503.
http_wait() {
	local dir=$1 url status=
	url=$(<"$dir/url")
	for _ in {1..150}; do
		status=$(https_curl "$dir" --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "$url/sessions") || true
		if [ "$status" = 401 ]; then return; fi
		sleep 0.2
	done
	tail -n 20 "$dir/postgrest.log" "$dir/nginx.log" >&2
	die "$url/sessions answers ${status:-nothing} instead of 401"
}

# dashboard_installed: whether nginx finds the training dashboard.
dashboard_installed() { [ -d "$("${PG_CONFIG:-pg_config}" --sharedir)/federated/dashboard" ]; }

# http_stop DIR: also where only one of them, or neither, came up.
http_stop() {
	end_group "$1/nginx.group"
	end_group "$1/postgrest.group"
}
