"""Vectors, pictures, sound, ranks and verdicts, through OpenAI's and Cohere's SDKs."""

import base64
import io
import json
import time
import urllib.request

import cohere
import openai
import pytest

from upstream_media import PIXEL, SAID, SOUND

VECTOR = [1.0, 2.0, 3.0]
EMBED = ["embed", "plain-embed", "gem-embed", "co-embed", "titan", "ollama-embed"]
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(200)
every_embed = pytest.mark.parametrize("model", EMBED)


def seen(gateway):
    with urllib.request.urlopen(gateway.upstream_url + "/seen") as answer:
        return json.load(answer)


# ---------------------------------------------------------------------- vectors
@every_embed
def test_embeddings(oai, model):
    """The SDK asks for base64 by itself, and decodes it."""
    answer = oai.embeddings.create(model=model, input=["a", "b", "c"])
    assert [one.embedding for one in answer.data] == [VECTOR] * 3 and [one.index for one in answer.data] == [0, 1, 2]
    assert answer.usage.prompt_tokens > 0 and answer.usage.total_tokens == answer.usage.prompt_tokens
    assert oai.embeddings.create(model=model, input="a").data[0].embedding == VECTOR


@every_embed
def test_embeddings_as_asked(oai, model):
    floats = oai.embeddings.create(model=model, input=["a", "b"], encoding_format="float")
    assert [one.embedding for one in floats.data] == [VECTOR] * 2
    raw = oai.embeddings.with_raw_response.create(model=model, input="a", encoding_format="base64")
    assert json.loads(raw.text)["data"][0]["embedding"] == "AACAPwAAAEAAAEBA"


@every_embed
def test_embeddings_of_token_ids(gateway, oai, model):
    """Those who take no ids get the text that they stand for."""
    assert oai.embeddings.create(model=model, input=[15339, 1917]).data[0].embedding == VECTOR
    sent = json.dumps(json.loads(seen(gateway)["body"]))
    assert ("[15339, 1917]" if model in ("embed", "plain-embed") else "hello world") in sent
    assert len(oai.embeddings.create(model=model, input=[[15339], [1917]]).data) == 2


def test_large_batches(oai):
    for model, count in (("co-embed", 200), ("gem-embed", 250), ("embed", 2100)):
        answer = oai.embeddings.create(model=model, input=["a"] * count)
        assert [one.index for one in answer.data] == list(range(count)), model


@pytest.mark.parametrize("model", ["gem-embed", "co-embed", "titan", "embed"])
def test_dimensions(gateway, oai, model):
    oai.embeddings.create(model=model, input="a", dimensions=256)
    name = {"gem-embed": "outputDimensionality", "co-embed": "output_dimension"}.get(model, "dimensions")
    assert f'"{name}": 256' in json.dumps(json.loads(seen(gateway)["body"]))


@pytest.mark.parametrize("model", ["embed", "gem-embed", "co-embed", "titan", "ollama-embed"])
def test_cohere_embed(gateway, model):
    client = cohere.ClientV2(api_key=gateway.key, base_url=gateway.url, timeout=20)
    answer = client.embed(model=model, texts=["a", "b"], input_type="search_document", embedding_types=["float"])
    assert answer.embeddings.float_ == [VECTOR] * 2
    old = cohere.Client(api_key=gateway.key, base_url=gateway.url, timeout=20)
    assert old.embed(model=model, texts=["a"], input_type="search_query").embeddings == [VECTOR]


# ---------------------------------------------------------------------- ranks
@pytest.mark.parametrize("model", ["rank", "rank-jina", "rank-voyage"])
def test_cohere_rerank(gateway, model):
    documents = ["Carson City", "Saipan", "Washington"]
    for client in (cohere.ClientV2, cohere.Client):
        co = client(api_key=gateway.key, base_url=gateway.url, timeout=20)
        answer = co.rerank(model=model, query="capital?", documents=documents, top_n=2)
        assert [(one.index, one.relevance_score) for one in answer.results] == [(2, 0.9), (0, 0.1)]


# ---------------------------------------------------------------------- pictures
@pytest.mark.parametrize("model", ["picture", "imagen"])
def test_pictures(oai, model):
    answer = oai.images.generate(model=model, prompt="a cat", n=1)
    assert base64.b64decode(answer.data[0].b64_json) == base64.b64decode(PIXEL)
    if model == "picture":
        assert answer.usage.total_tokens == 30


def test_picture_edit(oai):
    picture = ("cat.png", io.BytesIO(base64.b64decode(PIXEL)), "image/png")
    assert oai.images.edit(model="picture", image=picture, prompt="a hat").data[0].b64_json == PIXEL
    assert oai.images.edit(model="picture", image=[picture], prompt="a hat").data[0].b64_json == PIXEL


# ---------------------------------------------------------------------- sound
def wav():
    return ("a.wav", io.BytesIO(WAV), "audio/wav")


@pytest.mark.parametrize("model", ["ears", "deep-ears", "eleven-ears"])
def test_transcription(oai, model):
    assert oai.audio.transcriptions.create(model=model, file=wav()).text == SAID


def test_transcription_formats(oai):
    assert oai.audio.transcriptions.create(model="ears", file=wav(), response_format="text").strip() == SAID
    events = list(oai.audio.transcriptions.create(model="ears", file=wav(), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:2]) == SAID == events[2].text


def test_translation(oai):
    assert oai.audio.translations.create(model="ears", file=wav()).text == "Hello, translated."


@pytest.mark.parametrize("model", ["voice", "eleven-voice"])
def test_speech(oai, model):
    """Sound is there before all of it is made."""
    started = time.monotonic()
    with oai.audio.speech.with_streaming_response.create(model=model, voice="alloy", input="Hi there.") as answer:
        assert answer.headers["content-type"].startswith("audio/mpeg")
        first, pieces = None, []
        for piece in answer.iter_bytes():
            first = first or time.monotonic() - started
            pieces.append(piece)
    assert b"".join(pieces) == b"".join(SOUND)
    if model == "voice":
        assert first < time.monotonic() - started - 0.2
    assert oai.audio.speech.create(model=model, voice="alloy", input="Hi there.").read() == b"".join(SOUND)


# ---------------------------------------------------------------------- verdicts
def test_moderations(oai):
    verdict = oai.moderations.create(model="moderate", input="x").results[0]
    assert verdict.flagged is False and verdict.category_scores.violence == 0.01


def test_own_mistakes(oai):
    with pytest.raises(openai.BadRequestError) as failure:
        oai.embeddings.create(model="co-embed", input=[4_000_000_000])
    assert failure.value.param == "input"
    with pytest.raises(openai.APIStatusError):
        oai.audio.transcriptions.create(model="nobody", file=wav())
