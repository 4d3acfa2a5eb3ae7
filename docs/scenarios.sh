#!/usr/bin/env bash
# Prints the table of docs/servers.md from what the last run of the server contract wrote.
# Usage: docs/scenarios.sh [directory of reports], after ./mvnw verify
set -euo pipefail
shopt -s nullglob
if [ $# -gt 0 ]; then
  reports=("$1"/*.txt)
else
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  reports=(sonde-capture/target/contract/*.txt sonde-helidon/target/contract/*.txt)
fi

awk '
  FNR == 1 { sub(/^contract of /, ""); servers[++n] = $0; next }
  match($0, / (passed|skipped|FAILED) +[0-9]+ ms/) {
    scenario = substr($0, 1, RSTART - 1); sub(/ +$/, "", scenario)
    verdict = substr($0, RSTART, RLENGTH); split(verdict, word, " ")
    if (scenario !~ /^[A-Z][0-9]+[a-z]? /) next
    reason = substr($0, RSTART + RLENGTH); gsub(/^ +| +$/, "", reason)
    if (!(scenario in known)) { known[scenario] = 1; scenarios[++m] = scenario }
    mark = word[1] == "passed" ? "yes" : word[1]
    if (reason != "") {
      if (!(reason in note)) { note[reason] = ++notes; text[notes] = reason }
      mark = mark " (" note[reason] ")"
    }
    cell[scenario, n] = mark
  }
  END {
    line = "| scenario |"; rule = "|---|"
    for (i = 1; i <= n; i++) { line = line " " servers[i] " |"; rule = rule "---|" }
    print line; print rule
    for (i = 2; i <= m; i++) {
      for (j = i; j > 1 && scenarios[j] < scenarios[j - 1]; j--) {
        swap = scenarios[j]; scenarios[j] = scenarios[j - 1]; scenarios[j - 1] = swap
      }
    }
    for (i = 1; i <= m; i++) {
      line = "| " scenarios[i] " |"
      for (j = 1; j <= n; j++) line = line " " ((scenarios[i], j) in cell ? cell[scenarios[i], j] : "not run") " |"
      print line
    }
    print ""
    for (i = 1; i <= notes; i++) print i ". " text[i]
  }
' "${reports[@]}"
