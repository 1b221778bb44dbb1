#!/usr/bin/env bash
# jax 0.10.2 with numpy 2.4.6 on the CPU, seen on 2026-11-30.
# Asked:    how often jax.random.categorical draws one of 1000 unlikely tokens that have a tenth of the probability together.
# Expected: in a tenth of the draws, with the logits in bf16 as in float32: rounding a logit changes its probability by a
#           few percent of itself at most.
# Does:     the random number that is added to each logit is made in the logits' type. In bf16 there are 128 of them, and the
#           largest, which lifts an unlikely token above the likely one, is hardly 5. So the tail is lost, and of equal
#           tokens those with the lowest ids win. With mode="high" the tail comes a little too often.
# Seen:     FOUND: of 20000 draws a tenth should be of the 1000 unlikely tokens: 9.96 % are with float32 logits, 0.82 % with bf16; of
#           50000 equal bf16 logits the mean id drawn is 134
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$work/venv/bin/python" - <<'PYTHON'
import sys
import jax
import jax.numpy as jnp

DRAWS, TAIL, EQUAL = 20_000, 1000, 50_000
logits = jnp.log(jnp.array([0.9] + [0.1 / TAIL] * TAIL))


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def share_of_tail(dtype, mode=None):
    rows = jnp.broadcast_to(logits.astype(dtype), (DRAWS, TAIL + 1))
    return float((jax.random.categorical(jax.random.key(0), rows, mode=mode) > 0).mean())


def mean_id(dtype):
    drawn = [jax.random.categorical(jax.random.key(seed), jnp.zeros(EQUAL, dtype)) for seed in range(300)]
    return float(jnp.stack(drawn).mean())


rounded = jax.nn.softmax(logits.astype(jnp.bfloat16).astype(jnp.float32))
print(f"the tail has 10 % of the probability; with the logits rounded to bf16 {100 * float(rounded[1:].sum()):.1f} %")
check(abs(float(rounded[1:].sum()) - 0.1) < 0.005, "rounding the logits changes the tail itself")
full, half = share_of_tail(jnp.float32), share_of_tail(jnp.bfloat16)
high = share_of_tail(jnp.bfloat16, mode="high")
print(f"drawn: float32 {100 * full:.2f} %, bf16 {100 * half:.2f} %, bf16 with mode='high' {100 * high:.2f} %")
check(abs(full - 0.1) < 0.01, "float32 does not draw the tail in a tenth of the cases")
check(half < 0.03, f"bf16 draws the tail in {100 * half:.1f} % of the cases")
check(0.08 < high < 0.2, "mode='high' draws the tail in another share of the cases")
fair, low = mean_id(jnp.float32), mean_id(jnp.bfloat16)
print(f"of {EQUAL} equal logits the mean id is {fair:.0f} in float32, {low:.0f} in bf16")
check(abs(fair - EQUAL / 2) < 3000 and low < 2000, "equal logits in bf16 are drawn alike")
print(f"FOUND: of {DRAWS} draws a tenth should be of the {TAIL} unlikely tokens: {100 * full:.2f} % are with float32 logits, "
      f"{100 * half:.2f} % with bf16; of {EQUAL} equal bf16 logits the mean id drawn is {low:.0f}")
PYTHON
