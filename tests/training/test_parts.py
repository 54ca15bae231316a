import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sd_core.training.architecture import build_autoencoder, build_scheduler, build_text_encoder
from sd_core.training.batches import control_picture
from sd_core.training.captions import draw_captions, token_ids
from sd_core.training.config import Size, Stage, TrainConfig
from sd_core.training.data import COLOURS, MATERIALS, SampleKind, make_sample, vocabulary
from sd_core.training.embeddings import CaptionReader, cache_embeddings
from sd_core.training.images import CROP_BUCKETS, SCENE_BUCKETS, TEXTURE_BUCKETS, stored_control
from sd_core.training.latents import channel_statistics, fold_statistics
from sd_core.training.loop import learning_rate
from sd_core.training.losses import psnr, reconstruction_loss
from sd_core.training.muon import orthogonalise
from sd_core.training.noising import crowded_timesteps, noisy_and_velocity
from sd_core.training.recipes import StageFiles
from sd_core.training.tokenizer import build_tokenizer


def test_every_known_word_is_one_token(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(vocabulary(), tmp_path)
    broken = [word for word in vocabulary() if word.isalpha() and len(tokenizer.tokenize(word)) != 1]
    assert broken == []


def test_the_vocabulary_is_the_same_in_every_process(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sd_core.training.data import vocabulary\n"
        "from sd_core.training.tokenizer import build_tokenizer\n"
        "build_tokenizer(vocabulary(), Path(sys.argv[1]))"
    )
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True, cwd=Path(__file__).parents[2])
    for file in ("vocab.json", "merges.txt"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_unknown_words_and_signs_still_have_tokens(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(vocabulary(), tmp_path)
    for text in ("zeppelin", "naïve café", "4k!", "😀"):
        assert tokenizer.tokenize(text)
        assert tokenizer.unk_token not in tokenizer.tokenize(text)


def test_short_and_full_padding_agree_where_both_have_tokens(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(vocabulary(), tmp_path)
    short, full = (token_ids(tokenizer, ["red brick", "a blue tiled torus"], full=choice) for choice in (False, True))
    assert full.shape == (2, 77)
    assert torch.equal(full[:, : short.shape[1]], short)


def test_captions_are_dropped_and_disturbed_at_their_rates() -> None:
    drawn = draw_captions(["red brick"] * 4000, np.random.default_rng(0))
    assert 0.10 < drawn.count("") / 4000 < 0.14
    assert 0.06 < sum(len(caption.split()) == 3 for caption in drawn) / 4000 < 0.10


def test_folded_statistics_normalise_latents_and_keep_pictures(trained: Path) -> None:
    shop = StageFiles(trained, TrainConfig.default(Stage.AUTOENCODER, size=Size.TINY), None)
    images = shop.images("crops", CROP_BUCKETS)
    torch.manual_seed(0)
    autoencoder = build_autoencoder(Size.TINY).eval()
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = autoencoder.decode(autoencoder.encode(picture).latent_dist.mean).sample
        spread = autoencoder.encode(picture).latent_dist.std
        mean, deviation = channel_statistics(autoencoder, images)
        fold_statistics(autoencoder, mean, deviation)
        posterior = autoencoder.encode(picture).latent_dist
        after = autoencoder.decode(posterior.mean).sample
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(posterior.std * deviation[None, :, None, None], spread, rtol=1e-3, atol=1e-5)
    mean, deviation = channel_statistics(autoencoder, images)
    torch.testing.assert_close(mean, torch.zeros(8), rtol=0, atol=0.05)
    torch.testing.assert_close(deviation, torch.ones(8), rtol=0, atol=0.05)


def test_the_scheduler_ends_in_pure_noise() -> None:
    scheduler = build_scheduler()
    clean, noise = torch.ones(1, 8, 2, 2), torch.zeros(1, 8, 2, 2)
    noisy, velocity = noisy_and_velocity(scheduler, clean, noise, torch.tensor([999]))
    assert noisy.abs().max() < 1e-3
    torch.testing.assert_close(velocity, -clean, rtol=0, atol=1e-3)


def test_crowded_timesteps_leave_nothing_out_and_stay_where_structure_is_decided() -> None:
    torch.manual_seed(0)
    timesteps = torch.cat([crowded_timesteps(12, 1000) for _ in range(500)])
    shares = torch.histc(timesteps.float(), 10, 0, 1000) / len(timesteps)
    assert (shares > 0.019).all() and shares[3:8].sum() > 0.65
    ratios = build_scheduler().alphas_cumprod[timesteps]
    inside = (ratios / (1 - ratios) < 1.5) & (ratios / (1 - ratios) > 0.009)
    assert 0.8 < inside.float().mean() < 0.9


def test_the_learning_rate_warms_holds_and_falls_to_nothing() -> None:
    config = TrainConfig.default(Stage.UNET)
    rates = [learning_rate(config, step) for step in range(config.steps)]
    assert rates[0] < 0.01 * config.learning_rate
    assert rates[config.steps // 5] == pytest.approx(config.learning_rate)
    assert rates[-1] < 1e-3 * config.learning_rate


def test_equal_pictures_cost_nothing_and_colour_casts_cost() -> None:
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert reconstruction_loss(picture, picture) == 0
    assert reconstruction_loss(picture + torch.tensor([0.1, 0, -0.1]).view(1, 3, 1, 1), picture) > 0.1
    assert psnr(picture, picture.roll(1, 3))[0] < psnr(picture, picture + 0.01)[0]


def test_a_stored_control_is_the_engines_own_picture() -> None:
    sample = make_sample(3, 128, 128, kind=SampleKind.SCENE)
    assert sample.depth is not None
    stored = stored_control(sample)
    assert ((stored == 0) == ~np.isfinite(sample.depth)).all()
    drawn = [control_picture(stored, np.random.default_rng(seed)) for seed in range(20)]
    for control in drawn:
        assert control.min() >= 0
        assert control.max() <= 1
        assert (control[stored == 0] == 0).all()


def test_buckets_never_share_a_file() -> None:
    names = [bucket.name for bucket in (*TEXTURE_BUCKETS, *SCENE_BUCKETS)]
    assert len(set(names)) == len(names)


def test_the_data_names_what_the_sheets_ask_for() -> None:
    assert len(MATERIALS) >= 18
    assert len(COLOURS) >= 12


@pytest.mark.parametrize("shape", [(24, 96), (96, 24), (32, 32)])
def test_an_orthogonalised_matrix_keeps_directions_and_evens_their_strengths(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3)) * 0.01
    made = orthogonalise(matrix)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    within = left.T @ made @ right.T
    strong = values > 0.05 * values[0]
    assert torch.allclose(within, torch.diag(within.diagonal()), atol=1e-3)
    assert ((within.diagonal()[strong] > 0.6) & (within.diagonal()[strong] < 1.3)).all()
    assert torch.allclose(orthogonalise(1000 * matrix), made, atol=1e-4)


@pytest.mark.parametrize("full", [False, True])
def test_kept_embeddings_are_those_that_the_encoder_gives(full: bool, tmp_path: Path) -> None:
    tokenizer = build_tokenizer(vocabulary(), tmp_path)
    encoder = build_text_encoder(tokenizer, Size.TINY).eval()
    known, path = ["", "a wall of old red brick", "blue tiles"], tmp_path / "captions.npy"
    assert list(cache_embeddings(encoder, tokenizer, known, path))[-1] == (3, 3)
    reader = CaptionReader.open(encoder, tokenizer, known, path)
    captions = ["blue tiles", "green grass nobody has read before", "", "a wall of old red brick"]
    with torch.inference_mode():
        wanted = encoder(token_ids(tokenizer, captions, full=full))[0]
    read = reader.read(captions, full=full)
    assert read.shape == wanted.shape
    assert torch.allclose(read, wanted, atol=4e-3)
