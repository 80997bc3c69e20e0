// Vectors, pictures and sound through OpenAI's SDK.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { collect, startGateway } from "./support.mjs";

const WAV = Buffer.concat([Buffer.from("RIFF\x24\0\0\0WAVEfmt "), Buffer.alloc(200)]);
const SAID = "Hello from a recording.";
let gateway;
let client;

before(async () => {
  gateway = await startGateway();
  client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
after(() => gateway.stop());

for (const model of ["embed", "plain-embed", "gem-embed", "co-embed", "titan", "ollama-embed"]) {
  test(`${model}: embeddings`, async () => {
    // Asked for as base64 by the SDK, which decodes it.
    const usual = await client.embeddings.create({ model, input: ["a", "b"] });
    assert.deepEqual(usual.data.map((one) => [...one.embedding]), [[1, 2, 3], [1, 2, 3]]);
    const floats = await client.embeddings.create({ model, input: "a", encoding_format: "float" });
    assert.deepEqual(floats.data[0].embedding, [1, 2, 3]);
    const ids = await client.embeddings.create({ model, input: [[15339], [1917]] });
    assert.equal(ids.data.length, 2);
  });
}

for (const model of ["picture", "imagen"]) {
  test(`${model}: pictures`, async () => {
    const made = await client.images.generate({ model, prompt: "a cat" });
    const picture = Buffer.from(made.data[0].b64_json, "base64");
    assert.equal(picture.subarray(1, 4).toString(), "PNG");
    if (model !== "picture") return;
    const image = await toFile(picture, "cat.png", { type: "image/png" });
    const edited = await client.images.edit({ model, image, prompt: "a hat" });
    assert.equal(edited.data[0].b64_json, made.data[0].b64_json);
  });
}

for (const model of ["ears", "deep-ears", "eleven-ears"]) {
  test(`${model}: transcription`, async () => {
    const heard = await client.audio.transcriptions.create({ model, file: await toFile(WAV, "a.wav") });
    assert.equal(heard.text, SAID);
  });
}

test("transcription in events, translation", async () => {
  const file = () => toFile(WAV, "a.wav");
  const events = await collect(await client.audio.transcriptions.create({ model: "ears", file: await file(), stream: true }));
  assert.equal(events.map((event) => event.delta ?? "").join(""), SAID);
  assert.equal(events.at(-1).type, "transcript.text.done");
  const translated = await client.audio.translations.create({ model: "ears", file: await file() });
  assert.equal(translated.text, "Hello, translated.");
});

for (const model of ["voice", "eleven-voice"]) {
  test(`${model}: speech`, async () => {
    const answer = await client.audio.speech.create({ model, voice: "alloy", input: "Hi there." });
    assert.equal(answer.headers.get("content-type"), "audio/mpeg");
    const sound = Buffer.concat(await collect(answer.body));
    assert.equal(sound.subarray(0, 3).toString(), "ID3");
    assert.equal(sound.length, 4 + 900 + 900 + 1500);
  });
}

test("moderations", async () => {
  const verdict = await client.moderations.create({ model: "moderate", input: "x" });
  assert.equal(verdict.results[0].flagged, false);
});
