#!/bin/sh
# Prints the Python to make the environment with: the one that is named, else the first fit one of those installed.
# Fit is 3.11 to 3.13 with its venv module. Where none is, one sentence says so.
named=${1:-}
[ -n "$named" ] || set -- python3 python3.13 python3.12 python3.11 python
fit='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
for python in "$@"; do
    if "$python" -c "$fit" >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
done
echo "The book needs Python 3.11, 3.12 or 3.13 with its venv module, and ${named:-none here} is ${named:+not }that:" \
    "install one (Debian, Ubuntu: apt install python3-venv) or name one (make book PYTHON=python3.12)." >&2
exit 1
