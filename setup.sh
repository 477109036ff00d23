#!/bin/sh
# Prepares this checkout: ./setup.sh run | test. Idempotent: each step is skipped when it is satisfied already.
#   run   PostgreSQL with PostGIS, .venv with the locked dependencies, the map's third-party files
#   test  the same, and the development dependencies, Chromium and a Chinese font for the browser tests
set -eu
cd -P "$(dirname "$0")"
mode=${1:-run}
venv=$PWD/.venv

say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- what is there ----------------------------------------------------------------------------------------

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$name
            return
        fi
    done
    say "Python 3.11 or newer is needed and was not found (Debian 12 or newer, Ubuntu 24.04: apt-get install python3)."
    exit 1
}

# A virtual environment that was moved, copied or whose interpreter is gone is made again.
have_venv() { grep -qsF " $venv" .venv/pyvenv.cfg && .venv/bin/python -c 'import pip' 2>/dev/null; }

have_postgis() {
    for share in "$(pg_config --sharedir 2>/dev/null)" /usr/share/postgresql/*; do
        if [ -e "$share/extension/postgis.control" ]; then return 0; fi
    done
    return 1
}

have_browser() { have chromium || have chromium-browser || have google-chrome; }

have_chinese_font() {
    [ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || { have fc-list && fc-list :lang=zh | grep -q .; }
}

# The PostGIS of the server that is installed, else of the newest one on offer.
postgis_package() {
    installed=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1 | cut -d / -f 5)
    package=$(apt-cache search --names-only "^postgresql-${installed:-[0-9]+}-postgis-3\$" 2>/dev/null |
        cut -d ' ' -f 1 | sort -V | tail -n 1)
    echo "${package:-postgresql-postgis}"
}

# --- system packages --------------------------------------------------------------------------------------

# How to become root: "env" when we are, sudo when it is allowed or somebody can be asked for a password.
find_root() {
    if ! have apt-get; then return 1; fi
    if [ "$(id -u)" = 0 ]; then
        root='env'
    elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        root=sudo
    else
        return 1
    fi
}

# Quiet, unless it fails.
apt() {
    output=$($root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    return 1
}

install_packages() {
    say "installing $*"
    # Debian would create and start a system-wide cluster together with a new server; ours is private. Where
    # nobody has decided about that yet, decide for this installation only, then leave Debian's own default.
    decision=/etc/postgresql-common/createcluster.conf
    default=/usr/share/postgresql-common/createcluster.conf
    if [ -e $decision ]; then
        apt install -y --no-install-recommends "$@"
    else
        $root mkdir -p "${decision%/*}"
        echo 'create_main_cluster = false' | $root tee $decision >/dev/null
        apt install -y --no-install-recommends "$@" && failed=0 || failed=$?
        if [ -e $default ]; then $root cp $default $decision; else $root rm $decision; fi
        return "$failed"
    fi
}

system_packages() {
    needed=''
    wanted=''
    if ! have_venv && ! "$python" -c 'import ensurepip' 2>/dev/null; then
        needed="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    # A server named by DATABASE_URL replaces the private cluster, but not the tests' own.
    if { [ "$mode" = test ] || [ -z "${DATABASE_URL:-}" ]; } && ! have_postgis; then needed="$needed postgis"; fi
    if [ "$mode" = test ]; then
        if ! have curl; then needed="$needed curl"; fi
        if ! have_browser; then wanted="chromium"; fi
        if ! have_chinese_font; then wanted="$wanted fonts-wqy-microhei"; fi
    fi
    if [ -z "$needed$wanted" ]; then return; fi

    if find_root; then
        apt update || say "apt-get update failed; going on with the package lists that are there"
        # shellcheck disable=SC2046,SC2086 # lists of words
        if [ -n "$needed" ]; then install_packages $(name_packages $needed); fi
        # shellcheck disable=SC2086
        if [ -z "$wanted" ] || install_packages $wanted; then return; fi
    elif [ -n "$needed" ]; then
        say "these system packages are missing, and only root can install them. Either run"
        # shellcheck disable=SC2086
        say "    apt-get update && apt-get install --no-install-recommends $(name_packages $needed)"
        say "as root (other systems: PostgreSQL 15 or newer with PostGIS 3 and, for Python, the venv module) and"
        say "start again, or leave it all to containers: docker compose up"
        exit 1
    fi
    say "without $wanted the browser tests are skipped; as root: apt-get install --no-install-recommends $wanted"
}

name_packages() {
    for word; do
        case $word in
        postgis) postgis_package ;;
        *) echo "$word" ;;
        esac
    done | paste -s -d ' '
}

# --- Python -----------------------------------------------------------------------------------------------

# .venv/installed/ keeps a copy of each file as it was when it was last carried out.
installed() { cmp -s "$1" ".venv/installed/$1"; }
remember() { mkdir -p .venv/installed && cp "$1" ".venv/installed/$1"; }
pip() { .venv/bin/python -m pip --disable-pip-version-check install --quiet "$@" >&2; }

install_locked() {
    say "installing $1 into .venv"
    rm -f .venv/installed/requirements.txt .venv/installed/requirements-dev.txt
    pip --require-hashes -r "$1"
    remember "$1"
}

python_packages() {
    if ! have_venv; then
        say "making .venv with $("$python" --version)"
        rm -rf .venv
        "$python" -m venv "$venv"
    fi
    if [ "$mode" = test ]; then
        installed requirements-dev.txt || install_locked requirements-dev.txt
    elif ! installed requirements-dev.txt; then # which holds requirements.txt
        installed requirements.txt || install_locked requirements.txt
    fi
    if ! installed pyproject.toml; then
        pip --no-deps --no-build-isolation --editable .
        remember pyproject.toml
    fi
}

# --- the map's third-party files --------------------------------------------------------------------------

web_packages() {
    if cmp -s web/package-lock.json web/node_modules/installed-package-lock.json; then return; fi
    if ! have npm && [ ! -x .venv/bin/npm ]; then
        say "npm was not found: installing requirements-node.txt into .venv"
        pip --require-hashes -r requirements-node.txt
    fi
    say "installing web/package-lock.json into web/node_modules"
    PATH=$PATH:$venv/bin npm ci --prefix web --ignore-scripts --no-audit --no-fund >&2
    cp web/package-lock.json web/node_modules/installed-package-lock.json
}

case $mode in
run | test) ;;
*)
    say "usage: ./setup.sh run | test"
    exit 2
    ;;
esac
find_python
system_packages
python_packages
web_packages
