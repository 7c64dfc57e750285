#!/bin/sh
# Runs test programs and sums up: run.sh LABEL PROGRAM...
#
# Each program prints TAP, one line per test, failures with their reason. The
# exit status is 0 only if every program ended well and no test failed.

label=$1
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

status=0
for program in "$@"
do
	echo "# $(basename "$program"), $label"
	"$program" >"$log.one" 2>&1 || status=1
	grep -v -e '^1\.\.' -e '^# ok' -e '^# not ok' "$log.one"
	cat "$log.one" >>"$log"
	rm -f "$log.one"
done

passed=$(grep -c '^ok' "$log")
failed=$(grep -c '^not ok' "$log")
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ] || status=1

if [ "$status" -eq 0 ]
then
	echo "# $label: $passed passed"
else
	echo "# $label: FAILED ($passed passed, $failed failed)"
fi
exit $status
