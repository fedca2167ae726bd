#!/bin/sh
# Runs each target in one store: the first target in the first store, the second in the second, and round again.
set -eu
tr '{' '\n' |
  sed -n 's/^"clusterType":"\([^"]*\)","target":"\([^"]*\)","policies":\(\[[^]]*\]\).*/\2 \1 \3/p' |
  LC_ALL=C sort |
  awk '
    $1 != target { target = $1; number += 1; candidates = 0 }
    { candidates += 1; store[number, candidates] = $2; policies[number] = $3; name[number] = $1; of[number] = candidates }
    END {
      printf "{\"version\": 1, \"assignments\": ["
      for (i = 1; i <= number; i += 1) {
        printf "%s\n  {\"clusterType\": \"%s\", \"target\": \"%s\", \"policies\": %s, \"reason\": \"number %d in the round\"}", \
          (i > 1 ? "," : ""), store[i, (i - 1) % of[i] + 1], name[i], policies[i], i
      }
      print "\n]}"
    }'
