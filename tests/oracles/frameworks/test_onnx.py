"""ONNX files with inputs of every layout, dtype and batch size."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, linear, pad, relu

from sparseattack import Classifier, InputError, load, load_images
from sparseattack.oracles.frameworks.onnx import provider_of, start_session

RANDOM = torch.Generator().manual_seed(0)
WEIGHTS = {
    "conv": torch.randn(4, 3, 3, 3, generator=RANDOM),
    "bias": torch.randn(4, generator=RANDOM),
    "dense": torch.randn(5, 4, generator=RANDOM),
}
IMAGES = torch.randint(256, (70, 3, 6, 5), generator=RANDOM) / 255


def expected_scores(images: Tensor) -> Tensor:
    """Scores that the graph below computes of images in [0, 1]."""
    return linear(relu(conv2d(images, WEIGHTS["conv"], WEIGHTS["bias"])).mean((2, 3)), WEIGHTS["dense"])


def write(file: Path, shape: list[int | str], kind: int = TensorProto.FLOAT, last: bool = False) -> Path:
    """A small network whose input has the given shape and dtype, channels ``last`` or not."""
    nodes = [helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT)]
    if kind == TensorProto.UINT8:
        nodes += [helper.make_node("Div", ["float", "levels"], ["unit"])]
    else:
        nodes += [helper.make_node("Identity", ["float"], ["unit"])]
    nodes += [
        helper.make_node("Transpose", ["unit"], ["first"], perm=[0, 3, 1, 2] if last else [0, 1, 2, 3]),
        helper.make_node("Conv", ["first", "conv", "bias"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense"], ["scores"], transB=1),
        helper.make_node("Softmax", ["scores"], ["second"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], 5]) for name in ("scores", "second")
    ]
    constants = [numpy_helper.from_array(value.numpy(), name) for name, value in WEIGHTS.items()]
    constants.append(numpy_helper.from_array(np.array(255, np.float32), "levels"))
    taken = helper.make_tensor_value_info("images", kind, shape)
    graph = helper.make_graph(nodes, "small", [taken], outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return file


def oracle(spec: str) -> Classifier:
    made = load("oracles", spec)()
    assert isinstance(made, Classifier)
    return made


FILES: dict[str, tuple[list[int | str], dict[str, Any]]] = {
    "free": (["n", 3, 6, 5], {}),
    "fixed to 1": ([1, 3, 6, 5], {}),
    "fixed to 32": ([32, 3, 6, 5], {}),
    "any size": (["n", 3, "height", "width"], {}),
    "channels last": (["n", 6, 5, 3], {"last": True}),
    "half": (["n", 3, 6, 5], {"kind": TensorProto.FLOAT16}),
    "double": (["n", 3, 6, 5], {"kind": TensorProto.DOUBLE}),
    "8 bit": (["n", 3, 6, 5], {"kind": TensorProto.UINT8}),
    "8 bit, last, fixed": ([16, 6, 5, 3], {"kind": TensorProto.UINT8, "last": True}),
}


@pytest.mark.parametrize("name", FILES)
def test_scores_are_those_of_the_network(tmp_path: Path, name: str) -> None:
    shape, others = FILES[name]
    made = oracle(f"onnx(path={write(tmp_path / 'net.onnx', shape, **others)},output=scores,threads=1)")
    close = 1e-2 if name == "half" else 1e-4
    for count in (1, 32, 70):
        scores = made(IMAGES[:count])
        assert (scores.shape, scores.dtype) == ((count, 5), torch.float32)
        torch.testing.assert_close(scores, expected_scores(IMAGES[:count]), rtol=close, atol=close)


def test_the_layout_setting_where_the_shape_leaves_it_open(tmp_path: Path) -> None:
    file = write(tmp_path / "net.onnx", ["n", "height", "width", 3], last=True)
    square = IMAGES[:, :, :3, :3]
    torch.testing.assert_close(oracle(f"onnx(path={file},output=scores)")(square), expected_scores(square))
    file = write(tmp_path / "odd.onnx", ["n", 3, 3, 3], last=True)
    torch.testing.assert_close(
        oracle(f"onnx(path={file},output=scores,layout=nhwc)")(square), expected_scores(square)
    )
    first = oracle(f"onnx(path={file},output=scores)")(square)
    assert not torch.allclose(first, expected_scores(square))


def test_mean_deviation_and_settings(tmp_path: Path) -> None:
    file = write(tmp_path / "net.onnx", ["n", 3, 6, 5])
    made = oracle(
        f"onnx(path={file},output=scores,mean=[0.5,0.4,0.3],std=[0.2,0.3,0.4],scale=probabilities,classes=[a,b])"
    )
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    torch.testing.assert_close(made(IMAGES), expected_scores((IMAGES - mean) / std), rtol=1e-4, atol=1e-4)
    assert (made.name, made.scale, made.classes) == ("net.onnx", "probabilities", ("a", "b"))


def test_the_digest_depends_on_files_and_settings(tmp_path: Path) -> None:
    file = write(tmp_path / "net.onnx", ["n", 3, 6, 5])
    digests = [
        oracle(f"onnx(path={file},output=scores{more})").digest
        for more in ("", ",mean=0.5", ",scale=probabilities", "")
    ]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("name", ["weights.bin", f"{'long' * 40}.bin"])  # of a length in one byte, or in two
def test_weights_in_another_file_are_part_of_the_digest(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "net.onnx", ["n", 3, 6, 5])
    model, digests, scores = onnx.load(file), [], []
    onnx.save(model, file, save_as_external_data=True, location=name, size_threshold=0)
    content = (tmp_path / name).read_bytes()
    for weights in (content, content[4:] + content[:4], content):
        (tmp_path / name).write_bytes(weights)
        made = oracle(f"onnx(path={file},output=scores)")
        digests.append(made.digest)
        scores.append(made(IMAGES[:1]))
    assert not torch.equal(scores[0], scores[1])
    assert digests[0] == digests[2] != digests[1]


def test_one_of_several_accelerators_is_chosen(tmp_path: Path) -> None:
    assert provider_of("cuda") == ("CUDAExecutionProvider", {})
    assert provider_of("cuda:1") == ("CUDAExecutionProvider", {"device_id": "1"})
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        session = start_session(write(tmp_path / "net.onnx", ["n", 3, 6, 5]), "cuda:0", 1)
        assert session.get_provider_options()["CUDAExecutionProvider"]["device_id"] == "0"


def test_the_scores_are_one_of_several_outputs(tmp_path: Path) -> None:
    file = write(tmp_path / "net.onnx", ["n", 3, 6, 5])
    second = oracle(f"onnx(path={file},output=second)")
    torch.testing.assert_close(second(IMAGES), expected_scores(IMAGES).softmax(1), rtol=1e-4, atol=1e-4)
    assert second.digest != oracle(f"onnx(path={file},output=scores)").digest
    listed = r"scores tensor\(float\) \['n', 5\], second .*: choose the scores by output=scores"
    with pytest.raises(InputError, match=f"has several outputs, {listed}"):
        oracle(f"onnx(path={file})")
    with pytest.raises(InputError, match=f"has no output logits, only {listed}"):
        oracle(f"onnx(path={file},output=logits)")


def last_node(file: Path, node: Any, shape: list[int | str] | None, kind: int = TensorProto.FLOAT) -> Path:
    """A graph of images ``(n, 3, 6, 5)`` with one operation, of shape and dtype as declared."""
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 6, 5])
    output = helper.make_tensor_value_info("out", kind, shape)
    constants = [
        numpy_helper.from_array(np.array([0, 45, 2]), "boxes"),
        numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
    ]
    graph = helper.make_graph([node], "one", [taken], [output], constants)
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), file)
    return file


def test_outputs_that_are_no_scores_are_refused(tmp_path: Path) -> None:
    maps = helper.make_node("Relu", ["images"], ["out"])
    detections = helper.make_node("Reshape", ["images", "boxes"], ["out"])
    for node, shape in ((maps, ["n", 3, 6, 5]), (detections, ["n", 45, 2])):
        file = last_node(tmp_path / "net.onnx", node, shape)  # type: ignore[arg-type]
        with pytest.raises(
            InputError, match=r"output out of .* is \['n', .*, not scores \(images, classes\)"
        ):
            oracle(f"onnx(path={file})")
    labels = helper.make_node("Shape", ["images"], ["out"])
    file = last_node(tmp_path / "net.onnx", labels, ["n"], TensorProto.INT64)
    with pytest.raises(InputError, match=r"output out of .* holds labels, tensor\(int64\) .*scale=labels"):
        oracle(f"onnx(path={file})")


def test_maps_of_one_pixel_and_one_score_of_two_classes(tmp_path: Path) -> None:
    pooled = helper.make_node("GlobalAveragePool", ["images"], ["out"])
    made = oracle(f"onnx(path={last_node(tmp_path / 'net.onnx', pooled, ['n', 3, 1, 1])})")
    torch.testing.assert_close(made(IMAGES), IMAGES.mean((2, 3)))
    mean = helper.make_node("ReduceMean", ["images", "axes"], ["out"], keepdims=0)
    file = last_node(tmp_path / "net.onnx", mean, ["n"])
    scores = oracle(f"onnx(path={file},scale=binary)")(IMAGES)
    torch.testing.assert_close(scores[:, 1], IMAGES.mean((1, 2, 3)))
    assert torch.equal(scores[:, 0], torch.zeros(70))


def test_unfit_images_files_and_devices_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "net.onnx", ["n", 3, 6, 5])
    with pytest.raises(InputError, match=r"net\.onnx takes images of 3x6x5, not 3x8x8"):
        oracle(f"onnx(path={file},output=scores)")(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match="there is no file"):
        oracle(f"onnx(path={tmp_path}/lacking.onnx)")
    (tmp_path / "broken.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"broken\.onnx is no ONNX file that can be run"):
        oracle(f"onnx(path={tmp_path}/broken.onnx)")
    with pytest.raises(InputError, match=r"ONNX Runtime has no abacus here, only .*CPUExecutionProvider"):
        oracle(f"onnx(path={file},output=scores,device=abacus)")
    levels = write(tmp_path / "levels.onnx", ["n", 3, 6, 5], TensorProto.UINT8)
    with pytest.raises(InputError, match="leave out mean and std"):
        oracle(f"onnx(path={levels},mean=0.5)")


def test_a_graph_that_does_not_take_images_is_refused(tmp_path: Path) -> None:
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 12])
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 12])
    graph = helper.make_graph([helper.make_node("Relu", ["rows"], ["scores"])], "flat", [rows], [output])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        tmp_path / "f.onnx",
    )
    with pytest.raises(InputError, match=r"takes rows tensor\(float\) \['n', 12\], not one batch of images"):
        oracle(f"onnx(path={tmp_path}/f.onnx)")


def resnet20(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """ResNet-20 for CIFAR-10 with shortcuts of option A (He et al., 2016): logits ``(n, 10)``."""

    def normed(maps: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(maps, mean, var, weight, bias)

    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    maps = (images - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    maps = relu(normed(conv2d(maps, weights["conv1.weight"], padding=1), "bn1"))
    for name in (f"layer{layer}.{block}" for layer in (1, 2, 3) for block in (0, 1, 2)):
        kernel = weights[f"{name}.conv1.weight"]
        stride = kernel.shape[0] // kernel.shape[1]
        inside = relu(normed(conv2d(maps, kernel, stride=stride, padding=1), f"{name}.bn1"))
        inside = normed(conv2d(inside, weights[f"{name}.conv2.weight"], padding=1), f"{name}.bn2")
        more = (kernel.shape[0] - kernel.shape[1]) // 2
        maps = relu(inside + pad(maps[:, :, ::stride, ::stride], (0, 0, 0, 0, more, more)))
    return linear(avg_pool2d(maps, 8).flatten(1), weights["linear.weight"], weights["linear.bias"])


@pytest.mark.shared
def test_a_public_network(shared: Path) -> None:
    made = oracle(f"onnx(path={shared / 'resnet20_cifar10.onnx'},threads=1)")
    images = load_images(f"{shared}:test[0:224]")
    scores = made(images.floats())
    assert (scores.argmax(1) == images.labels).double().mean() > 0.85
    weights = load_file(shared / "resnet20_cifar10.safetensors")
    torch.testing.assert_close(scores, resnet20(weights, images.floats()), rtol=1e-3, atol=1e-3)


@pytest.mark.shared
@pytest.mark.parametrize("count", [32, 64, 192, 256])
def test_scores_do_not_depend_on_other_images_of_the_batch(shared: Path, count: int) -> None:
    made = oracle(f"onnx(path={shared / 'resnet20_cifar10.onnx'},threads=1)")
    images = load_images(f"{shared}:test[0:256]").floats()
    together = made(images)
    assert torch.equal(made(images[:count]), together[:count])
    assert torch.equal(made(images.flip(0)[:count]), together.flip(0)[:count])


def test_an_output_of_labels(tmp_path: Path) -> None:
    """As scikit-learn's converters write it beside the probabilities: whole numbers, one an image."""
    model = onnx.load(write(tmp_path / "net.onnx", ["n", 3, 6, 5]))
    model.graph.node.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]))
    onnx.save(model, tmp_path / "net.onnx")
    spec = f"onnx(path={tmp_path}/net.onnx,scale=labels"
    made = oracle(f"{spec},output=label,classes=[a,b,c,d,e])")
    assert torch.equal(made(IMAGES), torch.eye(5)[expected_scores(IMAGES).argmax(1)])
    with pytest.raises(InputError, match="choose the scores by output=label"):
        oracle(f"{spec})")
    with pytest.raises(InputError, match=r"name these, in order, by classes=\[...\]"):
        oracle(f"{spec},output=label)")(IMAGES)
