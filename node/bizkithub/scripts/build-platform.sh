#!/usr/bin/env bash
# Builds the npm package with the addon for one platform, target/npm/client-PLATFORM, by zig as the linker (cargo-zigbuild):
# linux-x64-gnu for any glibc from 2.17 on, linux-x64-musl for Alpine and its like.
#
# Usage: build-platform.sh PLATFORM
set -euo pipefail
workspace=$(cd "$(dirname "$0")/../../.." && pwd)
cd "$workspace"

platform=$1
case $platform in
linux-x64-gnu) target=x86_64-unknown-linux-gnu.2.17 libc=glibc ;;
linux-x64-musl) target=x86_64-unknown-linux-musl libc=musl ;;
*)
    echo "there is no platform $platform here: linux-x64-gnu, linux-x64-musl" >&2
    exit 2
    ;;
esac
arguments=(zigbuild --release --locked --quiet --package bizkithub-node --target "$target" --target-dir "target/platforms/$platform")

if [ "$libc" = musl ] && ! rustc --print target-libdir --target "$target" | xargs test -d && ! rustup target add "$target" >/dev/null 2>&1; then
    # Where rustup's target cannot be had: Debian's toolchain carries the sources of the standard library.
    if ! ls -d /usr/src/rustc-*/library >/dev/null 2>&1; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src >/dev/null
    fi
    export PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1
    arguments+=(-Zbuild-std=std,panic_unwind)
fi
# An addon is a library, which musl allows only where it is not linked in itself.
[ "$libc" = glibc ] || export RUSTFLAGS="-C target-feature=-crt-static"
cargo "${arguments[@]}"

package=target/npm/client-$platform
rm -rf "$package"
mkdir -p "$package"
cp "target/platforms/$platform/${target%.2.17}/release/libbizkithub_node.so" "$package/bizkithub.node"
cp node/bizkithub/LICENSE-* "$package/"
version=$(node -p "require('./node/bizkithub/package.json').version")
cat >"$package/package.json" <<JSON
{
  "name": "@bizkithub/client-$platform",
  "version": "$version",
  "description": "The addon of the npm package bizkithub for $platform",
  "license": "MIT OR Apache-2.0",
  "repository": {
    "type": "git",
    "url": "git+https://github.com/bizkithub/bizkithub-client.git"
  },
  "os": ["linux"],
  "cpu": ["x64"],
  "libc": ["$libc"],
  "main": "bizkithub.node",
  "files": ["bizkithub.node", "LICENSE-*"],
  "engines": {
    "node": ">=20"
  }
}
JSON
