#!/usr/bin/env bash
# Runs the bindings under the address and the leak sanitizer, and the core's shared state under the thread sanitizer; from the workspace's
# root, after `make python node`. The stable compiler has the sanitizers behind its switch for what is not stable yet.
set -euo pipefail
root=$PWD
host=$(rustc -vV | sed -n 's/^host: //p')
out=$root/target/sanitizers
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$out CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only

echo "== Threads: the core's shared state"
# The standard library is built with the sanitizer too, or it would see races where there are none.
rustup --quiet component add rust-src
RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS=halt_on_error=1 cargo test --release --locked --quiet --target "$host" -Zbuild-std \
    --package bizkithub --no-default-features --features native --test threads

echo "== Addresses and leaks: building the bindings"
RUSTFLAGS=-Zsanitizer=address cargo build --release --locked --quiet --target "$host" --package bizkithub-python --package bizkithub-node
# Interpreters know nothing of the sanitizer, so that its runtime has to go before everything else; GCC's is compatible with LLVM's.
runtime=$(gcc -print-file-name=libasan.so)
libraries=$out/$host/release
for library in lib_native.so libbizkithub_node.so; do
    grep --quiet __asan_init "$libraries/$library" || { echo "$library is built without the sanitizer" >&2; exit 1; }
done

echo "== Python"
rm -rf "$out/python"
mkdir "$out/python"
cp -r python/bizkithub/src/bizkithub "$out/python"
cp "$libraries/lib_native.so" "$out/python/bizkithub/_native.abi3.so"
cd python/bizkithub
# Not those that interrupt or end processes, which the sanitizer makes slow and loud. Python allocates by `malloc`, so that every object is
# seen.
LD_PRELOAD=$runtime PYTHONMALLOC=malloc PYTHONPATH=$out/python ASAN_OPTIONS=detect_leaks=0 \
    timeout 600 "$root/.venv/bin/python" -m pytest -q --no-header -p no:cacheprovider \
    tests/test_{bad_input,calls,errors,frames,ledger,log,otlp,plan,results,sandbox,vectors}.py
cd "$root"
leaks=(env "LD_PRELOAD=$runtime" PYTHONMALLOC=malloc "PYTHONPATH=$out/python" timeout 120 .venv/bin/python)
"${leaks[@]}" tests/sanitizers/leaks.py "$out/python"
# The sanitizer must see a leak, or its silence says nothing.
if "${leaks[@]}" -c 'import ctypes; ctypes.CDLL(None).malloc(12345)' 2> /dev/null; then echo "a leak was not seen" >&2; exit 1; fi

echo "== Node"
# A tree in which the tests find everything where it is, but the addon.
rm -rf "$out/node"
mkdir -p "$out/node/node/bizkithub"
ln -s "$root/tests" "$root/README.md" "$root/docs" "$out/node"
ln -s "$root/node/node_modules" "$out/node/node"
cp -r node/bizkithub/{dist,package.json,README.md,test} "$out/node/node/bizkithub"
cp "$libraries/libbizkithub_node.so" "$out/node/node/bizkithub/bizkithub.node"
cp tests/sanitizers/leaks.mjs "$out/node/node/bizkithub"
cd "$out/node/node/bizkithub"
# What V8 allocates lives as long as the process. The classes of the addon are referred to for ever by napi-rs, once for each process.
LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0 timeout 600 node --test --test-reporter=dot \
    test/{client,errors,event,otlp,plan,sandbox,transport,vectors}.test.mjs
LD_PRELOAD=$runtime LSAN_OPTIONS="suppressions=$root/tests/sanitizers/leaks.supp:print_suppressions=0" timeout 120 node leaks.mjs
