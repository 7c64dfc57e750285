# shellcheck shell=bash
# Read from a part's output how many of its tests passed and failed.
#
# Understood: TAP and pg_regress 16+ ("ok 3 - name"), pg_regress 15 ("test name ... ok"), cmocka,
# Python's unittest, node's test runner, Playwright. A part whose output counts nothing is one test: its exit status.

# count_tests LOG STATUS: print "passed failed".
count_tests() {
	awk -v status="$2" '
		/^ok [0-9]+/ { if ($0 !~ /# *[Ss][Kk][Ii][Pp]/) passed++ }
		/^not ok [0-9]+/ { if ($0 !~ /# *TODO/) failed++ }
		/^(test|     ) *[^ ]+ +\.\.\. ok/ { passed++ }
		/^(test|     ) *[^ ]+ +\.\.\. FAILED/ { failed++ }
		/^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
		/^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
		/^Ran [0-9]+ tests? in / { ran += $2 }
		/^ℹ pass [0-9]+$/ { passed += $3 }
		/^ℹ fail [0-9]+$/ { failed += $3 }
		/^  [0-9]+ passed \([0-9.a-z]+\)$/ { passed += $1 }
		/^  [0-9]+ failed$/ { failed += $1 }
		/^FAILED \(.*\)$/ {
			n = split($0, word, /[^0-9]+/)
			for (i = 1; i <= n; i++) broken += word[i]
		}
		END {
			passed += ran - broken
			failed += broken
			if (status != 0 && failed == 0) failed = 1
			if (status == 0 && passed + failed == 0) passed = 1
			print passed + 0, failed + 0
		}' "$1"
}
