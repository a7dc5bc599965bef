#!/bin/sh
# Make .venv and install everything in it: `make install`. Needs Python 3.11+ and a package index, nothing else.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.installed
inputs="requirements/dev.txt requirements/uv.txt deploy/install.sh libs/common/pyproject.toml services/*/pyproject.toml"
# shellcheck disable=SC2086  # a list of files
wanted=$(cat $inputs | sha256sum)
[ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

# A version manager's shim may exist and still not run: what counts is that it answers.
python=${PYTHON:-}
for candidate in python3 python3.13 python3.12 python3.11; do
    [ -n "$python" ] && break
    "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1 && python=$candidate
done
[ -n "$python" ] || { echo "Halles needs Python 3.11 or later: install it (Debian: apt-get install python3)." >&2; exit 1; }

make_venv() { rm -rf .venv; "$python" -m venv .venv >/dev/null 2>&1; }
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 && ! make_venv; then
    # Debian splits venv from python3
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -yq python3-venv >/dev/null
    fi
    make_venv || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
fi

echo "Installing Halles in .venv ..." >&2
export PIP_ROOT_USER_ACTION=ignore
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
. ./deploy/index.sh
export VIRTUAL_ENV="$PWD/.venv"
install() { # with uv, else with pip, which is slower but follows the whole of its configuration
    .venv/bin/uv pip install --quiet --compile-bytecode "$@" || .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
}
install --require-hashes -r requirements/dev.txt
set --
for member in libs/common services/*/; do set -- "$@" -e "./$member"; done
install --no-deps --no-build-isolation "$@"
printf '%s' "$wanted" > "$stamp"
