#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.2 and numpy 2.4.6 on the CPU, seen on 2026-11-30.
# Asked:    what a file computes that casts float32 numbers to float16, turns their signs (Neg) and casts them back, with every
#           optimization off.
# Expected: the numbers rounded to float16, 70000 being infinity. Neg has no float16 kernel on the CPU, so it is run in
#           float32 between two casts of onnxruntime's own; but the file's own casts are operators like any other.
# Does:     it rounds nothing: the file's cast to float16 and onnxruntime's cast back to float32 meet, and both are taken out,
#           because its own ones count as free of loss and one such in a pair is enough. This is no optimization: no level
#           turns it off. With Identity in place of Neg, or nothing, all is rounded. Naming Neg's float16 result as a second
#           output rounds the first one too; naming its input gives infinity there and -70000 as its negative.
# Seen:     FOUND: cast to float16, Neg and cast back give [-1.100000023841858, -70000.0] at every level of optimization,
#           and [-1.099609375, -inf] once the result in between is an output too
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
venv/bin/python -W ignore::RuntimeWarning - <<'PYTHON'
import sys
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

LEVELS = onnxruntime.GraphOptimizationLevel
OFF = LEVELS.ORT_DISABLE_ALL
x = np.array([1.1, 70000], np.float32)


def check(holds, changed):
    if not holds:
        sys.exit("CHANGED: " + changed)


def file(operators, shown=()):
    """x in float32, cast to the float16 'h0', through the operators ('h1', 'h2', ...), cast back to y."""
    nodes = [helper.make_node("Cast", ["x"], ["h0"], to=TensorProto.FLOAT16)]
    nodes += [helper.make_node(name, [f"h{i}"], [f"h{i + 1}"]) for i, name in enumerate(operators)]
    nodes.append(helper.make_node("Cast", [f"h{len(operators)}"], ["y"], to=TensorProto.FLOAT))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)]
    outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT16, x.shape) for name in shown]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], outputs)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def run(made, level=OFF, x=x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [output.tolist() for output in session.run(None, {"x": x})]


rounded = x.astype(np.float16).astype(np.float32)
for operators in ([], ["Identity"]):
    check(run(file(operators)) == [rounded.tolist()], f"casts around {operators} no longer round")
print("cast and cast back:", rounded.tolist())

reference = ReferenceEvaluator(file(["Neg"])).run(None, {"x": x})[0]
print("cast, Neg, cast back, by ONNX's own reference:", reference.tolist())
check(reference.tolist() == (-rounded).tolist(), "ONNX's reference does not round")
for level in (OFF, LEVELS.ORT_ENABLE_BASIC, LEVELS.ORT_ENABLE_EXTENDED, LEVELS.ORT_ENABLE_ALL):
    plain = run(file(["Neg"]), level)[0]
    print(f"the same by onnxruntime, {level.name}:", plain)
    check(plain == (-x).tolist(), f"{level.name} rounds")

result, between = run(file(["Neg"], shown=["h1"]))
print("with the result of Neg shown:", result, between)
check(result == between == (-rounded).tolist(), "naming the result as an output no longer rounds")
other, before = run(file(["Neg"], shown=["h0"]))
print("with the input of Neg shown: ", other, before)
check(before == rounded.tolist() and other == (-x).tolist(), "naming the input as an output changes more than it did")
large = run(file(["Exp"]), x=np.array([12, 0], np.float32))[0]
print("cast, Exp, cast back of 12:", large[0])
check(65504 < large[0] < 163000, "the exponential of 12 in float16 is no finite number past the largest float16 any more")
print(f"FOUND: cast to float16, Neg and cast back give {plain} at every level of optimization, and {result} once the result in "
      "between is an output too")
PYTHON
