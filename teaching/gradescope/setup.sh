#!/usr/bin/env bash
# Run once, as root, when Gradescope builds the image: Python 3.12 where none fits, and what answers may import.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
cd "$root/source"
python="$(sh tools/find_python.sh 2>/dev/null)" || {
    apt-get update
    apt-get install -y python3.12 python3.12-venv
    python="$(sh tools/find_python.sh)"
}
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir -r requirements.txt -c requirements/lock.txt
