#!/bin/sh
# Install requirements.lock, checked by hash, into a virtual environment: install.sh [folder, default /opt/venv]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-/opt/venv}

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-cache-dir uv
"$venv/bin/uv" pip install --quiet --no-cache --compile-bytecode --python "$venv/bin/python" \
    --require-hashes -r "$root/requirements.lock"
