# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# Debian's packages that the tree needs: found out, then only those that are missing are installed.

base_packages="build-essential pkg-config libpq-dev libcurl4-openssl-dev libjansson-dev libssl-dev
	python3 python3-numpy python3-sklearn"
http_packages="curl openssl"
test_packages="libipc-run-perl libcmocka-dev perl python3-psycopg python3-jwt
	python3-cryptography"
browser_packages="chromium fonts-dejavu-core"
torch_packages="python3-venv"
bench_packages="python3-venv"
slow_packages="clang debootstrap $torch_packages" # and clang's runtime library

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The major version to build for: that of pg_config if server headers are there already, else the
# one that Debian's package `postgresql` stands for.
postgres_major() {
	local config=${PG_CONFIG:-pg_config}
	if command -v "$config" >/dev/null && [ -d "$("$config" --includedir-server 2>/dev/null)" ]; then
		"$config" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
	else
		apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
	fi
}

# The runtime of the clang that Debian's package `clang` stands for: sanitizers and libFuzzer.
clang_runtime() {
	apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9][0-9]*\)$/libclang-rt-\1-dev/p' | head -n 1
}

missing_packages() {
	local name
	for name in "$@"; do
		package_installed "$name" || printf '%s\n' "$name"
	done
}

# apt_install PACKAGE...: quiet unless it fails.
apt_install() {
	local log
	log=$(mktemp)
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
		install -y --no-install-recommends "$@" >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "apt-get could not install: $*"
	}
	rm "$log"
}

# Debian starts a server "main" when the server package is first installed. The scripts use private
# ones, so none is made; a later install by the machine's owner makes it as usual.
install_postgres() {
	local switch=/etc/postgresql-common/createcluster.d/federated.conf failed=
	apt_install postgresql-common
	as_root mkdir -p "${switch%/*}"
	printf 'create_main_cluster = false\n' | as_root tee "$switch" >/dev/null
	(apt_install "postgresql-$1") || failed=yes
	as_root rm -f "$switch"
	[ -z "$failed" ] || exit 1
}

# There are packages nginx, nginx-light, nginx-full … and it may come from elsewhere.
nginx_installed() { [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null; }

# Debian starts nginx when its package is first installed, and at every boot. The scripts run one of
# their own, so it is kept from both.
install_nginx() {
	local policy=/usr/sbin/policy-rc.d
	if [ -e "$policy" ]; then
		apt_install nginx
	else
		(
			trap 'as_root rm -f "$policy"' EXIT
			printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
			as_root chmod 755 "$policy"
			apt_install nginx
		) || exit 1
	fi
	as_root update-rc.d nginx disable
}

# install_packages [bench] [http] [test] [browser] [torch] [slow]: everything that the named kinds of work need.
install_packages() {
	local wanted=$base_packages kind major updated=no missing
	for kind in "$@"; do
		case $kind in
			http)
				wanted+=" $http_packages"
				nginx_installed || wanted+=" nginx"
				;;
			test) wanted+=" $test_packages" ;;
			browser)
				wanted+=" $browser_packages"
				command -v npm >/dev/null || wanted+=" npm"
				;;
			bench) wanted+=" $bench_packages" ;;
			torch) wanted+=" $torch_packages" ;;
			slow) wanted+=" $slow_packages $(clang_runtime)" ;;
		esac
	done
	if ! command -v apt-get >/dev/null; then
		say "no apt-get here: taking it that PostgreSQL's headers and $wanted are installed"
		return
	fi
	major=$(postgres_major)
	if [ -z "$major" ]; then
		as_root apt-get -qq update
		updated=yes
		major=$(postgres_major)
	fi
	[ -n "$major" ] || die "apt knows no package postgresql"
	# shellcheck disable=SC2086 # a list of words
	missing=$(missing_packages "postgresql-$major" "postgresql-server-dev-$major" $wanted)
	[ -n "$missing" ] || return 0
	say "installing: $(printf '%s' "$missing" | tr '\n' ' ')"
	if [ "$updated" = no ]; then as_root apt-get -qq update; fi
	if ! package_installed "postgresql-$major"; then install_postgres "$major"; fi
	if [[ $wanted == *" nginx"* ]]; then install_nginx; fi
	# shellcheck disable=SC2086
	apt_install $missing
}

# make_torch_venv DIR: a virtual environment with the CPU build of PyTorch. Where pip's index serves
# another build, set PIP_INDEX_URL or PIP_FIND_LINKS.
make_torch_venv() {
	/usr/bin/python3 -m venv "$1"
	"$1/bin/pip" install --quiet --requirement "$top/examples/digits/requirements-torch.txt" 2>"$1/pip.log" ||
		{
			tail -n 20 "$1/pip.log" >&2
			die "pip could not install PyTorch"
		}
}
