# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# The newcomer's way, tried for real: bare Debian systems with git and nothing else, in which the
# demo and the tests run. Needs root.
#
# Each suite is unpacked by debootstrap from the mirror that this machine's apt uses. Its mounts and
# processes live in namespaces of their own and end with the command, however that ends.

# oldest supported, stable, and where the newest PostgreSQL is
debian_suites=${FEDERATED_TEST_SUITES:-bookworm trixie sid}

# shellcheck disable=SC2016 # apt expands it
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$'
}

# make_chroot DIR SUITE: a minimal system with git, and the tree (uncommitted changes too) in /root.
make_chroot() {
	debootstrap --variant=minbase --include=git,ca-certificates "$2" "$1" "$(debian_mirror)" >"$1.log" 2>&1 || {
		tail -n 20 "$1.log"
		return 1
	}
	rm "$1.log"
	# a mirror that stands still (a snapshot) says of itself that it has expired
	printf 'Acquire::Check-Valid-Until "false";\n' >"$1/etc/apt/apt.conf.d/still-mirror"
	mkdir "$1/root/federated"
	git -C "$top" ls-files -z --cached --others --exclude-standard |
		tar -C "$top" --null --files-from=- -cf - | tar -C "$1/root/federated" -xf -
}

# in_chroot DIR COMMAND...: run it there, in the tree, with a clean environment.
in_chroot() {
	local dir=$1
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --pid --fork --kill-child sh -c '
		dir=$1
		shift
		mount -t proc proc "$dir/proc"
		mount -t sysfs sysfs "$dir/sys"
		mkdir -p "$dir/dev/shm"
		mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm"
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
			${http_proxy:+http_proxy=$http_proxy} chroot "$dir" sh -c "cd /root/federated && exec \"\$@\"" sh "$@"
		exit $? # this shell stays, to be the process that collects orphans
	' sh "$dir" "$@"
}

# test_in_chroots DIR: demo and tests in every suite; TAP, and what each said last.
test_in_chroots() {
	local suite script number=0 failed=0 root
	for suite in $debian_suites; do
		root=$1/$suite
		mkdir -p "$root"
		if ! make_chroot "$root" "$suite"; then
			printf 'not ok %d - %s: debootstrap\n' $((number += 1)) "$suite"
			failed=1
			continue
		fi
		for script in demo test; do
			if in_chroot "$root" "scripts/$script" >"$root.$script.log" 2>&1; then
				printf 'ok %d - %s: scripts/%s\n' $((number += 1)) "$suite" "$script"
			else
				printf 'not ok %d - %s: scripts/%s\n' $((number += 1)) "$suite" "$script"
				tail -n 40 "$root.$script.log" | sed 's/^/# /'
				failed=1
			fi
			printf '# figure: %s, PostgreSQL %s: %s\n' "$suite" \
				"$(in_chroot "$root" pg_config --version 2>/dev/null | sed 's/[^0-9]*\([0-9.]*\).*/\1/')" \
				"$(tail -n 1 "$root.$script.log")"
		done
		rm -rf "$root"
	done
	return "$failed"
}
