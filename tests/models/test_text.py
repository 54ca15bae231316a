"""Prompts to embeddings: equal to diffusers in the plain case, and the laws of emphasis, chunks and negatives."""

from __future__ import annotations

import pytest
import torch

from sd_core.diffusion.emphasis import Fragment, parse_emphasis
from sd_core.diffusion.text import PromptEmbeds, encode_prompt
from sd_core.models import Family
from tests.models.conftest import Loaded
from tests.tiny import TinyKind

KINDS = (TinyKind.SD1, TinyKind.SD2, TinyKind.SDXL)
PROMPTS = ("", "a red brick wall, 4k", "x " * 75, "  spaces\tand\nlines ", "naïve café \N{EARTH GLOBE ASIA-AUSTRALIA}")
FULL = "x " * 75


def encode(loaded: Loaded, prompt: str, negative: str = "", kind: TinyKind = TinyKind.SD1) -> PromptEmbeds:
    """Both prompts encoded for a guided run."""
    return encode_prompt(loaded(kind), prompt, negative, guided=True)


@pytest.mark.parametrize("negative", ["", "ugly"])
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("kind", KINDS)
def test_plain_prompts_give_what_diffusers_gives_bit_for_bit(
    loaded: Loaded, kind: TinyKind, prompt: str, negative: str
) -> None:
    model = loaded(kind)
    options = {"device": "cpu", "num_images_per_prompt": 1, "do_classifier_free_guidance": True}
    with torch.no_grad():
        stock = model.pipeline.encode_prompt(prompt, negative_prompt=negative or None, **options)
    ours = encode(loaded, prompt, negative, kind)
    for theirs, mine in zip(stock, (ours.prompt, ours.negative, ours.pooled, ours.negative_pooled), strict=False):
        assert mine is not None and torch.equal(theirs, mine)


def test_an_unguided_run_has_no_negative(loaded: Loaded) -> None:
    embeds = encode_prompt(loaded(TinyKind.SDXL), "wall", "ugly", guided=False)
    assert embeds.negative is None and embeds.negative_pooled is None
    assert torch.equal(embeds.prompt, encode(loaded, "wall", "ugly", TinyKind.SDXL).prompt)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_prompt_is_its_chunks_one_after_the_other(loaded: Loaded, kind: TinyKind) -> None:
    long = encode(loaded, FULL + "a red wall", "", kind)
    assert long.prompt.shape[1] == 2 * 77
    assert torch.allclose(long.prompt[:, :77], encode(loaded, FULL, "", kind).prompt, atol=1e-5)
    assert torch.allclose(long.prompt[:, 77:], encode(loaded, "a red wall", "", kind).prompt, atol=1e-5)


def test_the_shorter_of_prompt_and_negative_is_padded_with_empty_chunks(loaded: Loaded) -> None:
    embeds = encode(loaded, "wall", FULL + "ugly")
    assert embeds.negative is not None and embeds.prompt.shape == embeds.negative.shape
    assert torch.allclose(embeds.prompt[:, 77:], encode(loaded, "").prompt, atol=1e-5)


def test_the_pooled_embedding_of_a_long_prompt_is_that_of_its_first_chunk(loaded: Loaded) -> None:
    long, short = (encode(loaded, p, "", TinyKind.SDXL).pooled for p in (FULL + "wall", FULL))
    assert long is not None and short is not None
    assert torch.allclose(long, short, atol=1e-5)


def test_an_empty_negative_is_zero_only_where_the_checkpoint_says_so(loaded: Loaded) -> None:
    sdxl, sd1 = encode(loaded, "wall", "", TinyKind.SDXL), encode(loaded, "wall")
    assert sdxl.negative is not None and not sdxl.negative.any()
    assert sdxl.negative_pooled is not None and not sdxl.negative_pooled.any()
    assert sd1.negative is not None and sd1.negative.any()


@pytest.mark.parametrize("kind", KINDS)
def test_emphasis_of_one_is_no_emphasis(loaded: Loaded, kind: TinyKind) -> None:
    assert torch.equal(
        encode(loaded, "a (red:1.0) wall", "", kind).prompt, encode(loaded, "a red wall", "", kind).prompt
    )


@pytest.mark.parametrize("kind", KINDS)
def test_emphasis_scales_its_words_against_the_others(loaded: Loaded, kind: TinyKind) -> None:
    model = loaded(kind)
    ids = model.tokenizers[0]("a red wall").input_ids
    red = ids.index(model.tokenizers[0]("red").input_ids[1])
    plain, strong = (encode(loaded, p, "", kind).prompt[0] for p in ("a red wall", "a (red:1.5) wall"))
    ratio = strong / plain
    others = torch.cat([ratio[:red], ratio[red + 1 :]])
    assert torch.allclose(ratio[red] / others[0], torch.full_like(ratio[red], 1.5), atol=1e-3)
    assert torch.allclose(others, others[0, 0].expand_as(others), atol=1e-3)
    if model.family is not Family.SDXL:
        assert torch.allclose(strong.mean(), plain.mean(), atol=1e-5)


def test_escaped_brackets_are_characters(loaded: Loaded) -> None:
    assert parse_emphasis(r"wall \(old\) \[x\]") == (Fragment("wall (old) [x]"),)
    plain = loaded(TinyKind.SD1).pipeline.encode_prompt("wall (old)", "cpu", 1, False)[0]
    assert torch.equal(encode(loaded, r"wall \(old\)").prompt, plain)


@pytest.mark.parametrize(
    ("prompt", "fragments"),
    [
        ("(red)", (("red", 1.1),)),
        ("((red))", (("red", 1.21),)),
        ("[red]", (("red", 1 / 1.1),)),
        ("(red:1.3)", (("red", 1.3),)),
        ("(red:.5) wall", (("red", 0.5), (" wall", 1.0))),
        ("(a (b:2) c:1.5)", (("a ", 1.5), ("b", 3.0), (" c", 1.5))),
        ("(a [b])", (("a ", 1.1), ("b", 1.0))),
        ("a (b", (("a ", 1.0), ("b", 1.1))),
        ("a ) b ]", (("a ) b ]", 1.0),)),
        ("time 3:15, (ratio 2:3 red)", (("time 3:15, ", 1.0), ("ratio 2:3 red", 1.1))),
        ("(a:b)", (("a:b", 1.1),)),
        ("[a:0.5)", (("a:0.5)", 1 / 1.1),)),
        ("a\\", (("a\\", 1.0),)),
        ("", (("", 1.0),)),
    ],
)
def test_the_grammar_of_emphasis(prompt: str, fragments: tuple[tuple[str, float], ...]) -> None:
    parsed = parse_emphasis(prompt)
    assert [f.text for f in parsed] == [text for text, _ in fragments]
    assert [f.weight for f in parsed] == pytest.approx([weight for _, weight in fragments])
