#!/usr/bin/env bash
# Installs what is missing, builds a release and runs every test: scripts/test.sh [options of ctest, such as -R NAME].
# The last line is ctest's summary.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/deps.sh" test
# Programs that nobody here wrote, from their registries, while the compiler works; what is already there is kept.
"$root/tests/peers/fetch.sh" "$root/build/peers" &
fetching=$!
"$root/scripts/build.sh"
wait "$fetching"
# Most tests wait for disks and processes rather than for a core.
exec ctest --test-dir "$root/build/release" --output-on-failure -j4 "$@"
