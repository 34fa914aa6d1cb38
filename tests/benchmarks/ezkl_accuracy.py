"""The accuracy statement in EZKL, run by a Python that has `ezkl` and `onnx`; prints JSON.

Three hashed columns of 1 000 labels; public: how often each prediction is right, and both.
"""

import json
import resource
import sys
import time
from pathlib import Path

import ezkl
import numpy as np
import onnx
from onnx import TensorProto, helper

N, CLASSES = int(sys.argv[2]), 16


def model():
    """Σ[b = y], Σ[c = y] and Σ[b = y][c = y]."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, N]) for name in ("y", "b", "c")
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1])
        for name in ("correct_b", "correct_c", "both")
    ]
    nodes = []
    for said in "bc":
        nodes += [
            helper.make_node("Equal", ["y", said], [f"hit_{said}"]),
            helper.make_node("Cast", [f"hit_{said}"], [f"one_{said}"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", [f"one_{said}", "axes"], [f"correct_{said}"], keepdims=1),
        ]
    nodes += [
        helper.make_node("Mul", ["one_b", "one_c"], ["ones"]),
        helper.make_node("ReduceSum", ["ones", "axes"], ["both"], keepdims=1),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, "accuracy", inputs, outputs, [axes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    return made


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    folder = Path(sys.argv[1])
    at = lambda name: str(folder / name)  # noqa: E731
    onnx.save(model(), at("model.onnx"))
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, N)
    said = [np.where(rng.random(N) < 0.8, y, rng.integers(0, CLASSES, N)) for _ in range(2)]
    data = {"input_data": [one.astype(float).tolist() for one in (y, *said)]}
    Path(at("input.json")).write_text(json.dumps(data))
    args = ezkl.PyRunArgs()
    args.input_visibility, args.output_visibility, args.param_visibility = (
        "hashed",
        "public",
        "fixed",
    )
    args.input_scale, args.param_scale, args.logrows = 0, 0, 17
    assert ezkl.gen_settings(at("model.onnx"), at("settings.json"), py_run_args=args)
    settings = json.loads(Path(at("settings.json")).read_text())
    logrows = settings["run_args"]["logrows"]
    if not Path(at("kzg.srs")).exists():
        ezkl.gen_srs(at("kzg.srs"), logrows)
    assert ezkl.compile_circuit(at("model.onnx"), at("model.compiled"), at("settings.json"))
    started = cpu()
    assert ezkl.setup(at("model.compiled"), at("vk.key"), at("pk.key"), at("kzg.srs"))
    setup = cpu() - started
    before = cpu(), time.perf_counter()
    ezkl.gen_witness(at("input.json"), at("model.compiled"), at("witness.json"))
    ezkl.prove(
        at("witness.json"), at("model.compiled"), at("pk.key"), at("proof.json"), at("kzg.srs")
    )
    used, seconds = cpu() - before[0], time.perf_counter() - before[1]
    outputs = json.loads(Path(at("witness.json")).read_text())["outputs"]
    assert ezkl.verify(at("proof.json"), at("settings.json"), at("vk.key"), at("kzg.srs"))
    print(
        json.dumps(
            {
                "setup": setup,
                "cpu": used,
                "seconds": seconds,
                "key": Path(at("pk.key")).stat().st_size,
                "logrows": logrows,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "counts": [int.from_bytes(bytes.fromhex(one[0]), "little") for one in outputs],
                "expected": [
                    int((y == said[0]).sum()),
                    int((y == said[1]).sum()),
                    int(((y == said[0]) & (y == said[1])).sum()),
                ],
            }
        )
    )


main()
