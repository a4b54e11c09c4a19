"""Batch norm back into a network that came with its batch norms folded, and out of it again."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unmask.training.models.mobilenet_v2 import MobileNetV2

#: The stage whose map the local logits read: 96 channels at a sixteenth of the crop's side.
_LOCAL_STAGE = 13
_LOCAL_CHANNELS = 96
#: Crops that are shown at once.
_BATCH = 64


class _Normed(nn.Sequential):
    """A convolution without bias and its batch norm."""

    def __init__(self, convolution: nn.Conv2d, mean: Tensor, variance: Tensor) -> None:
        bias = convolution.bias
        assert bias is not None
        plain = nn.Conv2d(
            convolution.in_channels,
            convolution.out_channels,
            convolution.kernel_size,  # type: ignore[arg-type]
            convolution.stride,  # type: ignore[arg-type]
            convolution.padding,  # type: ignore[arg-type]
            groups=convolution.groups,
            bias=False,
        )
        norm = nn.BatchNorm2d(convolution.out_channels)
        with torch.no_grad():
            # A filter's length has no meaning under batch norm: all start at one, so that one rate fits all.
            length = convolution.weight.flatten(1).norm(dim=1).clamp(min=1e-6)
            plain.weight.copy_(convolution.weight / length[:, None, None, None])
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_((mean - bias) / length)
            norm.running_var.copy_(variance / length**2)
            norm.weight.copy_((norm.running_var + norm.eps).sqrt() * length)
            norm.bias.copy_(mean)
        super().__init__(plain, norm)

    def folded(self) -> nn.Conv2d:
        plain, norm = self[0], self[1]
        assert isinstance(plain, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        return nn.utils.fuse_conv_bn_eval(plain.eval(), norm.eval())


class LocatingNetwork(nn.Module):
    """MobileNetV2 with batch norms, and a local logit for every place of a middle map.

    uint8 or float RGB crops (N, 3, S, S) -> ``(embedding (N, 1280), logit (N,))`` in evaluation; in training the
    local logits (N, S / 16, S / 16) come third. Only the network without them is shipped: ``folded``.
    """

    def __init__(self, network: MobileNetV2, sample: Tensor) -> None:
        """``sample``: crops (N, 3, S, S) from which the batch norms take their first statistics, so that the
        network computes in evaluation what ``network`` does."""
        super().__init__()
        self.network = network
        insert_norms(network, sample)
        self.local = nn.Conv2d(_LOCAL_CHANNELS, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        middle = self.network.features[: _LOCAL_STAGE + 1](x.float() / 127.5 - 1.0)
        embedding = self.network.features[_LOCAL_STAGE + 1 :](middle).mean(dim=(2, 3))
        logit = self.network.classifier(self.network.dropout(embedding)).squeeze(1)
        if not self.training:
            return embedding, logit
        return embedding, logit, self.local(middle)[:, 0]

    def folded(self) -> MobileNetV2:
        """A new plain MobileNetV2 that computes what this one does in evaluation."""
        plain = MobileNetV2()
        pairs = zip(plain.convolutions(), _norms(self.network), strict=True)
        with torch.no_grad():
            for own, normed in pairs:
                fused = normed.folded()
                assert own.bias is not None
                assert fused.bias is not None
                own.weight.copy_(fused.weight)
                own.bias.copy_(fused.bias)
        plain.classifier.load_state_dict(self.network.classifier.state_dict())
        return plain.eval()


@torch.no_grad()
def recalibrate(model: LocatingNetwork, crops: Tensor, batch: int = _BATCH) -> None:
    """Give the batch norms the statistics of ``crops`` (N, 3, S, S), uint8.

    Those of an averaged network belong to weights that it no longer has, and to training's zoomed, covered and mixed
    views: up to two points of AUROC lay between the two.
    """
    model.eval()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    with torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(crops) - batch + 1, batch):
            model(crops[start : start + batch])
    for norm in norms:
        norm.eval()
        norm.momentum = 0.1


def settle(model: nn.Module) -> None:
    """Have the batch norms use the statistics they have, and keep them."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _norms(network: MobileNetV2) -> list[_Normed]:
    return [module for module in network.features.modules() if isinstance(module, _Normed)]


@torch.no_grad()
def insert_norms(network: MobileNetV2, sample: Tensor) -> None:
    """Replace every convolution of the features by one with batch norm whose statistics are those of ``sample``
    and whose scale and shift undo them."""
    moments: dict[nn.Module, Tensor] = {}

    def measure(module: nn.Module, _: object, output: Tensor) -> None:
        wide = output.double()
        here = torch.stack([wide.sum(dim=(0, 2, 3)), (wide**2).sum(dim=(0, 2, 3))]) / output[0, 0].numel()
        moments[module] = moments.get(module, 0.0) + here / len(sample)

    hooks = [convolution.register_forward_hook(measure) for convolution in network.convolutions()]
    network.eval()
    for batch in sample.split(_BATCH):  # a layer's map of all crops at once would take gigabytes
        network.feature_map(batch)
    for hook in hooks:
        hook.remove()
    for parent, name, convolution in list(_children(network.features)):
        mean, square = moments[convolution].unbind()
        setattr(parent, name, _Normed(convolution, mean.float(), (square - mean**2).float() + 1e-4))


def _children(module: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Conv2d]]:
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d):
                yield parent, name, child
