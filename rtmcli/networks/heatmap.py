"""A backbone with a heatmap head: CSPNeXt's pre-training on poses (RTMPose, arXiv 2303.07399, section 3.2)."""

from torch import Tensor, nn

from rtmcli.networks.cspnext import CSPNeXt

CHANNELS = 256  # of every deconvolution (Xiao et al. 2018)


class HeatmapHead(nn.Module):
    """Map of stage 4 to heatmaps: (N, C, h, w) -> (N, K, 8 h, 8 w), three doublings and a 1 x 1 convolution."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (channels, CHANNELS, CHANNELS):
            layers += [
                nn.ConvTranspose2d(before, CHANNELS, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(CHANNELS),
                nn.ReLU(inplace=True),
            ]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(CHANNELS, keypoints, 1)
        self.start()

    def start(self) -> None:
        """Initial weights: all convolutions normal with std 0.001."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(part.weight, std=0.001)
        assert self.final_layer.bias is not None
        nn.init.zeros_(self.final_layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.final_layer(self.deconv_layers(x))


class HeatmapPose(nn.Module):
    """CSPNeXt of any size with a heatmap head; the backbone's keys are those of RTMPose.

    `forward` takes crops as RTMPose does, (N, 3, H, W), and returns (N, K, H / 4, W / 4).
    """

    def __init__(self, size: str, keypoints: int) -> None:
        super().__init__()
        self.backbone = CSPNeXt(size)
        self.head = HeatmapHead(self.backbone.channels[-1], keypoints)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images)[-1])
