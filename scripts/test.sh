#!/usr/bin/env bash
# Installs what is missing, builds a release and what runs under the sanitizers, and runs every test: scripts/test.sh
# [options of ctest, such as -R NAME]. The last line is ctest's summary. REHOME_PRESETS=release: the release alone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
read -ra presets <<<"${REHOME_PRESETS:-release asan tsan}"

"$root/scripts/deps.sh" test
# Programs that nobody here wrote, from their registries, while the compiler works; what is already there is kept.
"$root/tests/peers/fetch.sh" "$root/build/peers" &
fetching=$!
for preset in "${presets[@]}"; do
  "$root/scripts/build.sh" --preset "$preset"
done
wait "$fetching" || true  # what could not be fetched was named; the tests that need it fail
# The tests of all builds are one run with one summary.
mkdir -p "$root/build/tests"
printf 'subdirs("%s")\n' "${presets[@]/#/$root/build/}" >"$root/build/tests/CTestTestfile.cmake"
# Most tests wait for disks and processes rather than for a core.
exec ctest --test-dir "$root/build/tests" --output-on-failure -j4 "$@"
