#!/usr/bin/env bash
# Makes a bare Debian 12 or Ubuntu 24.04 ready: system packages where missing, .venv, locked dependencies.
# Running it again changes nothing that is already there.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "no Python 3.11 to 3.13 found. Install one (Debian: apt-get install python3) and run this again."
}

has_library() { ldconfig -p | grep -q "$1" || find /usr/lib /usr/local/lib -name "$1*" -print -quit 2>/dev/null | grep -q .; }

install_packages() {
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    command -v apt-get >/dev/null || die "these system packages are missing: $*. Install them with your package manager."
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || die "these system packages are missing: $*. Install them as root: apt-get install $*"
    say "installing system packages: $*"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

python=$(find_python)

missing=()
has_library libodbcinst.so.2 || missing+=(unixodbc)
command -v odbcinst >/dev/null || missing+=(odbcinst)   # registers FreeTDS when tdsodbc is installed
has_library libtdsodbc.so || missing+=(tdsodbc)
has_library libgssapi_krb5.so.2 || missing+=(libgssapi-krb5-2)   # Microsoft's driver is linked with it
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
odbcinst -q -d 2>/dev/null | grep -qi freetds || die "FreeTDS is installed but not registered with unixODBC: see 'odbcinst -q -d'."

if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
    say "creating .venv"
    rm -rf .venv
    "$python" -m venv .venv
fi

say "installing locked dependencies into .venv (the first time takes about a minute)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch .venv/.installed
say "ready"
