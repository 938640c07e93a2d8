#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing: deps.sh [build|test|lint] (default: test; each set holds the one before).
# Needs root or sudo only if something is missing; a second run does nothing.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config ca-certificates
  libbson-dev libmongoc-dev libsqlite3-dev libcurl4-openssl-dev libboost1.81-dev libsimdjson-dev
  nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libfmt-dev libspdlog-dev libssl-dev
  libjq-dev libonig-dev libpcre2-dev libsodium-dev libzstd-dev
  # The configure step describes the tests too, so that demo.sh and test.sh share one build directory.
  libgtest-dev libgmock-dev librapidcheck-dev
)
test_packages=(python3-venv clang-19 libclang-rt-19-dev lld-19)  # the sanitizers' presets are built by clang
lint_packages=(clang-format-19 clang-tidy-19)

# Programs that may come from elsewhere than Debian: the package is wanted only where the command is absent.
build_commands=(python3:python3)
test_commands=(node:nodejs npm:npm jq:jq javac:default-jdk-headless mvn:maven go:golang-go)

want_commands() {
  local pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
}

want_packages() {
  local present package
  present=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qxF "$package installed" <<<"$present" || missing+=("$package")
  done
}

missing=()
want_packages "${build_packages[@]}"
want_commands "${build_commands[@]}"
case "${1:-test}" in
  build) ;;
  test)
    want_packages "${test_packages[@]}"
    want_commands "${test_commands[@]}"
    ;;
  lint)
    want_packages "${test_packages[@]}" "${lint_packages[@]}"
    want_commands "${test_commands[@]}"
    ;;
  *)
    echo "usage: deps.sh [build|test|lint]" >&2
    exit 2
    ;;
esac
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "deps.sh: these packages are missing and need root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "deps.sh: installing ${missing[*]}"
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}"
}
# The package lists are refreshed only if what stands there cannot install the packages.
if ! install >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update
  install
fi
