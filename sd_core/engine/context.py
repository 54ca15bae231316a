"""One job's view of the engine, as tasks see it."""

from __future__ import annotations

from sd_core.diffusion.preview import LatentPreview
from sd_core.diffusion.text import PromptEmbeds
from sd_core.events import Event, Loading
from sd_core.jobs import Job
from sd_core.models import ControlNetwork, Model, unknown_words
from sd_core.requests.generation import Generation

from .resources import Resources


class JobContext:
    """Lends the engine's resources to one job; collects its timings, decisions and warnings."""

    def __init__(self, job: Job, resources: Resources, default_model: str) -> None:
        self.timings: dict[str, float] = {}
        self.decisions: dict[str, str] = {}
        self.warnings: list[str] = []
        self.output = job.output
        self.resume = job.resume
        self.overwrite = job.overwrite
        self._job = job
        self._resources = resources
        self._default_model = default_model

    def model(self, name: str | None) -> Model:
        """See `sd_core.tasks.plan.Context`, which this class implements."""
        name = name or self._default_model
        if not self._resources.has_model(name):
            self.report(Loading(f"loading {name}"))
        model = self._resources.model(name)
        self.decisions.update(describe_model(model))
        return model

    def control_network(self, name: str | None, kind: str, model: Model) -> ControlNetwork:
        """A ControlNet or T2I-Adapter that fits the model."""
        return self._resources.control_network(name, kind, model)

    def prompt(self, model: Model, prompt: str, negative_prompt: str, *, guided: bool) -> PromptEmbeds:
        """Encoded prompts; words outside the model's vocabulary are named in a warning."""
        self._warn_of_unknown_words(model, f"{prompt} {negative_prompt}")
        loras = self._job.request.loras if isinstance(self._job.request, Generation) else ()
        return self._resources.prompt(model, prompt, negative_prompt, guided, loras)

    def preview(self, model: Model) -> LatentPreview:
        """The latent preview of the model."""
        return self._resources.preview(model)

    def report(self, event: Event) -> None:
        """Append an event to the job."""
        self._job.report(event)

    def warn(self, message: str) -> None:
        """Note a warning, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def is_cancelled(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self._job.cancel_requested

    def _warn_of_unknown_words(self, model: Model, text: str) -> None:
        words = unknown_words(model, text)
        if words:
            named = ", ".join(words)
            self.warn(
                f"{model.name} has not learnt {named}; for free prompts name a full checkpoint, as in model='sd15'"
            )


def describe_model(model: Model) -> dict[str, str]:
    """What was chosen for a model, and why, for `Result.decisions`."""
    placement = model.placement
    return {
        "model": str(model.source or model.name),
        "family": str(model.family),
        "device": str(placement.device),
        "dtype": str(placement.dtype).removeprefix("torch."),
        "vae_dtype": str(placement.vae_dtype).removeprefix("torch."),
        **{f"why_{name}": reason for name, reason in placement.reasons.items()},
    }
