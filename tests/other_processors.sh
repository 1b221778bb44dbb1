#!/usr/bin/env bash
# Builds the crate for other processors, and runs it under an emulator: for 64-bit ARM, and for s390x, which keeps the
# bytes of a number in the opposite order (big-endian).
#
#   tests/other_processors.sh                     both, with the tools of this machine
#   tests/other_processors.sh aarch64             one of them
#   tests/other_processors.sh --root DIR [...]    with the tools of a Debian system in DIR; on a Debian machine (x86-64), as root
#
# The DIR is made if it is not there: from the packages of Debian's unstable release, where the machine's own apt finds them,
# by `mmdebstrap`. It takes about 3 GB. Run the script again with the same DIR, and it is used again.
#
# Run there: `greedy`, which must write the README's text; `tokenize`, to ids and back; and the tests that compare with other
# implementations. If something is missing, the script says what, and how to get it. That processor is skipped, and the
# status is 0. The status is 1 only if something ran and was wrong.
set -euo pipefail
# The tests that compare with what other programs computed.
tests=(transformers pytorch beam sampler tokenizer directories)
# Compares nothing with other programs, and writes six texts, with up to eight threads: minutes under an emulator.
slow=the_same_seed_writes_the_same_text_with_any_number_of_threads

root=
processors=()
while [ $# -gt 0 ]; do
    case $1 in
    --root)
        root=$(realpath -m "${2:?"--root needs a directory"}")
        shift
        ;;
    aarch64 | s390x) processors+=("$1") ;;
    *)
        echo "$1 is none of: --root DIR, aarch64, s390x" >&2
        exit 2
        ;;
    esac
    shift
