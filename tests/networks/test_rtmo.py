"""RTMO's parts step by step, and its fused form, against the reference (special_rtmo_*.npz) and each other."""

import json

import numpy as np
import pytest
import torch

from rtmcli.networks.rtmo import RTMO
from tests.helpers.catalogue import GOLDENS, filled_network, key_table
from tests.helpers.fill import golden_error, golden_input

NAME = "rtmo-s_coco17_640x640"


@pytest.fixture(scope="module")
def network():
    return filled_network(NAME)


@pytest.fixture(scope="module")
def fused(network):
    return network.to_deploy(256, 256)


class Golden:
    """A golden file: stored tensors in float64, and the error of a found one in units of its std."""

    def __init__(self, name):
        self.file = np.load(GOLDENS / f"special_rtmo_{name}.npz", allow_pickle=False)

    def __call__(self, name):
        return torch.from_numpy(self.file[f"{name}.full"]).double()

    def check(self, limit=1e-5, **found):
        for name, tensor in found.items():
            name = name.replace("__", ".")
            assert golden_error(self.file, name, tensor) < limit, name


@torch.no_grad()
def test_the_classifier_agrees_at_every_step(network):
    golden, dcc = Golden("dcc"), network.head.dcc
    pose, boxes, cells = golden("pose_vec"), golden("bbox_xyxy"), golden("grid")
    x_rel, y_rel = dcc.relative_bins(boxes, cells)
    golden.check(x_bins_rel=x_rel, y_bins_rel=y_rel)
    golden.check(spe_x=dcc.spe(x_rel), x_enc=dcc.x_fc(dcc.spe(x_rel)), y_enc=dcc.y_fc(dcc.spe(y_rel)))
    tokens = dcc.pose_to_kpts(pose).unflatten(1, (17, -1))
    golden.check(kpt_feats_before_gau=tokens)
    golden.check(kpt_feats_after_gau=dcc.gau(tokens, pos_enc=dcc.pos_enc))
    found = dcc.forward_train(pose, boxes, cells)
    golden.check(
        keypoints=dcc(pose, boxes, cells),
        keypoints_train=found.keypoints,
        y_prob=found.prob_y,
        x_prob=found.prob_x[:1],
        sigmas=found.sigmas,
    )
    targets = dcc.targets(
        golden("target_kpts"), golden("target_areas"), found.sigmas, found.bins_x, found.bins_y
    )
    # Some sigmas are near 0.002, where the float32 rounding of the stored inputs shows.
    golden.check(1e-4, target_x_sample=targets[0], target_y_sample=targets[1])


@torch.no_grad()
def test_the_neck_agrees_at_every_step(network):
    golden, neck = Golden("neck"), network.neck
    tokens, pos = golden("encoder.in"), neck.positions(3, 5)
    layer = neck.encoder[0].layers[0]
    attended = layer.self_attn(tokens, pos)
    golden.check(
        pos_enc_3x5=pos,
        encoder__after_attention_residual=attended,
        encoder__after_norm0=layer.norms[0](attended),
        encoder__after_ffn_residual=layer.ffn(layer.norms[0](attended)),
        encoder__out=layer(tokens, pos),
    )
    block = neck.fpn_blocks[0].bottlenecks[0]
    kernel, bias = block.fused_kernel()
    golden.check(
        repvgg__out=block(golden_input("repvgg", (1, 128, 5, 4)).double()),
        repvgg__fused_kernel=kernel,
        repvgg__fused_bias=bias,
        csprep__out=neck.fpn_blocks[0](golden_input("csprep", (1, 512, 5, 4)).double()),
    )
    shapes = ((1, 128, 12, 20), (1, 256, 6, 10), (1, 512, 3, 5))
    maps = tuple(golden_input(f"hybrid{i}", shape).double() for i, shape in enumerate(shapes))
    out0, out1 = neck(maps)
    golden.check(hybrid__out0=out0, hybrid__out1=out1)


