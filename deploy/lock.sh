#!/bin/sh
# Pin all dependencies with their hashes: `make lock`. dev.txt holds everything; each service's file is a part of it, with
# the same versions. No address of an index is written. Upgrade with: make lock UPGRADE=1
set -eu
cd "$(dirname "$0")/.."
. ./deploy/index.sh
export VIRTUAL_ENV="$PWD/.venv"
pin() { .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --no-emit-package halles-common "$@"; }

pin ${UPGRADE:+--upgrade} libs/common/pyproject.toml services/*/pyproject.toml requirements/dev.in --extra runtime -o requirements/dev.txt
pin ${UPGRADE:+--upgrade} requirements/uv.in -o requirements/uv.txt
pin -c requirements/dev.txt requirements/build.in -o requirements/build.txt
for member in services/*/; do
    name=$(basename "$member")
    pin -c requirements/dev.txt libs/common/pyproject.toml "$member/pyproject.toml" --extra runtime -o "requirements/$name.txt"
done
pin -c requirements/dev.txt libs/common/pyproject.toml services/legality/pyproject.toml requirements/sandbox.in --extra runtime -o requirements/sandbox.txt
