#!/usr/bin/env bash
# Format and static analysis: lint.sh [--changed [REF]] (default: the whole tree; --changed: what differs from REF, HEAD).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

"$root/scripts/deps.sh" lint
[[ -f build/dev/compile_commands.json ]] || cmake --preset dev >/dev/null

list_files() {
  if [[ ${1:-} == --changed ]]; then
    git diff --name-only --diff-filter=d "${2:-HEAD}" -- src tests bench
    git ls-files --others --exclude-standard -- src tests bench
  else
    git ls-files --cached --others --exclude-standard -- src tests bench
  fi | grep -E '\.(h|cc)$' | sort -u
}

mapfile -t files < <(list_files "$@")
if [[ ${#files[@]} -eq 0 ]]; then
  echo "lint.sh: nothing to judge"
  exit 0
fi
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.cc$' || true)

printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 20 clang-format-19 --dry-run -Werror
if [[ ${#sources[@]} -gt 0 ]]; then
  # Headers are judged with the sources that include them (HeaderFilterRegex).
  printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy-19 -p build/dev --quiet \
    --extra-arg=-Wno-unknown-warning-option
fi
echo "lint.sh: ${#files[@]} files are clean"
