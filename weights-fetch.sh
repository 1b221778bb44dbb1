#!/usr/bin/env bash
# Fetches the weights that OpenAI trained, and checks that they are the right ones.
#
#   ./weights-fetch.sh                        GPT-2 (124 million parameters) into weights/gpt2
#   ./weights-fetch.sh gpt2-medium some/dir   another size, another place
#
# A file is downloaded as NAME.part, checked against its SHA-256, and only then given its name: so under a file's own name
# there is never half a file or a wrong one. Stop it whenever you like, and run it again: it goes on where it was.
#
# GPT60_MIRROR replaces https://huggingface.co as the place to fetch from.

set -euo pipefail

# --- What there is: file, SHA-256, bytes (rounded where they are not known exactly: they only tell how much room is
# --- needed). A hash of "-" means that none is on record here.

use_model() {
    owner=openai-community
    # All sizes have the same vocabulary.
    vocab=196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783
    merges=1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5
    case $1 in
        gpt2)
            revision=607a30d783dfa663caf39e06633721c8d4cfcd7e
            config=0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4
            weights="248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707 548105171"
            ;;
        gpt2-medium)
            revision=6dcaa7a952f72f9298047fd5137cd6e4f05f41da
            config=ef1a44d889ad1a0acc7731c78134f1b87d2d222f110e97dd10fd4117331caf22
            weights="fc5a354a19255ad494f3d71549390baca1ccf61d1d822b9408971705c687c9cd 1519984962"
            ;;
        gpt2-large)
            revision=32b71b12589c2f8d625668d2335a01cac3249519
            config=7fccdcfd6622055342a734c663ee0b61ff4fd697f42467595df0bf4448c8c170
            weights="5f47f3e12f91cd33b662ce7e433b6150ad5512b5884a2cee961b50e9c3bbebce 3250000000"
            ;;
        gpt2-xl)
            revision=15ea56dee5df4983c59b2538573817e1667135e2
            config=be48115d52314bc27327e160bf10197760db02ea689d10adb24db4102edf7a8a
            weights="0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a 6430000000"
            ;;
        distilgpt2) owner=distilbert revision=main config=- vocab=- merges=- weights="- 360000000" ;;
        *) return 1 ;;
    esac
    # The small ones first: if something is wrong, you learn it soon.
    files="config.json $config 1000
vocab.json $vocab 1042301
merges.txt $merges 456318
model.safetensors $weights"
}

# --- Small helpers ---------------------------------------------------------------------------------------------------

usage="use: $0 [gpt2|gpt2-medium|gpt2-large|gpt2-xl|distilgpt2] [DIR]      (default: gpt2 into weights/gpt2)"

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
megabytes() { echo $((($1 + 999999) / 1000000)); }
size_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
hash_of() {
    local line
    if has sha256sum; then line=$(sha256sum "$1"); else line=$(shasum -a 256 "$1"); fi
    line=${line#\\} # which stands there if the file's name is odd
    echo "${line%% *}"
}

# --- What was asked for ----------------------------------------------------------------------------------------------

case ${1-} in
    -h | --help)
        printf '%s\n' "Fetches GPT-2's weights, and verifies them." "$usage" \
            "GPT60_MIRROR replaces https://huggingface.co as the place to fetch from."
        exit 0
        ;;
esac
model=${1-gpt2}
dir=${2-weights/$model}
if [ $# -gt 2 ] || [ -z "$dir" ]; then
    say "error: a model and a directory are all it takes; $usage"
    exit 2
fi
if ! use_model "$model"; then
    say "error: there is no model \"$model\"; $usage"
    exit 2
fi
case $dir in -*) dir=./$dir ;; esac # no tool shall take it for a flag

for tool in wc tr cat df awk mkdir mv rm; do
    has "$tool" || fail "\"$tool\" is missing; install it, and run this again"
done
has curl || has wget || fail "neither curl nor wget is here; install one of them, and run this again"
has sha256sum || has shasum || fail "neither sha256sum nor shasum is here to verify the files; install one of them, and run this again"

