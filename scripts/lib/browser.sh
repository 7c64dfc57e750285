# shellcheck shell=bash disable=SC2154 # globals shared with the other files here
# A federation for the browser tests: the whole HTTP stack and three Islands on the digits, which
# train for as long as a test has a session of theirs running, with secure aggregation where it asks for that.
#
# Globals used: as in federation.sh and http.sh; test/browser/support/env.ts says what the tests need.

# found_browser_federation DIR: everything up, Islands island-a, island-b and island-c waiting.
found_browser_federation() {
	local dir=$1 name train
	found_federation "$dir"
	mkdir "$dir/data"
	/usr/bin/python3 "$dir/examples/digits/data.py" --islands 3 --out "$dir/data" >"$dir/data/list"
	"$python" "$dir/examples/lib/make_model.py" --net mlp "$dir/base.safetensors"
	open_http "$dir"
	(become_creator "$dir" && "$fed" model import "$workload" "$dir/base.safetensors" --create)
	while IFS=$'\t' read -r name train _; do
		add_island "$dir" "$name"
	done <"$dir/data/list"
	exchange_identities "$dir"
	while IFS=$'\t' read -r name train _; do
		start_island "$dir" "$name" "$train"
	done <"$dir/data/list"
}

# write_island_command DIR FILE COMMAND...: a script that does it to the federation from outside.
write_island_command() {
	local dir=$1 file=$2
	shift 2
	cat >"$file" <<-TXT
		#!/usr/bin/env bash
		set -euo pipefail
		for part in common build cluster http federation; do . '$top/scripts/lib/'"\$part.sh"; done
		python=$python example=$example workload=$workload net=$net fed=$fed http=yes
		$* '$dir' island-a $(awk -F'\t' '$1 == "island-a" { print $2 }' "$dir/data/list")
	TXT
	chmod 755 "$file"
}

# write_sql_command DIR FILE: a script that runs the SQL in its argument as superuser of the federation.
write_sql_command() {
	cat >"$2" <<-TXT
		#!/usr/bin/env bash
		set -euo pipefail
		for part in common cluster federation; do . '$top/scripts/lib/'"\$part.sh"; done
		superuser '$1' sql -c "\$1"
	TXT
	chmod 755 "$2"
}

# browse DIR: the Playwright tests against it; their pictures stay in test/browser/screenshots.
browse() {
	local dir=$1
	write_island_command "$dir" "$dir/kill-island" kill_island
	write_island_command "$dir" "$dir/start-island" start_island
	write_sql_command "$dir" "$dir/sql"
	(
		FED_TOKEN_CREATOR=$(<"$dir/creator/token") FED_TOKEN_VIEWER=$(<"$dir/viewer/token")
		FED_TOKEN_ADMIN=$(issue_token "$dir" admin) FED_BASE_URL=$(<"$dir/http/url")
		export FED_TOKEN_CREATOR FED_TOKEN_VIEWER FED_TOKEN_ADMIN FED_BASE_URL
		export FED_WORKLOAD=$workload FED_ISLAND=island-a FED_SCREENSHOTS=$top/test/browser/screenshots
		export FED_KILL_ISLAND=$dir/kill-island FED_START_ISLAND=$dir/start-island FED_SQL=$dir/sql
		FED_CHROMIUM=$(command -v chromium)
		export FED_CHROMIUM
		cd "$top/test/browser" || exit
		npm ci --no-audit --no-fund --silent
		npx playwright test --output "$dir/playwright"
	)
}
