"""RTMPose: one person's crop to SimCC vectors (arXiv 2303.07399)."""

from torch import Tensor, nn

from rtmcli.networks.cspnext import CSPNeXt
from rtmcli.networks.gau import GatedAttentionUnit, ScaleNorm
from rtmcli.networks.layers import BinClassifier

EMBEDDING = 256  # D, channels of a keypoint token


class RTMCCHead(nn.Module):
    """Map of stage 4 to SimCC logits: (N, C, h, w) -> x (N, K, 2 W), y (N, K, 2 H), raw, not normalised.

    A keypoint is a token: its map from the last convolution, flattened, embedded, refined by a gated unit.
    """

    def __init__(self, channels: int, keypoints: int, width: int, height: int, *, ratio: float = 2.0) -> None:
        super().__init__()
        cells = (height // 32) * (width // 32)
        # With bias and without norm, unlike the 7 x 7 convolutions of RTMW.
        self.final_layer = nn.Conv2d(channels, keypoints, 7, padding=3)
        self.mlp = nn.Sequential(ScaleNorm(cells), nn.Linear(cells, EMBEDDING, bias=False))
        self.gau = GatedAttentionUnit(EMBEDDING, s=128)
        self.cls_x = BinClassifier(EMBEDDING, int(width * ratio))
        self.cls_y = BinClassifier(EMBEDDING, int(height * ratio))
        self.start()

    def start(self) -> None:
        """Initial weights: the convolution normal with std 0.001, the linears with std 0.01."""
        nn.init.normal_(self.final_layer.weight, std=0.001)
        assert self.final_layer.bias is not None
        nn.init.zeros_(self.final_layer.bias)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=0.01)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.final_layer(x)  # (N, K, h, w)
        x = self.mlp(x.flatten(2))  # (N, K, h w) -> (N, K, 256)
        x = self.gau(x)  # (N, K, 256)
        return self.cls_x(x), self.cls_y(x)  # (N, K, 2 W), (N, K, 2 H)


class RTMPose(nn.Module):
    """RTMPose of any size, skeleton and input size.

    Args:
        size: `t`, `s`, `m`, `l` or `x`.
        keypoints: K.
        width, height: input size in pixels, multiples of 32; the weights are bound to it.
        ratio: SimCC bins a pixel.

    `forward` takes crops (N, 3, H, W), RGB, (x - mean) / std with mean (123.675, 116.28, 103.53) and
    std (58.395, 57.12, 57.375), and returns logits `(simcc_x, simcc_y)`, (N, K, 2 W) and (N, K, 2 H).
    The detectors take BGR.
    """

    def __init__(self, size: str, keypoints: int, width: int, height: int, *, ratio: float = 2.0) -> None:
        super().__init__()
        self.input_size = (width, height)
        self.backbone = CSPNeXt(size)
        self.head = RTMCCHead(self.backbone.channels[-1], keypoints, width, height, ratio=ratio)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.backbone(images)[-1])
