#!/usr/bin/env bash
# Configures a preset, where that is new or the presets changed, and builds the named targets (without one: its own):
# build.sh [--preset NAME] [TARGET…].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

preset=release
if [[ ${1:-} == --preset ]]; then
  preset=$2
  shift 2
fi
# An aborted first configure leaves a cache without a build file; then it is made again.
if [[ ! -f build/$preset/build.ninja || CMakePresets.json -nt build/$preset/CMakeCache.txt ]]; then
  cmake --preset "$preset"
fi
cmake --build --preset "$preset" ${1+--target "$@"}
