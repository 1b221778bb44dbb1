#!/usr/bin/env bash
# Fetches the weights that OpenAI trained, and checks that they are the right ones. Or fetches any other GPT-2 of the
# Hugging Face hub, which nobody has checked.
#
#   ./weights-fetch.sh                        GPT-2 (124 million parameters) into weights/gpt2
#   ./weights-fetch.sh gpt2-medium some/dir   another size, another place
#   ./weights-fetch.sh OWNER/NAME             a repository of the hub, into weights/NAME
#
# A file is downloaded as NAME.part, checked against its SHA-256, and only then given its name: so under a file's own name
# there is never half a file or a wrong one. Stop it whenever you like, and run it again: it goes on where it was.
#
# GPT60_MIRROR replaces https://huggingface.co as the place to fetch from. HF_TOKEN is sent there for OWNER/NAME, if it is
# set: a repository that is private or gated asks for it.

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

usage="use: $0 [MODEL [DIR]] with MODEL one of gpt2 (the default), gpt2-medium, gpt2-large, gpt2-xl, distilgpt2; or $0 OWNER/NAME[@REVISION] [DIR [FILE]] for any GPT-2 of the hub"

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
# What git calls a file: the SHA-1 of its length and its bytes.
git_hash_of() {
    local line sha1="shasum -a 1"
    ! has sha1sum || sha1=sha1sum
    line=$({ printf 'blob %s\0' "$(size_of "$1")" && cat "$1"; } | $sha1)
    echo "${line%% *}"
}
# Whether the file $1 has the hash $2. Its own is then in `found`, and what that is in `kind`.
fits() {
    kind=SHA-256
    if [ ${#2} -eq 40 ]; then kind="SHA-1 (in git)"; fi
    if [ ${#2} -eq 40 ]; then found=$(git_hash_of "$1"); else found=$(hash_of "$1"); fi
    [ "$found" = "$2" ]
}
# Whether $1 is the name of a file, an owner or a repository, and leads nowhere else: no "/", no "..", no flag.
is_name() {
    local LC_ALL=C
    case $1 in '' | [!A-Za-z0-9_]* | *..* | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

# --- What was asked for ----------------------------------------------------------------------------------------------

case ${1-} in
    -h | --help)
        printf '%s\n' "Fetches GPT-2's weights, and verifies them; or any GPT-2 of the hub, unverified." "$usage" \
            "REVISION is a branch, a tag or a commit (default: main). DIR is weights/NAME by default." \
            "FILE says which weights to take where there are several: model.safetensors, pytorch_model.bin, a .gguf, ckpt.pt." \
            "GPT60_MIRROR replaces https://huggingface.co as the place to fetch from." \
            "HF_TOKEN is sent there for OWNER/NAME, if it is set: a repository that is private or gated asks for it."
        exit 0
        ;;
esac
model=${1-gpt2}
asked=$model
wanted=
hub=no # whether it is a repository of which nothing is on record here
case $asked in
    */*)
        asked_revision=main
        repository=${asked%%@*}
        [ "$repository" = "$asked" ] || asked_revision=${asked#*@}
        asked_owner=${repository%%/*}
        model=${repository#*/}
        # A branch may have "/" in its name.
        if ! is_name "$asked_owner" || ! is_name "$model" || ! is_name "${asked_revision//\//_}"; then
            say "error: \"$asked\" is no OWNER/NAME or OWNER/NAME@REVISION; $usage"
            exit 2
        fi
        # Where it is one of those on record, it is verified too.
        hub=yes
        if [ $# -lt 3 ] && [ "$repository" = "$asked" ] && use_model "$model"; then
            if [ "$owner" = "$asked_owner" ] && [ "$config" != - ]; then hub=no; fi
        fi
        if [ "$hub" = yes ]; then
            owner=$asked_owner
            revision=${asked_revision//\//%2F}
            wanted=${3-}
        fi
        ;;
esac
dir=${2-weights/$model}
if [ $# -gt 2 ] && [ "$hub" = no ] || [ $# -gt 3 ] || [ -z "$dir" ]; then
    say "error: a model and a directory are all it takes; $usage"
    exit 2
fi
if [ "$hub" = no ] && ! use_model "$model"; then
    say "error: there is no model \"$model\"; $usage"
    exit 2
fi
case $wanted in
    '') [ $# -lt 3 ] || wanted=- ;;
    model.safetensors | model.safetensors.index.json | pytorch_model.bin | pytorch_model.bin.index.json | ckpt.pt) ;;
    *.gguf) is_name "$wanted" || wanted=- ;;
    *) wanted=- ;;
esac
if [ "$wanted" = - ]; then
    say "error: \"$3\" is no file of weights that is read here: expected model.safetensors, pytorch_model.bin, either with .index.json, ckpt.pt, or the name of a .gguf; $usage"
    exit 2
fi
token=
[ "$hub" = no ] || token=${HF_TOKEN-}
case $token in
    *[!A-Za-z0-9._~+/=-]*)
        say "error: HF_TOKEN has characters in it that no token has; set it to the token alone, or unset it"
        exit 2
        ;;
esac
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
if [ -n "$token" ] && ! has curl; then
    case $(wget --version 2>/dev/null || :) in
        *Wget2*) fail "HF_TOKEN is set, and this wget (Wget2) does not say where it is led, so the token might get elsewhere; install curl" ;;
    esac
fi
origin=${base#*://}
origin=${base%%://*}://${origin%%/*}

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

# Looks for each of `files` in the directory. What is not there gets into `missing`, and how many bytes it has into `needed`.
verified=yes
needed=0
missing=
look() {
    local name hash bytes file part right="and is right" changed=
    if [ "$hub" = yes ]; then
        right="as the hub describes it"
        changed=", or the repository has changed since"
    fi
    needed=0
    missing=
    while read -r name hash bytes; do
        [ "$hash" != - ] || verified=no
        file=$dir/$name
        if [ -e "$file" ]; then
            [ -f "$file" ] || fail "$file is there and is no file; give another directory as the second argument"
            if [ "$hash" = - ]; then
                say "$name is there already (there is no hash on record to verify it)"
            elif fits "$file" "$hash"; then
                say "$name is there already, $right"
            else
                fail "$file is there and is not $model's$changed: its $kind is $found, expected $hash; remove it, or give another directory as the second argument"
            fi
            continue
        fi
        missing="$missing $name"
        part=$(size_of "$file.part")
        [ "$part" -ge "$bytes" ] || needed=$((needed + bytes - part))
    done <<<"$files"
}

check_room() {
    local room
    room=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
    case $room in
        '' | *[!0-9]*) ;; # an odd df: then the disk will tell
        *) [ $((room * 1024)) -ge "$needed" ] ||
            fail "$dir has room for $(megabytes $((room * 1024))) MB, and $(megabytes "$needed") MB are needed; make room, or give another directory as the second argument" ;;
    esac
}

# --- Asking, and fetching --------------------------------------------------------------------------------------------

# The token is on no command line, where everyone on this machine could read it. curl is told on its standard input.
for_curl=
[ -z "$token" ] || for_curl="header = \"Authorization: Bearer $token\""

# Waits for what was started last. It runs in the background, because a shell answers a signal only between two commands,
# and `wait` is one that it interrupts.
await() {
    local status=0
    download=$!
    wait "$download" || status=$?
    download=
    return "$status"
}

# What a server said last in the file $1: the status, or with a name as $2 the value of that line of the head.
said() {
    tr -d '\r' <"$1" | awk -v name="${2-}" '
        { sub(/^ +/, "") }
        name == "" && /^HTTP\// { value = $2 }
        name != "" && tolower($1) == name ":" { value = $2 }
        END { print value }'
}

# Whether the address $1 is on another host than the hub.
is_elsewhere() {
    case $1 in "$origin" | "$origin"/*) return 1 ;; esac
}

# wget sends the token wherever an answer leads it, and the files themselves are on another host. So with a token the way is
# gone step by step here: wget gets the token for addresses of the hub alone, and then may follow no answer.
#
# The way from $1 ends at `address`; the heads that were met are in $lock/head.
follow() {
    local steps=0 location
    address=$1
    : >"$lock/head"
    while [ "$steps" -lt 8 ]; do
        if is_elsewhere "$address"; then return 0; fi
        wget_there --quiet --server-response --spider "$address" 2>>"$lock/head" || :
        case $(said "$lock/head") in 301 | 302 | 303 | 307 | 308) ;; *) return 0 ;; esac
        location=$(said "$lock/head" location)
        case $location in
            http://* | https://*) address=$location ;;
            //*) address=${base%%://*}:$location ;;
            /*) address=$origin$location ;;
            *) address=${address%/*}/$location ;;
        esac
        steps=$((steps + 1))
    done
}

# wget with these arguments, the last of which is an address; with the token if that is one of the hub's.
wget_there() {
    local status=0 last=${!#}
    set -- --tries=2 --timeout=30 "$@"
    if [ -n "$token" ] && ! is_elsewhere "$last"; then
        # wget reads this file in place of the user's own, so that comes in front.
        (
            umask 077
            { cat "${WGETRC:-${HOME-}/.wgetrc}" 2>/dev/null || :; } >"$lock/wgetrc"
            printf '\nheader = Authorization: Bearer %s\n' "$token" >>"$lock/wgetrc"
        )
        set -- --config="$lock/wgetrc" --max-redirect=0 "$@"
    fi
    wget "$@" &
    await || status=$?
    rm -f "$lock/wgetrc"
    return "$status"
}

# Asks for the address $1. The answer is in $lock/answer, its heads in $lock/head, its status in `code`. With --head as $2
# nothing but the head is asked for. The exit status is that of curl or wget, if there was no answer.
ask() {
    local status=0 address=$1
    : >"$lock/answer"
    : >"$lock/head"
    if has curl; then
        set -- --silent --location --connect-timeout 30 --speed-limit 1 --speed-time 30 --dump-header "$lock/head" ${2+"$2"} --output "$lock/answer" --config - "$1"
        curl "$@" <<<"$for_curl" &
        await || status=$?
    else
        if [ -n "$token" ]; then follow "$1"; fi
        if [ $# -eq 1 ]; then
            wget_there --quiet --server-response --output-document="$lock/answer" "$address" 2>"$lock/head" || status=$?
        elif [ -z "$token" ] || is_elsewhere "$address"; then
            wget_there --quiet --server-response --spider "$address" 2>>"$lock/head" || status=$?
        fi
    fi
    code=$(said "$lock/head")
    # A directory has no heads, and some versions of wget do not tell them. Then the exit status says what it can.
    if [ -z "$code" ]; then
        case $status in 0) code=200 ;; esac
        if ! has curl; then
            case $status in 6) code=401 ;; 8) code=404 ;; esac
        fi
    fi
    # A refusal is an answer. Half an answer is none.
    case $code in '' | 2??) ;; *) status=0 ;; esac
    return "$status"
}

# Goes on with the file $2 from the address $1; the status is that of curl or wget.
transfer() {
    local show status=0 have address=$1
    have=$(size_of "$2")
    if has curl; then
        show=--silent
        [ ! -t 2 ] || show=--progress-bar
        # A page that says "not found" is a failure, and so is half a minute in which nothing arrives.
        set -- --fail --location "$show" --connect-timeout 30 --speed-limit 1 --speed-time 30 --write-out '%{http_code}' --output "$2" --config - "$1"
        [ "$have" -eq 0 ] || set -- --continue-at - "$@"
        curl "$@" <<<"$for_curl" >"$lock/code" &
        await || status=$?
    else
        show=--quiet
        [ ! -t 2 ] || show=--progress=bar:force
        if [ -n "$token" ]; then follow "$1"; fi
        set -- "$show" --output-document="$2" "$address"
        # -O and -c together do what is wanted: go on with this very file.
        [ "$have" -eq 0 ] || set -- --continue "$@"
        wget_there "$@" || status=$?
    fi
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
        wget-6 | wget-8) echo "the server refuses it." ;;
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
    local file=$dir/$1 url=$base/$owner/$model/resolve/$revision/$1 status resumed
    local part=$file.part
    while :; do
        resumed=$(size_of "$part")
        [ "$resumed" -eq 0 ] || say "$1: going on after $(megabytes "$resumed") MB"
        [ "$resumed" -ne 0 ] || say "$1: fetching $url"
        status=0
        transfer "$url" "$part" || status=$?
        if [ "$resumed" -gt 0 ] && cannot_resume "$status"; then
            if [ "$2" != - ] && fits "$part" "$2"; then
                status=0 # nothing was missing
            else
                say "$1: the server cannot send the rest alone; beginning anew"
                rm -f "$part"
                continue
            fi
        fi
        if [ "$status" -ne 0 ]; then
            [ -s "$part" ] || rm -f "$part"
            case $hub-$status in yes-22 | yes-6 | yes-8) check_access "$url" ;; esac
            fail "$1 could not be fetched from $url: $(reason "$status") (What has arrived is kept: run the same command again to go on. GPT60_MIRROR=ADDRESS fetches from elsewhere.)"
        fi
        [ -f "$part" ] || fail "$1 could not be fetched from $url: the answer was empty"
        [ "$2" != - ] || break
        ! fits "$part" "$2" || break
        rm -f "$part"
        # A part that was begun with other bytes is no longer an explanation after a fresh download.
        if [ "$resumed" -gt 0 ]; then
            say "$1: the parts do not make the right file; beginning anew"
        else
            fail "$1 is not what was expected: its $kind is $found, expected $2. It was damaged on its way, or $base has another file. Nothing was kept; try again, or another GPT60_MIRROR"
        fi
    done
    if [ "$hub" = yes ] && [ "$1" = config.json ]; then check_is_gpt2 "$part"; fi
    mv "$part" "$file"
    case $hub-$2 in
        no--) say "$1: whole" ;;
        no-*) say "$1: whole, and right" ;;
        yes--) say "$1: whole (not verified)" ;;
        *) say "$1: whole, as the hub describes it" ;;
    esac
}

# Fetches those of `files` that are missing.
fetch_missing() {
    local name hash
    while read -r name hash _; do
        case " $missing " in *" $name "*) fetch "$name" "$hash" ;; esac
    done <<<"$files"
}

# --- A repository of the hub: what is in it, and which of that is needed ---------------------------------------------

page=$base/$owner/$model
list_url=$base/api/models/$owner/$model/revision/$revision

# The values in the JSON file $1, one a line: first the keys that lead to it (the number of an element counts as one), then
# the value, with a tab between any two. Strings stay as they are written there, with their escapes.
json() {
    LC_ALL=C awk '
        BEGIN { RS = "\"" } # so that strings and what is between them come by turns
        function value(text,    i, line) {
            if (depth < 1 || depth > 4) return # nothing that is needed here is as deep
            for (i = 1; i <= depth; i++) line = line key[i] "\t"
            gsub(/[\t\r\n]/, "?", text)
            print line text
        }
        function literal() {
            if (number != "") value(number)
            number = ""
        }
        in_string {
            string = string $0
            match($0, /\\*$/)
            if (RLENGTH % 2 == 1) { string = string "\""; next } # the quote is escaped, and belongs to the string
            in_string = 0
            if (is_key) { gsub(/[\t\r\n]/, "?", string); key[depth] = string } else value(string)
            next
        }
        {
            for (i = 1; i <= length($0); i++) {
                c = substr($0, i, 1)
                if (c == "{" || c == "[") {
                    depth++
                    list[depth] = c == "["
                    key[depth] = 0
                    is_key = c == "{"
                } else if (c == "}" || c == "]") {
                    literal()
                    depth--
                    is_key = 0
                } else if (c == ",") {
                    literal()
                    if (list[depth]) key[depth]++
                    is_key = !list[depth]
                } else if (c == ":") is_key = 0
                else if (c !~ /[ \t\r\n]/) number = number c
            }
            in_string = 1
            string = ""
        }' "$1"
}

# Says what can be done, and ends, if the last answer was that the repository is not for everybody.
explain_refusal() {
    local who="it is not given without a token"
    [ -z "$token" ] || who="it is not given for the token in HF_TOKEN"
    case $code in
        401) fail "$owner/$model is private or gated, or is not there at all ($base answers 401): $who. Check the name; if it is gated, ask for access on $page; then set HF_TOKEN to your token" ;;
        403) fail "$owner/$model is private or gated ($base answers 403): $who. Ask for access on $page, then set HF_TOKEN to your token" ;;
    esac
}

# The same for the address $1, of which it is only known that it was refused.
check_access() {
    ask "$1" --head || return 0
    explain_refusal
}

# The files of the repository, if the server says which there are: `listing` has a line for each, with name, hash and bytes.
# Everything that follows is then asked of the very commit that was described. Names that are not plain ones are left out.
list() {
    local status=0 commit hashes=no
    listed=no
    listing=
    case $base in file:*) return 0 ;; esac # a directory answers no questions
    ask "$list_url?blobs=true" || status=$?
    [ "$status" -eq 0 ] || fail "$owner/$model could not be asked for at $base: $(reason "$status") (GPT60_MIRROR=ADDRESS fetches from elsewhere.)"
    case $code in
        2??) ;;
        404) return 0 ;; # such a repository is not there, or a mirror does not know the question: its files will tell
        401 | 403) explain_refusal ;;
        *) fail "$base does not say what is in $owner/$model: the server refuses it (status $code). Try again later; GPT60_MIRROR=ADDRESS fetches from elsewhere" ;;
    esac
    if has sha1sum || has shasum; then hashes=yes; fi
    json "$lock/answer" >"$lock/values"
    listing=$(awk -F '\t' -v hashes="$hashes" '
        $1 != "siblings" { next }
        !($2 in name) { order[++n] = $2; name[$2] = "" }
        NF == 4 && $3 == "rfilename" { name[$2] = $4 }
        (NF == 4 && $3 == "size" || NF == 5 && $4 == "size") && $NF ~ /^[0-9]+$/ && length($NF) < 16 { size[$2] = $NF }
        NF == 4 && $3 == "blobId" && $4 ~ /^[0-9a-f]+$/ && length($4) == 40 { git[$2] = $4 }
        NF == 5 && $3 == "lfs" { large[$2] = 1 } # what git keeps of such a file is not the file
        NF == 5 && $3 == "lfs" && $4 == "sha256" && $5 ~ /^[0-9a-f]+$/ && length($5) == 64 { sha256[$2] = $5 }
        END {
            for (i = 1; i <= n; i++) {
                k = order[i]
                if (name[k] !~ /^[A-Za-z0-9_][A-Za-z0-9._-]*$/ || name[k] ~ /\.\./) continue
                hash = "-"
                if (k in sha256) hash = sha256[k]
                else if (hashes == "yes" && !(k in large) && k in git) hash = git[k]
                print name[k], hash, ((k in size) ? size[k] : 0)
            }
        }' "$lock/values")
    awk -F '\t' '$1 == "siblings" || (NF == 2 && $1 == "sha") { found = 1 } END { exit !found }' "$lock/values" ||
        fail "$list_url answered with something that is no list of files; is there something between you and $base?"
    listed=yes
    commit=$(awk -F '\t' 'NF == 2 && $1 == "sha" { print $2 }' "$lock/values")
    if [ ${#commit} -eq 40 ] && is_name "$commit"; then revision=$commit; fi
}

# Whether the repository has a file $1. Its hash and bytes are then in `entry`.
is_there() {
    local name rest status=0
    while read -r name rest; do
        if [ "$name" = "$1" ]; then
            entry=$rest
            return 0
        fi
    done <<<"$listing"
    if [ "$listed" = yes ]; then return 1; fi
    ask "$page/resolve/$revision/$1" --head || status=$?
    if has curl && [ "$status" -eq 37 ]; then return 1; fi # no such file in a directory
    [ "$status" -eq 0 ] || fail "$1 could not be asked for at $page: $(reason "$status") (GPT60_MIRROR=ADDRESS fetches from elsewhere.)"
    case $code in
        2??) ;;
        404 | 410) return 1 ;;
        401 | 403) explain_refusal ;;
        *) fail "$1 could not be asked for at $page: the server refuses it (status $code). Try again later; GPT60_MIRROR=ADDRESS fetches from elsewhere" ;;
    esac
    # The hub sends large files from another host, and says itself how large they are.
    rest=$(said "$lock/head" x-linked-size)
    [ -n "$rest" ] || rest=$(said "$lock/head" content-length)
    case $rest in '' | *[!0-9]*) rest=0 ;; esac
    entry="- $rest"
    listing="$listing
$1 $entry" # so that it is asked for once
}

# Puts $1 on the list of what is to be fetched, if it is there.
plan() {
    is_there "$1" || return 1
    files="${files:+$files
}$1 $entry"
}

# The first words of the lines that come in, in one line.
comma_separated() {
    awk 'NR <= 20 { printf "%s%s", (NR > 1 ? ", " : ""), $1 } NR == 21 { printf ", ..." }'
}

# The file of weights to take: the one that was named, or the first that is there of those that are read here.
choose_weights() {
    local name ggufs
    weights=$wanted
    if [ -n "$wanted" ]; then
        is_there "$wanted" || fail "$page has no $wanted at $asked_revision; leave it out, and what is there is taken"
        return
    fi
    for name in model.safetensors model.safetensors.index.json pytorch_model.bin pytorch_model.bin.index.json; do
        if is_there "$name"; then
            weights=$name
            return
        fi
    done
    # Several of llama.cpp's files are one model in several precisions. A file in parts is not read here.
    ggufs=$(awk '$1 ~ /\.gguf$/ && $1 !~ /-of-[0-9]+\.gguf$/ { print $1 }' <<<"$listing")
    if [ -n "$ggufs" ]; then
        weights=$(awk '
            NR == 1 { first = $1 }
            tolower($1) ~ /q8_0/ && eight == "" { eight = $1 }
            tolower($1) ~ /f16/ && tolower($1) !~ /bf16/ && half == "" { half = $1 }
            END { print (eight != "" ? eight : half != "" ? half : first) }' <<<"$ggufs")
        if [ "$weights" != "$ggufs" ]; then
            say "note: there are several .gguf, and $weights is taken. To choose, name one after the directory: $0 $asked $(printf %q "$dir") FILE, with FILE one of $(comma_separated <<<"$ggufs")"
        fi
        return
    fi
    if is_there ckpt.pt; then
        weights=ckpt.pt
        return
    fi
    if [ "$listed" = no ]; then
        fail "there is no GPT-2 at $page: neither a list of its files, nor model.safetensors, pytorch_model.bin or ckpt.pt at $asked_revision. Check the name; a .gguf can be named as the third argument"
    fi
    fail "$page has no weights that are read here (model.safetensors, pytorch_model.bin, one of these in parts with its index, a .gguf, ckpt.pt); it has: $(comma_separated <<<"${listing:-nothing}")"
}

# Ends if the configuration $1 is of another kind of model. One that has only just arrived is not kept then.
check_is_gpt2() {
    local type
    json "$1" >"$lock/values"
    type=$(awk -F '\t' 'NF == 2 && $1 == "model_type" { print substr($2, 1, 80) }' "$lock/values")
    if [ -s "$lock/values" ] && { [ -z "$type" ] || [ "$type" = gpt2 ]; }; then return; fi
    case $1 in *.part) rm -f "$1" ;; esac
    [ -s "$lock/values" ] || fail "the config.json of $owner/$model says nothing, or is no JSON. Nothing else was fetched; is there something between you and $base?"
    fail "$owner/$model is no GPT-2: its config.json says model_type \"$type\", and \"gpt2\" is what is read here. Nothing else was fetched"
}

# Puts the parts that the index $1 names on the list of what is to be fetched.
plan_parts() {
    local name names
    json "$dir/$1" >"$lock/values"
    names=$(awk -F '\t' '$1 == "weight_map" && !($NF in seen) { seen[$NF] = 1; print ($NF == "" ? "/" : $NF) }' "$lock/values")
    [ -n "$names" ] || fail "$dir/$1 names no parts, so it is no index of weights; remove it, and try again"
    while IFS= read -r name; do
        case $name in *.safetensors | *.bin) ;; *) name=/ ;; esac
        is_name "$name" || fail "$dir/$1 names a part that is no plain name of a .safetensors or .bin, so nothing of it was fetched; do not trust this repository"
        plan "$name" || fail "$1 names a part $name, and $page has no such file; the repository is not complete"
    done <<<"$names"
}

# The same for the files of the vocabulary, if they are there.
plan_vocabulary() {
    if ! plan tokenizer.json; then
        is_there merges.txt || return 1
        plan vocab.json || : # without it, merges.txt is read with OpenAI's numbers
        plan merges.txt
    fi
}

# Fetches the small file $1, which says what else is needed. `entry` is what is known of it.
fetch_first() {
    files="$1 $entry"
    look
    fetch_missing
    files=
}

if [ "$hub" = yes ]; then
    say "note: $owner/$model is fetched as its owner has put it there. Nothing about it is on record here: what it is, is NOT VERIFIED."
    list
    files=
    choose_weights
    given=$dir
    has_vocabulary=yes
    case $weights in
        *.gguf)
            # It carries its configuration and its vocabulary.
            given=$dir/$weights
            kind_of_gguf=
            [ "$listed" = no ] || kind_of_gguf=$(json "$lock/answer" | awk -F '\t' 'NF == 3 && $1 == "gguf" && $2 == "architecture" { print substr($3, 1, 80) }')
            case $kind_of_gguf in
                '' | gpt2) ;;
                *) fail "$owner/$model is no GPT-2: the hub calls it \"$kind_of_gguf\", and \"gpt2\" is what is read here. Nothing was fetched" ;;
            esac
            ;;
        ckpt.pt)
            # nanoGPT's file carries its configuration. A vocabulary beside it is used.
            plan_vocabulary || :
            ;;
        *)
            is_there config.json || fail "$page has no config.json, which says what the weights are; it cannot be read here"
            fetch_first config.json
            check_is_gpt2 "$dir/config.json"
            case $weights in
                *.index.json)
                    is_there "$weights" || fail "$page has no $weights"
                    fetch_first "$weights"
                    ;;
            esac
            for name in tokenizer_config.json special_tokens_map.json added_tokens.json generation_config.json chat_template.jinja; do
                plan "$name" || :
            done
            plan_vocabulary || has_vocabulary=no
            ;;
    esac
    case $weights in *.index.json) plan_parts "$weights" ;; *) plan "$weights" ;; esac
fi

# --- All of it -------------------------------------------------------------------------------------------------------

look
if [ "$verified" = no ] && [ "$hub" = no ]; then
    say "note: no revision and no hashes of $model are on record here. What is fetched is today's, and is NOT VERIFIED."
fi
if [ -n "$missing" ]; then
    say "$model: about $(megabytes "$needed") MB to fetch into $dir"
    check_room
fi
fetch_missing

prompt='"Alan Turing theorized that computers would one day become"'
if [ "$hub" = yes ] && [ "$has_vocabulary" = no ]; then
    say "note: $owner/$model has no vocabulary that is read here (tokenizer.json, or vocab.json and merges.txt), so it speaks in ids"
    prompt='--ids "0 1 2"'
fi
say "$model is in $dir. Now run:"
say ""
say "    cargo run --release --example greedy -- --model $(printf %q "${given-$dir}") $prompt"
if [ "$hub-$model" = no-gpt2 ]; then
    say ""
    say "GPT-2 goes on with \" the most powerful machines on the planet.\""
fi
