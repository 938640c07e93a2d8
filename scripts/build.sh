#!/usr/bin/env bash
# Configures the release preset once and builds the named targets (all without one): build.sh [TARGET…].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# An aborted first configure leaves a cache without a build file; then it is made again.
if [[ ! -f build/release/build.ninja ]]; then
  cmake --preset release
fi
cmake --build --preset release --target "${@:-all}"
