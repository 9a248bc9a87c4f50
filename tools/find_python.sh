#!/bin/sh
# Prints the Python to make the environment with: the one that is named, else the first fit one of those installed.
# Fit is 3.11.4 to 3.13 with its venv module. Where none is, one sentence says which were found, and what is needed.
named=${1:-}
[ -n "$named" ] || set -- python3 python3.13 python3.12 python3.11 python
fit='import sys, venv, ensurepip; sys.exit(not ((3, 11, 4) <= sys.version_info[:3] and sys.version_info[:2] <= (3, 13)))'
which='import sys
version = "%d.%d.%d" % sys.version_info[:3]
if sys.version_info[:2] > (3, 13):
    print(version + " is too new (TensorFlow has no build for it yet)")
elif sys.version_info[:3] < (3, 11, 4):
    print(version + " is too old")
else:
    print(version + " has no venv module")'
found=
for python in "$@"; do
    if "$python" -c "$fit" >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
    said=$("$python" -c "$which" 2>/dev/null) || continue
    found="$found${found:+; }$python $said"
done
echo "The book needs Python 3.11.4 to 3.13 with its venv module, and ${named:-none here} is" \
    "${named:+not }that${found:+ ($found)}: install one (Debian, Ubuntu: apt install python3-venv) or name one" \
    "(make book PYTHON=python3.12)." >&2
exit 1
