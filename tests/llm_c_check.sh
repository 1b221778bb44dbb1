#!/usr/bin/env bash
# Runs an exported storybook in llm.c, and compares forty greedy ids with those of `greedy`. Run by hand:
#
#     cargo build --examples
#     tests/llm_c_check.sh LLM_C target/debug/examples
#
# LLM_C is a clone of https://github.com/karpathy/llm.c. It agreed at commit f1e2ace651495b74ae22d45d1723443fd00ecd3a.

set -euo pipefail

if [ $# -ne 2 ] || [ ! -f "$1/train_gpt2.c" ]; then
    echo "use: $0 LLM_C EXAMPLES    (a clone of llm.c, and the directory of the built examples)" >&2
    exit 2
fi
command -v cc >/dev/null || { echo "SKIPPED: there is no C compiler (cc)"; exit 0; }
llm_c=$(cd "$1" && pwd)
examples=$(cd "$2" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# llm.c's own model; only the loop around it is written here. It has no cache: each token is a pass over everything.
cat >"$scratch/greedy.c" <<'END'
#define TESTING
#include "train_gpt2.c"
int main(int n_words, char **words) {
    GPT2 model;
    gpt2_build_from_checkpoint(&model, words[1]);
    int begin = n_words - 3, end = begin + atoi(words[2]);
    int *ids = calloc(end, sizeof(int));
    for (int i = 0; i < begin; i++) ids[i] = atoi(words[i + 3]);
    for (int t = begin; t < end; t++) {
        gpt2_forward(&model, ids, NULL, 1, end);
        float *row = model.acts.logits + (size_t)(t - 1) * model.config.padded_vocab_size;
        for (int id = 1; id < model.config.vocab_size; id++)
            if (row[id] > row[ids[t]]) ids[t] = id;
        printf("%s%d", t > begin ? " " : "", ids[t]);
    }
    printf("\n");
    return 0;
}
END
cc -O2 -I "$llm_c" -o "$scratch/greedy" "$scratch/greedy.c" -lm

"$examples/export" "$scratch/story" --format llm.c 2>/dev/null
ids=$(printf 'Once upon a time' | "$examples/tokenize" --model "$scratch/story" 2>/dev/null)
# shellcheck disable=SC2086 # each id is a word
theirs=$("$scratch/greedy" "$scratch/story/model.bin" 40 $ids | tail -n 1)
ours=$("$examples/greedy" --ids "$ids" --tokens 40 2>/dev/null)
echo "llm.c:  $theirs"
echo "greedy: $ours"
[ "$theirs" = "$ours" ] || { echo "they differ" >&2; exit 1; }
echo "the same 40 ids"
