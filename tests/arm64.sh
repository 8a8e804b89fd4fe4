#!/bin/sh
# The kernels' tests on an ARM processor of 64 bits, emulated:
#
#     tests/arm64.sh FOLDER [what pytest is to run]
#
# Needs qemu-user-static and mmdebstrap, which Debian and Ubuntu have (on Ubuntu also debian-archive-keyring), and a Python
# with pip; no other rights than to write to FOLDER. Into it come, once, Debian's Python and the libraries that pyproject.toml
# names, for ARM: half a minute, 0.4 GB. Only programs are emulated, not a machine: paths that are not in FOLDER/root are this
# machine's. Compiled kernels are kept in FOLDER/home.
#
# What is run where nothing else is asked for takes four minutes on two cores, and two when its kernels are kept:
# tests/kernels, and every kernel against its reference. "tests/arm64.sh FOLDER -n 2 tests/kernels tests/ops" takes ten.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
if [ $# = 0 ]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
root=$folder/root

if [ ! -e "$folder/ready" ]; then
    rm -rf "$root"
    mmdebstrap --quiet --variant=extract --architectures=arm64 --include=python3,libgomp1,libstdc++6 bookworm "$root"
    program=$(cd "$root/usr/bin" && ls -d python3.*[0-9])
    libraries=$root/usr/local/lib/$program/dist-packages
    mkdir -p "$libraries" "$root/usr/lib/python3/dist-packages" # the second so that this machine's is not looked into

    platforms=
    for version in 17 24 26 27 28 31 34; do platforms="$platforms --platform manylinux_2_${version}_aarch64"; done
    "$python" -c '
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
print(*project["dependencies"], *project["optional-dependencies"]["test"], sep="\n")
' "$repository/pyproject.toml" > "$folder/requirements.txt"
    # shellcheck disable=SC2086
    "$python" -m pip --disable-pip-version-check install -q --target "$libraries" --python-version "${program#python}" \
        --platform manylinux2014_aarch64 $platforms --only-binary=:all: -r "$folder/requirements.txt"

    printf '#!/bin/sh\nexec qemu-aarch64-static -L "%s" "%s" "$@"\n' "$root" "$root/usr/bin/$program" > "$folder/python"
    chmod +x "$folder/python"
    # what tests start is emulated as well: the kernel of this machine would not know what to do with sys.executable
    printf 'import sys; sys.executable = "%s"\n' "$folder/python" > "$libraries/emulated.pth"
    touch "$folder/ready"
fi

export MINIDL_HOME="$folder/home" PYTHONPYCACHEPREFIX="$folder/pycache" OPENBLAS_NUM_THREADS=1
cd "$repository"
"$folder/python" -c '
import platform
from minidl.kernels.numba._machine import MACHINE
print(platform.machine(), platform.python_version(), MACHINE)
'
if [ $# = 0 ]; then
    set -- -n 2 tests/kernels tests/ops/test_kernels.py -k "equals_reference or not test_kernels.py"
fi
exec "$folder/python" -m pytest -q -p no:cacheprovider "$@"
