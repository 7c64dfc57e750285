# shellcheck shell=bash disable=SC2034,SC2154 # globals shared with the other files here
# Build the extension and the client in the tree, and install the extension into PG_CONFIG's server.

PG_CONFIG=${PG_CONFIG:-pg_config}
bindir=$("$PG_CONFIG" --bindir)

# build_tree [MAKE ARGUMENT...]
build_tree() {
	make -C "$top" -j2 PG_CONFIG="$PG_CONFIG" "$@"
	as_root make -C "$top" PG_CONFIG="$PG_CONFIG" "$@" install
}