base=${GPT60_MIRROR:-https://huggingface.co}
base=${base%/}
if ! has curl; then
    case $base in file:*) fail "GPT60_MIRROR is $base, and wget cannot read file: addresses; install curl" ;; esac
fi

mkdir -p "$dir" 2>/dev/null || fail "the directory $dir cannot be made; give another one as the second argument"
[ -w "$dir" ] || fail "the directory $dir cannot be written to; give another one as the second argument"

# --- One at a time in a directory, and a clean end -------------------------------------------------------------------

lock=$dir/.fetching
download=
stop() { # a signal came: its name, and the exit status that shells use for it
    trap - EXIT INT TERM HUP
    if [ -n "$download" ]; then
        kill "$download" 2>/dev/null || :
        wait "$download" 2>/dev/null || :
    fi
    rm -rf "$lock"
    say ""
    say "stopped ($1); what has arrived is kept: run the same command again to go on"
    exit "$2"
}
if ! mkdir "$lock" 2>/dev/null; then
    owner_pid=$(cat "$lock/pid" 2>/dev/null || :)
    if [ -z "$owner_pid" ] || kill -0 "$owner_pid" 2>/dev/null; then
        fail "another run is fetching into $dir (if that is not so, remove $lock)"
    fi
    # Its owner was killed without a chance to clean up.
fi
echo $$ 2>/dev/null >"$lock/pid" || { rm -rf "$lock"; fail "nothing can be written into $dir: is the disk full?"; }
trap 'rm -rf "$lock"' EXIT
trap 'stop interrupted 130' INT
trap 'stop terminated 143' TERM
trap 'stop "hung up" 129' HUP

# --- What is there already, and is there room for the rest? ----------------------------------------------------------

verified=yes
needed=0
missing=
while read -r name hash bytes; do
    [ "$hash" != - ] || verified=no
    file=$dir/$name
    if [ -e "$file" ]; then
        [ -f "$file" ] || fail "$file is there and is no file; give another directory as the second argument"
        if [ "$hash" = - ]; then
            say "$name is there already (there is no hash on record to verify it)"
            continue
        fi
        found=$(hash_of "$file")
        if [ "$found" = "$hash" ]; then
            say "$name is there already, and is right"
            continue
        fi
        fail "$file is there and is not $model's: its SHA-256 is $found, expected $hash; remove it, or give another directory as the second argument"
    fi
    missing="$missing $name"
    part=$(size_of "$file.part")
    [ "$part" -ge "$bytes" ] || needed=$((needed + bytes - part))
done <<<"$files"

if [ "$verified" = no ]; then
    say "note: no revision and no hashes of $model are on record here. What is fetched is today's, and is NOT VERIFIED."
fi
if [ -n "$missing" ]; then
    say "$model: about $(megabytes "$needed") MB to fetch into $dir"
    room=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
    case $room in
        '' | *[!0-9]*) ;; # an odd df: then the disk will tell
        *) [ $((room * 1024)) -ge "$needed" ] ||
            fail "$dir has room for $(megabytes $((room * 1024))) MB, and $(megabytes "$needed") MB are needed; make room, or give another directory as the second argument" ;;
    esac
fi

# --- Fetching --------------------------------------------------------------------------------------------------------

# Goes on with the file $2 from the address $1; the status is that of curl or wget.
#
# It runs in the background, because a shell answers a signal only between two commands, and `wait` is one that it interrupts.
transfer() {
    local show status=0 have
    have=$(size_of "$2")
    if has curl; then
        show=--silent
        [ ! -t 2 ] || show=--progress-bar
        # A page that says "not found" is a failure, and so is half a minute in which nothing arrives.
        set -- --fail --location "$show" --connect-timeout 30 --speed-limit 1 --speed-time 30 --write-out '%{http_code}' --output "$2" "$1"
        [ "$have" -eq 0 ] || set -- --continue-at - "$@"
        curl "$@" >"$lock/code" &
    else
        show=--quiet
        [ ! -t 2 ] || show=--progress=bar:force
        set -- "$show" --tries=2 --timeout=30 --output-document="$2" "$1"
        # -O and -c together do what is wanted: go on with this very file.
        [ "$have" -eq 0 ] || set -- --continue "$@"
        wget "$@" &
    fi
    download=$!
    wait "$download" || status=$?
    download=
    return "$status"
}

