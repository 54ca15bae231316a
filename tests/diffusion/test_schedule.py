"""Laws of the schedule: one arithmetic of noise levels for every scheduler and prediction type."""

import pytest
import torch
from diffusers import DDIMScheduler, SchedulerMixin

from sd_core.diffusion.loop import Edit, Predict, denoise
from sd_core.diffusion.schedule import Schedule, Step, make_schedule
from sd_core.diffusion.schedulers import build_scheduler
from sd_core.errors import Cancelled, ModelMismatch, RequestError
from sd_core.schedulers import SCHEDULERS

CPU = torch.device("cpu")
SHAPE = (1, 4, 8, 8)


def base(prediction_type: str = "epsilon", **options: object) -> SchedulerMixin:
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        steps_offset=1,
        prediction_type=prediction_type,
        **options,
    )


def oracle(schedule: Schedule, x0: torch.Tensor) -> tuple[Predict, Edit]:
    """A network that knows the clean latents."""
    noisy: dict[int, torch.Tensor] = {}

    class Watch(Edit):
        def noisy(self, step: Step, x_t: torch.Tensor) -> torch.Tensor:
            noisy[step.index] = x_t
            return x_t

    def predict(_scaled: torch.Tensor, step: Step) -> torch.Tensor:
        return schedule.from_clean(x0, noisy[step.index], step)

    return predict, Watch()


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_from_clean_inverts_to_clean_at_every_step(name: str, prediction_type: str) -> None:
    schedule = make_schedule(base(prediction_type), name, 8, 1.0, CPU)
    for step in schedule.steps:
        x0, x_t = noise(step.index), schedule.noise_to(noise(step.index), noise(100), step)
        prediction = schedule.from_clean(x0, x_t, step)
        torch.testing.assert_close(schedule.to_clean(prediction, x_t, step), x0, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_a_network_that_knows_the_answer_arrives_at_it(name: str, prediction_type: str) -> None:
    schedule = make_schedule(base(prediction_type), name, 12, 1.0, CPU)
    x0 = noise(1)
    predict, watch = oracle(schedule, x0)
    start = schedule.noise_to(x0, noise(2), schedule.steps[0])
    end = denoise(predict, schedule, start, [torch.Generator().manual_seed(0)], edits=[watch])
    # Schedulers that end above zero noise leave a little of it.
    assert (end - x0).std() < 0.1


@pytest.mark.parametrize(
    "name", ["ddim", "euler", "euler_ancestral", "dpmpp_2m", "unipc", "lcm", "tcd", "heun", "deis"]
)
def test_noise_to_equals_the_scheduler_s_own_add_noise(name: str) -> None:
    scheduler = build_scheduler(base(), name)
    schedule = make_schedule(base(), name, 10, 0.6, CPU)
    scheduler.set_timesteps(10)
    first = schedule.steps[0]
    assert first.timestep == scheduler.timesteps[4 * scheduler.order]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(4 * scheduler.order)
    expected = scheduler.add_noise(noise(1), noise(2), first.timestep[None])
    torch.testing.assert_close(schedule.noise_to(noise(1), noise(2), first), expected, atol=1e-6, rtol=1e-6)


def test_clean_edits_that_change_nothing_change_nothing() -> None:
    class Same(Edit):
        def clean(self, step: Step, x0: torch.Tensor) -> torch.Tensor:
            return x0

    def predict(x: torch.Tensor, step: Step) -> torch.Tensor:
        return 0.1 * x + 0.01 * step.index

    def run(edits: list[Edit]) -> torch.Tensor:
        schedule = make_schedule(base(), "dpmpp_2m", 10, 1.0, CPU)
        return denoise(predict, schedule, noise(3), [torch.Generator()], edits=edits)

    torch.testing.assert_close(run([Same()]), run([]), atol=1e-4, rtol=1e-4)


def test_zero_terminal_snr_starts_from_noise_alone() -> None:
    scheduler = base("v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing")
    schedule = make_schedule(scheduler, None, 10, 1.0, CPU)
    torch.testing.assert_close(schedule.noise_to(noise(1), noise(2), schedule.steps[0]), noise(2), atol=1e-6, rtol=0)
    x0 = schedule.to_clean(schedule.from_clean(noise(1), noise(2), schedule.steps[0]), noise(2), schedule.steps[0])
    torch.testing.assert_close(x0, noise(1), atol=1e-6, rtol=0)


def test_a_scheduler_that_cannot_serve_zero_terminal_snr_is_refused() -> None:
    with pytest.raises(ModelMismatch, match=r"heun.*zero terminal SNR.*ddim"):
        make_schedule(base("v_prediction", rescale_betas_zero_snr=True), "heun", 10, 1.0, CPU)


def test_an_unknown_scheduler_is_refused_with_the_known_names() -> None:
    with pytest.raises(RequestError, match=r"scheduler: .*'eulre'.*euler_ancestral"):
        make_schedule(base(), "eulre", 10, 1.0, CPU)


def test_a_strength_that_leaves_no_step_is_refused() -> None:
    with pytest.raises(RequestError, match="strength"):
        make_schedule(base(), "ddim", 10, 0.05, CPU)


def end_of_a_run(name: str, count: int) -> torch.Tensor:
    schedule = make_schedule(base(), name, count, 1.0, CPU)
    return denoise(lambda x, step: torch.zeros_like(x), schedule, noise(1), [torch.Generator()])


@pytest.mark.parametrize("name", ["ddim", "pndm", "ddpm", "dpmpp_2m", "deis", "unipc"])
def test_more_steps_than_noise_levels_are_refused(name: str) -> None:
    """diffusers would index beyond its table, or divide by zero."""
    assert end_of_a_run(name, 999).isfinite().all()
    with pytest.raises(RequestError, match=r"num_inference_steps: 1000.*fewer than 1000"):
        end_of_a_run(name, 1000)


def test_the_base_scheduler_keeps_no_trace_of_a_run() -> None:
    scheduler = base()
    before = dict(vars(scheduler))
    make_schedule(scheduler, None, 7, 0.5, CPU)
    assert {k: v for k, v in vars(scheduler).items() if not torch.is_tensor(v)} == {
        k: v for k, v in before.items() if not torch.is_tensor(v)
    }
    assert scheduler.num_inference_steps is None


def test_cancel_stops_before_the_next_step() -> None:
    ran: list[int] = []
    schedule = make_schedule(base(), "ddim", 10, 1.0, CPU)
    with pytest.raises(Cancelled, match="step 4 of 10"):
        denoise(
            lambda x, step: x,
            schedule,
            noise(0),
            [torch.Generator()],
            on_step=lambda step, x0: ran.append(step.index),
            cancelled=lambda: len(ran) == 3,
        )
    assert ran == [0, 1, 2]
