#!/bin/sh
# Make .venv and install everything in it: `make install`. Needs Python 3.11+ and a package index, nothing else.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.installed
inputs="requirements/dev.txt requirements/uv.txt deploy/install.sh libs/common/pyproject.toml services/*/pyproject.toml"
# shellcheck disable=SC2086  # a list of files
wanted=$(cat $inputs | sha256sum)
[ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

python=${PYTHON:-}
for candidate in python3.13 python3.12 python3.11 python3; do
    [ -n "$python" ] && break
    command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && python=$candidate
done
[ -n "$python" ] || { echo "Halles needs Python 3.11 or later: install it (Debian: apt-get install python3)." >&2; exit 1; }

make_venv() { rm -rf .venv; "$python" -m venv .venv 2>/dev/null; }
if [ ! -x .venv/bin/pip ] && ! make_venv; then
    # Debian splits venv from python3
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -yq python3-venv >/dev/null
    fi
    make_venv || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
fi

echo "Installing Halles in .venv ..."
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
# uv does not read pip's own configuration: hand over the index that pip knows, if one is set.
index=$(.venv/bin/pip config get global.index-url 2>/dev/null || true)
[ -n "${PIP_INDEX_URL:-$index}" ] && export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}"
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip install --quiet --require-hashes -r requirements/dev.txt
for member in libs/common services/*/; do set -- "$@" -e "$member"; done
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation "$@"
printf '%s' "$wanted" > "$stamp"