# What the exit status of curl or wget means.
reason() {
    local tool=wget
    ! has curl || tool=curl
    case $tool-$1 in
        curl-5 | curl-6) echo "the host was not found. Is there a network?" ;;
        curl-7) echo "no connection to the host. Is there a network?" ;;
        curl-22) echo "the server refuses it (status $(cat "$lock/code" 2>/dev/null))." ;;
        curl-18 | curl-56 | curl-92) echo "the connection broke." ;;
        curl-28) echo "the server does not answer." ;;
        curl-37) echo "there is no such file." ;;
        wget-4) echo "no connection to the host, or it broke. Is there a network?" ;;
        wget-8) echo "the server refuses it." ;;
        curl-35 | curl-60 | wget-5) echo "no safe connection to the host." ;;
        curl-23 | wget-3) echo "it cannot be written. Is the disk full?" ;;
        *) echo "$tool ended with status $1." ;;
    esac
}

# Whether curl says that the server does not send parts (33, 36), or that there is no such part (HTTP 416). wget needs no
# help here: it begins anew by itself.
cannot_resume() {
    has curl || return 1
    case $1 in
        33 | 36) return 0 ;;
        22) [ "$(cat "$lock/code" 2>/dev/null)" = 416 ] ;;
        *) return 1 ;;
    esac
}

fetch() { # name, hash
    local file=$dir/$1 url=$base/$owner/$model/resolve/$revision/$1 status found resumed
    local part=$file.part
    while :; do
        resumed=$(size_of "$part")
        [ "$resumed" -eq 0 ] || say "$1: going on after $(megabytes "$resumed") MB"
        [ "$resumed" -ne 0 ] || say "$1: fetching $url"
        status=0
        transfer "$url" "$part" || status=$?
        if [ "$resumed" -gt 0 ] && cannot_resume "$status"; then
            if [ "$2" != - ] && [ "$(hash_of "$part")" = "$2" ]; then
                status=0 # nothing was missing
            else
                say "$1: the server cannot send the rest alone; beginning anew"
                rm -f "$part"
                continue
            fi
        fi
        if [ "$status" -ne 0 ]; then
            fail "$1 could not be fetched from $url: $(reason "$status") (What has arrived is kept: run the same command again to go on. GPT60_MIRROR=ADDRESS fetches from elsewhere.)"
        fi
        [ -f "$part" ] || fail "$1 could not be fetched from $url: the answer was empty"
        [ "$2" != - ] || break
        found=$(hash_of "$part")
        [ "$found" != "$2" ] || break
        rm -f "$part"
        # A part that was begun with other bytes is no longer an explanation after a fresh download.
        if [ "$resumed" -gt 0 ]; then
            say "$1: the parts do not make the right file; beginning anew"
        else
            fail "$1 is not what was expected: its SHA-256 is $found, expected $2. It was damaged on its way, or $base has another file. Nothing was kept; try again, or another GPT60_MIRROR"
        fi
    done
    mv "$part" "$file"
    if [ "$2" = - ]; then say "$1: whole"; else say "$1: whole, and right"; fi
}

while read -r name hash _; do
    case " $missing " in *" $name "*) fetch "$name" "$hash" ;; esac
done <<<"$files"

say "$model is in $dir. Now run:"
say ""
say "    cargo run --release --example greedy -- --model $(printf %q "$dir") \"Alan Turing theorized that computers would one day become\""
if [ "$model" = gpt2 ]; then
    say ""
    say "GPT-2 goes on with \" the most powerful machines on the planet.\""
fi