def test_the_fused_form_has_the_reference_keys_in_order(fused):
    got = [
        (key, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for key, v in fused.state_dict().items()
    ]
    want = key_table(f"{NAME}.deploy")
    assert [(key, shape) for key, shape, _ in got] == [(key, shape) for key, shape, _ in want]


@torch.no_grad()
def test_the_fused_form_agrees_with_the_reference_on_every_cell(fused):
    golden = Golden("deploy")
    images = golden_input("rtmo-s-deploy", (1, 3, 256, 256)).double()
    cells = fused.cells(images)
    golden.check(
        flat__scores=cells.scores[..., None],
        flat__boxes=cells.boxes,
        flat__visibility=cells.visibility,
        flat__pose_vecs=cells.pose,
        flat__priors=cells.priors,
        flat__strides=cells.strides,
        flat__keypoints_all_cells=fused.head.dcc(cells.pose[0], cells.boxes[0], cells.priors),
    )
    people = fused.detect(images)[0]
    np.testing.assert_allclose(people.scores, golden.file["det.scores"], atol=1e-6)
    np.testing.assert_allclose(people.boxes, golden.file["det.bboxes"], atol=1e-3)
    np.testing.assert_allclose(people.keypoints, golden.file["det.keypoints"], atol=1e-3)
    np.testing.assert_allclose(people.keypoint_scores, golden.file["det.keypoint_scores"], atol=1e-6)

    dcc, classifier = Golden("dcc"), fused.head.dcc
    dcc.check(
        keypoints_deploy=classifier(dcc("pose_vec"), dcc("bbox_xyxy"), dcc("grid")),
        deploy__pose_to_kpts__weight=classifier.pose_to_kpts.weight,
        deploy__pose_to_kpts__bias=classifier.pose_to_kpts.bias,
    )


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 64), (64, 64)])
def test_fused_and_training_form_find_the_same_people_on_any_shape(network, height, width):
    images = golden_input("fused", (2, 3, height, width)).double()
    fused = network.to_deploy(height, width)
    for one, other in zip(network.detect(images), fused.detect(images), strict=True):
        assert len(one.scores) > 0
        torch.testing.assert_close(one.scores, other.scores)
        torch.testing.assert_close(one.boxes, other.boxes)
        # The 1e-8 in the softmax's divisor acts on absolute bins in one form and on relative ones in the other.
        torch.testing.assert_close(one.keypoints, other.keypoints, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_size_without_the_last_convolution_fuses_too():
    network = RTMO("l", 14, depth=0.33).double().eval()
    images = golden_input("large", (1, 3, 64, 96)).double()
    fused = network.to_deploy(64, 96)
    torch.testing.assert_close(network.cells(images).boxes, fused.cells(images).boxes)
    assert isinstance(network.neck.fpn_blocks[0].conv3, torch.nn.Identity)


@torch.no_grad()
def test_a_picture_of_nobody_gives_empty_detections(network):
    people = network.detect(golden_input("nobody", (1, 3, 64, 64)).double(), score=1.0)[0]
    assert people.keypoints.shape == (0, 17, 2)
    assert people.keypoint_scores.shape == (0, 17)
    assert people.boxes.shape == (0, 4)


@torch.no_grad()
def test_boxes_end_at_the_picture_while_keypoints_may_leave_it(network):
    people = network.detect(golden_input(NAME, (1, 3, 320, 256)).double())[0]
    assert people.boxes.min() >= 0
    assert people.boxes[:, 2].max() <= 256 and people.boxes[:, 3].max() <= 320
    assert (people.boxes[:, 3] == 320).any(), "some box of the test reaches the lower edge"
    limit = people.keypoints.new_tensor([256, 320])
    assert ((people.keypoints < 0) | (people.keypoints > limit)).any()


def test_one_positive_in_training_does_not_stop_the_norm():
    dcc = RTMO("t", 17, width=0.25, depth=0.33).train().head.dcc
    box, cell = torch.tensor([[8.0, 8.0, 40.0, 60.0]]), torch.tensor([[23.5, 23.5]])
    found = dcc.forward_train(torch.randn(1, 128), box, cell)
    found.keypoints.sum().backward()
    assert torch.isfinite(found.keypoints).all()


def test_a_fresh_classifier_holds_no_bin_for_much_likelier_than_another():
    dcc = RTMO("t", 17, width=0.25, depth=0.33).train().head.dcc
    boxes = torch.tensor([[8.0, 8.0, 40.0, 60.0], [0.0, 0.0, 600.0, 600.0]])
    with torch.no_grad():
        found = dcc.forward_train(torch.randn(2, 128), boxes, (boxes[:, :2] + boxes[:, 2:]) / 2)
    for likely in (found.prob_x, found.prob_y):
        # out of reach of a bump lies a bin with less than some 1e-4 (the loss's own 1e-4)
        assert (likely.amin(-1) * likely.shape[-1]).min() > 1e-3


def test_initial_weights_start_scores_at_one_in_a_hundred():
    maps = RTMO("t", 17)(torch.zeros(1, 3, 64, 64))
    assert torch.cat([m.flatten() for m in maps.cls]).sigmoid().mean().item() == pytest.approx(
        0.01, abs=0.005
    )
    assert json.dumps([list(m.shape) for m in maps.kpt_offset]) == "[[1, 34, 4, 4], [1, 34, 2, 2]]"
