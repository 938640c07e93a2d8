#!/usr/bin/env bash
# Installs what is missing, builds a release, and moves the demo application: scripts/demo.sh [options of `rehome demo`].
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/deps.sh" build
"$root/scripts/build.sh" rehome
exec "$root/build/release/rehome" demo "$@"
