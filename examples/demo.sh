#!/bin/sh
# Tags the customers of a file on a sandbox of its own, and shows every command as it is run.
#
# Usage: examples/demo.sh PATH_OF_BIZKITHUB
#
# It needs nothing but a POSIX system and the command itself, keeps to this machine, and leaves nothing behind.
set -eu

bizkithub=${1:?usage: examples/demo.sh PATH_OF_BIZKITHUB}
case $bizkithub in
    /*) ;;
    */*) bizkithub=$(pwd)/$bizkithub ;;
esac
cd "$(dirname "$0")"
temporary=$(mktemp -d "${TMPDIR:-/tmp}/bizkithub-demo.XXXXXX")
sandbox=

clean_up() {
    trap - EXIT
    if [ -n "$sandbox" ]; then
        kill "$sandbox" 2>/dev/null || :
        wait "$sandbox" 2>/dev/null || :
    fi
    rm -rf "$temporary"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    printf '\n# %s\n' "$*"
}

# Shows a command, runs it, and insists on its exit code.
show() {
    expected=$1
    shift
    printf '$ bizkithub'
    for argument in "$@"; do
        # The folder of this demo is of no interest.
        printf ' %s' "${argument#"$temporary"/}"
    done
    printf '\n'
    code=0
    "$bizkithub" "$@" || code=$?
    if [ "$code" -ne "$expected" ]; then
        printf 'the command ended with %s instead of %s\n' "$code" "$expected" >&2
        exit 1
    fi
}

say "A sandbox: the API on this machine, which takes 120 ms for every request."
printf '$ bizkithub sandbox --latency 120ms --json &\n'
mkfifo "$temporary/sandbox.json"
"$bizkithub" sandbox --latency 120ms --json >"$temporary/sandbox.json" &
sandbox=$!
# Reading waits for its first line, and ends at once when it cannot start.
read -r started <"$temporary/sandbox.json" || { echo "the sandbox did not start" >&2; exit 1; }
value() {
    printf '%s\n' "$started" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"
}
BIZKITHUB_BASE_URL=$(value url)
BIZKITHUB_API_KEY=$(value apiKey)
export BIZKITHUB_BASE_URL BIZKITHUB_API_KEY
# Where the ledger is kept; usually the user's own folder.
export XDG_STATE_HOME="$temporary/state"
printf '$ export BIZKITHUB_BASE_URL=%s BIZKITHUB_API_KEY=%s\n' "$BIZKITHUB_BASE_URL" "$BIZKITHUB_API_KEY"
show 0 ping

say "The plan: what a file of customers will cost and do. Nothing is sent."
show 1 plan customers.csv --email email --cu-ref-no cuRefNo --groups segment
say "It ended with 1, because some rows are rejected."

say "The run: one request for each customer, and an outcome for every row."
show 1 run customers.csv --email email --cu-ref-no cuRefNo --groups segment --rejects "$temporary/rejects.csv"
say "It ended with 1 too: everything is applied but the rejected rows, which wait for somebody to correct them."

printf '$ cat rejects.csv\n'
cat "$temporary/rejects.csv"

say "The same command again: the ledger knows what was acknowledged, and nothing is sent."
show 1 run customers.csv --email email --cu-ref-no cuRefNo --groups segment --rejects "$temporary/rejects.csv"
show 0 ledger show

say "What the sandbox holds now."
show 0 sandbox show
