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

has_file() { find "$1" -name "$2" -print -quit 2>/dev/null | grep -q .; }   # a folder, a name

# The tests' browser: what tests/support/browser.py looks for.
has_browser() {
    command -v "${SQLHOSTING_TEST_BROWSER:-chromium-headless-shell}" chromium chromium-browser google-chrome >/dev/null
}

# The tests' PostgreSQL: what tests/support/postgres.py looks for. Debian keeps the server's programs off the PATH.
has_postgres() { command -v postgres >/dev/null || has_file /usr/lib/postgresql initdb; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

why_not_install() {   # says nothing when packages can be installed
    command -v apt-get >/dev/null || { echo "Install them with your package manager."; return; }
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || echo "Install them as root: apt-get install $*"
}

update_packages() {   # once
    [ -z "${updated:-}" ] || return 0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    updated=yes
}

install_packages() {
    say "installing system packages: $*"
    update_packages
    # dpkg's own progress goes to stdout, apt's warnings and errors to stderr.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The tests start servers of their own. Installing the package would make and start one more, so a file tells
# Debian's scripts not to, for as long as we install.
install_postgres() {
    local settings=/etc/postgresql-common/createcluster.d/sqlhosting-setup.conf status=0
    as_root mkdir -p "${settings%/*}" || return
    trap "as_root rm -f $settings" EXIT
    echo "create_main_cluster = false" | as_root tee "$settings" >/dev/null || return
    install_packages postgresql || status=$?
    as_root rm -f "$settings"
    trap - EXIT
    return "$status"
}

install_for_tests() {
    local package failed=0
    update_packages || return 1
    for package in "$@"; do
        case $package in
            postgresql) install_postgres || failed=1 ;;
            chromium)
                # The sandbox is for users other than root. The shell is Chromium without windows: half the work.
                if apt-cache show chromium-headless-shell >/dev/null 2>&1; then
                    install_packages chromium-headless-shell chromium-sandbox || failed=1
                elif apt-cache show chromium >/dev/null 2>&1; then
                    install_packages chromium chromium-sandbox || failed=1
                else   # Ubuntu's chromium-browser is only a stub for a snap
                    say "there is no package 'chromium' here. For the browser tests, install Google Chrome," \
                        "or set SQLHOSTING_TEST_BROWSER to the path of a Chromium."
                    failed=1
                fi ;;
            *) install_packages "$package" || failed=1 ;;
        esac
    done
    return $failed
}

python=$(find_python)

missing=()
has_library libodbcinst.so.2 || missing+=(unixodbc)
command -v odbcinst >/dev/null || missing+=(odbcinst)   # registers FreeTDS when tdsodbc is installed
has_library libtdsodbc.so || missing+=(tdsodbc)
has_library libgssapi_krb5.so.2 || missing+=(libgssapi-krb5-2)   # Microsoft's driver is linked with it
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    why=$(why_not_install "${missing[@]}")
    [ -z "$why" ] || die "these system packages are missing: ${missing[*]}. $why"
    install_packages "${missing[@]}"
fi
odbcinst -q -d 2>/dev/null | grep -qi freetds || die "FreeTDS is installed but not registered with unixODBC: see 'odbcinst -q -d'."

# What only the tests need: the platform works without, so nothing here ends the set-up.
missing=()
has_browser || missing+=(chromium)
has_file /usr/share/fonts '*.[to]tf' || missing+=(fonts-liberation)   # else pages have no letters
has_library libatomic.so.1 || missing+=(libatomic1)   # Playwright's driver is linked with it
has_postgres || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
    why=$(why_not_install "${missing[@]}")
    if [ -n "$why" ]; then
        say "'make test' will fail, since these system packages are missing: ${missing[*]}. $why"
    else
        install_for_tests "${missing[@]}" || say "'make test' will fail: see above what could not be installed."
    fi
fi

if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
    say "creating .venv"
    rm -rf .venv
    "$python" -m venv .venv
fi

say "installing locked dependencies into .venv (the first time takes about a minute)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --config-settings editable_mode=compat --editable .
touch .venv/.installed
say "ready"
