#!/usr/bin/env bash
# Does what the README says under "Without a network", word for word, in a copy of this directory and with a cargo that has
# never downloaded anything: the model must write, and the exercises must have verdicts.
#
#   tests/without_network.sh
#
# The last part, `cargo vendor`, needs a network once; where there is none, it is skipped, and the script says so.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/home"
tar -c --exclude=./target --exclude=./weights --exclude=./.git . | tar -x -C "$work/tree"

# The N-th block of commands of the README's section.
block() {
    awk -v n="$1" '
        /^## / { inside = ($0 == "## Without a network") }
        inside && /^```/ { open = !open; if (open) i++; next }
        inside && open && i == n' README.md
}

# Runs commands with a cargo that has nothing and may fetch nothing.
without_network() {
    (cd "$work/tree" && CARGO_HOME="$work/home" CARGO_NET_OFFLINE=true CARGO_TARGET_DIR="$work/target" bash -ec "$1")
}

fail() {
    echo "FAILED: $1"
    exit 1
}

for n in 1 2; do
    [ -n "$(block $n)" ] || fail "README.md has no block $n under \"Without a network\""
done

echo "--- before: cargo finds no helpers"
if without_network 'cargo build --example greedy' > "$work/before" 2>&1; then
    fail "it builds even before: this cargo has the helpers from somewhere, and nothing below would be shown"
fi
grep -q 'no matching package' "$work/before" || { cat "$work/before"; fail "cargo gives another reason"; }

echo "--- the README's words:"
block 1
without_network "$(block 1)" > "$work/story"
grep -q 'there was a little girl named Lily' "$work/story" || fail "greedy writes something else: $(cat "$work/story")"
without_network 'cargo run --quiet --example exercises -- list' > "$work/list"
grep -q '^softmax .*  not started  \|^softmax .*  done  \|^softmax .*  wrong  ' "$work/list" ||
    fail "no verdict: $(cat "$work/list")"

echo "--- the README's words for the tests:"
block 2
(cd "$work/tree" && mv Cargo.toml.bak Cargo.toml)
cp Cargo.lock "$work/tree"
if ! (cd "$work/tree" && bash -ec "$(block 2)") 2> "$work/vendor"; then
    echo "skipped: $(tail -n 1 "$work/vendor")"
else
    without_network 'cargo test --test floors'
fi
echo "without a network: ok"