done
[ ${#processors[@]} -gt 0 ] || processors=(aarch64 s390x)
cd "$(dirname "$0")/.."

skip() {
    echo "skipped: $1"
    exit 0
}

# ---------------------------------------------------------------------------------------------------------------------
# With the tools of another Debian: make it, put a copy of this directory there, and go on inside
# ---------------------------------------------------------------------------------------------------------------------

if [ -n "$root" ]; then
    [ "$(id -u)" = 0 ] || skip "--root needs the rights of root"
    command -v cargo > /dev/null || skip "cargo is missing; it puts the two helpers of the tests beside the source"
    if [ ! -e "$root" ]; then
        command -v mmdebstrap > /dev/null || skip "mmdebstrap is missing: apt install mmdebstrap"
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | sed -n 1p)
        [ -n "$mirror" ] || skip "apt on this machine knows no packages of Debian (apt-get update?)"
        packages=rustc,cargo,libstd-rust-dev:arm64,libstd-rust-dev:s390x,gcc,libc6-dev,qemu-user
        packages+=,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,gcc-s390x-linux-gnu,libc6-dev-s390x-cross
        echo "--- making $root"
        # A mirror may be a snapshot, whose date has passed; what it holds is signed all the same.
        if ! mmdebstrap --variant=minbase --architectures=amd64,arm64,s390x --include="$packages" sid "$root" \
            "deb [check-valid-until=no] $mirror sid main"; then
            rm -rf "$root"
            skip "mmdebstrap could not make $root: see above"
        fi
    fi
    inside=/gpt60 # where the copy is, as seen from inside
    tree=$root$inside
    mkdir -p "$tree"
    find "$tree" -mindepth 1 -maxdepth 1 ! -name target -exec rm -r {} +
    tar -c --exclude=./target --exclude=./weights --exclude=./.git . | tar -x -C "$tree"
    if [ ! -d "$tree/vendor" ]; then
        mkdir -p "$tree/.cargo"
        (cd "$tree" && cargo vendor > .cargo/config.toml) || skip "cargo could not fetch the two helpers of the tests"
    fi
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$inside/target" CARGO_NET_OFFLINE=true \
        chroot "$root" bash "$inside/tests/other_processors.sh" "${processors[@]}"
fi

# ---------------------------------------------------------------------------------------------------------------------
# With the tools that are here
# ---------------------------------------------------------------------------------------------------------------------

command -v cargo > /dev/null && command -v rustc > /dev/null || skip "cargo or rustc is missing"
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(rustc --version | cut -d ' ' -f 2)
[ "$(printf '%s\n' "$oldest" "$found" | sort -V | head -n 1)" = "$oldest" ] || skip "rustc is $found, and $oldest is needed"

# Prints a line for each tool that is missing for a processor, and how to get it.
missing() {
    local debian=$1
    [ "$1" = aarch64 ] && debian=arm64
    ls "$(rustc --print target-libdir --target "$1-unknown-linux-gnu")"/libstd-*.rlib > /dev/null 2>&1 ||
        echo "  Rust's library: rustup target add $1-unknown-linux-gnu; for Debian's own rustc: apt install libstd-rust-dev:$debian"
    command -v "$1-linux-gnu-gcc" > /dev/null || echo "  the linker: apt install gcc-$1-linux-gnu"
    [ -e "/usr/$1-linux-gnu/lib/libc.so.6" ] || echo "  the C library: apt install libc6-dev-$debian-cross"
    command -v "qemu-$1" > /dev/null || command -v "qemu-$1-static" > /dev/null || echo "  the emulator: apt install qemu-user"
}

n_wrong=0
wrong() {
    echo "WRONG on $1: $2"
    n_wrong=$((n_wrong + 1))
}

# Everything on one processor.
on() {
    local emulator target=$1-unknown-linux-gnu text ids
    emulator=$(command -v "qemu-$1" || command -v "qemu-$1-static")
    local name=CARGO_TARGET_$(echo "${1}_unknown_linux_gnu" | tr a-z A-Z)
    export "${name}_LINKER=$1-linux-gnu-gcc" "${name}_RUNNER=$emulator -L /usr/$1-linux-gnu"

    example() { cargo run --quiet --release --target "$target" --example "$1" -- "${@:2}" 2> /dev/null; }
    if ! cargo build --release --target "$target" --example greedy --example tokenize; then
        wrong "$1" "it does not build"
        return
    fi

    # The beginning goes to standard error, and only what was written to standard output.
    text="Once upon a time$(example greedy)" || wrong "$1" "greedy failed"
    echo "greedy: $text"
    # The README's first block, in which the text is broken into lines.
    [ "$text" = "$(sed -n '/^\$ cargo run --example greedy$/,/^```$/p' README.md | sed '1d;$d' | paste -s -d ' ')" ] ||
        wrong "$1" "the README has another text"

    ids=$(printf 'Alan Turing theorized' | example tokenize) || wrong "$1" "tokenize failed"
    echo "tokenize: $ids"
    [ "$ids" = "36235 39141 18765 1143" ] || wrong "$1" "GPT-2's ids are 36235 39141 18765 1143"
    text="Zoë's 3 naïve cafés,  東京 🦀"
    [ "$(printf '%s' "$text" | example tokenize | example tokenize --decode)" = "$text" ] || wrong "$1" "ids give another text"

    cargo test --no-fail-fast --release --target "$target" "${tests[@]/#/--test=}" -- --skip "$slow" < /dev/null ||
        wrong "$1" "a test failed"
}

ran=()
for processor in "${processors[@]}"; do
    what=$(missing "$processor")
    if [ -n "$what" ]; then
        printf 'skipped: %s. Missing:\n%s\n' "$processor" "$what"
        echo "  or all of it, on a Debian machine, as root: tests/other_processors.sh --root DIR"
    else
        echo "--- $processor, with rustc $found"
        on "$processor"
        ran+=("$processor")
    fi
done
[ "$n_wrong" = 0 ] || exit 1
[ ${#ran[@]} = 0 ] || echo "other processors: ok on ${ran[*]}"
