#!/usr/bin/env bash
# Format and static analysis: lint.sh [--changed [REF]] (default: the whole tree; --changed: what differs from REF, HEAD).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

"$root/scripts/deps.sh" lint

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
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 20 clang-format-19 --dry-run -Werror

# Headers are judged with the sources that include them (HeaderFilterRegex). Of the whole tree a module is judged as one
# file, which costs a fifth. Tests: their doubles and fixtures are used where they stand, their functions are tables of cases.
for_tests=-bugprone-suspicious-include,-modernize-use-nodiscard,-readability-make-member-function-const,-readability-function-size
for_tests+=,-cppcoreguidelines-virtual-class-destructor,-cppcoreguidelines-special-member-functions
tidy() {
  local sources
  mapfile -t sources
  local tests='(_test\.cc$|_test\.dir/|/tests/|^tests/)'
  local clean=true
  { printf '%s\n' "${sources[@]}" | grep -Ev "$tests" || true; } | judge "$1" -bugprone-suspicious-include || clean=false
  { printf '%s\n' "${sources[@]}" | grep -E "$tests" || true; } | judge "$1" "$for_tests" || clean=false
  $clean
}
judge() {
  xargs -r -P "$(nproc)" -n 1 clang-tidy-19 -p "build/$1" --quiet --checks="$2" \
    --extra-arg=-Wno-unknown-warning-option
}
if [[ ${1:-} == --changed ]]; then
  [[ -f build/dev/compile_commands.json ]] || cmake --preset dev >/dev/null
  { printf '%s\n' "${files[@]}" | grep '\.cc$' || true; } | tidy dev
else
  cmake --preset lint >/dev/null
  python3 - build/lint/compile_commands.json <<'PYTHON' | tidy lint
import json, sys
for command in json.load(open(sys.argv[1])):
    file = command["file"]
    if "/Unity/" in file or "/build/" not in file:  # others in build/ are generated
        print(file)
PYTHON
fi
echo "lint.sh: ${#files[@]} files are clean"
