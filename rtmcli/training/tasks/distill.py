"""DWPose: a student learns from labels and a teacher, then a fresh head learns from the student (`dwpose-*`).

Source: arXiv 2307.15880, sections 3.1 to 3.3, and its published configurations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.training.data.dataset import DataSet
from rtmcli.training.distillation import head, trunk
from rtmcli.training.losses.simcc import distillation_decay, feature_distillation, logit_distillation
from rtmcli.training.model import normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.topdown import TopDownTask


class DistillTask(TopDownTask):
    """The crops of RTMPose or RTMW; the network is a `distillation.Distilled`.

    The teacher belongs to the task, so it is in neither the optimiser nor the checkpoint, and it is not sent to the
    workers that load samples.
    """

    def __init__(self, recipe: Recipe, sets: list[DataSet], teacher: nn.Module) -> None:
        super().__init__(recipe, sets)
        self.teacher: Any = teacher.eval()

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        recipe, numbers = self.recipe, self.recipe.distillation
        images = normalise(batch.images, self.card)
        teacher = self.teacher.to(images.device)
        logits, seen = network(images)
        with torch.no_grad():
            last, maps = (None, seen) if numbers.head_only else trunk(teacher, images)
            taught = head(teacher, maps)
        # These terms are means over the batch, of which this part is a fraction.
        part = len(batch.names) / recipe.optimiser.batch
        students, teachers = [s.float() for s in logits], [t.float() for t in taught]
        logit = numbers.logit * part * logit_distillation(students, teachers, beta=recipe.topdown.beta)
        if numbers.head_only:
            return logit, {"logit": logit.detach() / part}
        own, terms = self.label_loss(logits, batch)
        # The loss of the labels is a sum over samples. The published runs summed it over the `group` of each process
        # and averaged over processes, which determines its weight beside the teacher's terms.
        if numbers.group:
            own = own * min(1.0, numbers.group / recipe.optimiser.batch)
        fade = distillation_decay(epoch, recipe.stages.epochs)
        assert last is not None
        feature = numbers.feature * part * feature_distillation(seen.float(), last.float())
        terms |= {"feature": fade * feature.detach() / part, "logit": fade * logit.detach() / part}
        return own + fade * (feature + logit), terms

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "teacher": None}
