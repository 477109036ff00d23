#!/bin/sh
# Prepares the bench: wrk, pgbench and build/bench-venv with the locked peers. Each step is skipped when it is
# satisfied already; the project itself is prepared by ./setup.sh.
#   bench/setup.sh         install what is missing
#   bench/setup.sh lock    lock requirements.in anew, with the project's versions where it has them
set -eu
cd -P "$(dirname "$0")/.."
venv=$PWD/build/bench-venv

say() { printf 'bench: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- the load generators ----------------------------------------------------------------------------------

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

have_pgbench() {
    for bin in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin; do
        if [ -x "$bin/pgbench" ]; then return 0; fi
    done
    return 1
}

load_generators() {
    needed=''
    if ! have wrk; then needed=wrk; fi
    if ! have_pgbench; then needed="$needed postgresql-contrib"; fi # other systems split it off the server
    if [ -z "$needed" ]; then return; fi
    if ! find_root; then
        say "missing, and only root can install: apt-get install --no-install-recommends $needed"
        exit 1
    fi
    say "installing $needed"
    apt update || say "apt-get update failed; going on with the package lists that are there"
    # shellcheck disable=SC2086 # a list of words
    apt install -y --no-install-recommends $needed
}

# --- the peers --------------------------------------------------------------------------------------------

have_venv() { grep -qsF " $venv" "$venv/pyvenv.cfg" && "$venv/bin/python" -c 'import pip' 2>/dev/null; }

peers() {
    if ! have_venv; then
        rm -rf "$venv"
        .venv/bin/python -m venv "$venv"
    fi
    if cmp -s bench/requirements.txt "$venv/installed.txt"; then return; fi
    say "installing bench/requirements.txt into build/bench-venv"
    "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r bench/requirements.txt >&2
    cp bench/requirements.txt "$venv/installed.txt"
}

lock() {
    if [ ! -x build/uv/bin/uv ]; then python3 -m venv build/uv && build/uv/bin/pip install --quiet uv; fi
    build/uv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command 'bench/setup.sh lock' \
        -c requirements.txt bench/requirements.in -o bench/requirements.txt
}

case ${1:-} in
'')
    load_generators
    peers
    ;;
lock) lock ;;
*)
    say "usage: bench/setup.sh [lock]"
    exit 2
    ;;
esac
