// OpenAI's SDK with the Responses API: natively kept (gpt), relayed (local), and translated (claude, seek).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { collect, HELLO, startGateway } from "./support.mjs";

const TOOL = { type: "function", name: "get_weather", description: "Weather now", strict: false, parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
let gateway;
let client;

before(async () => {
  gateway = await startGateway();
  client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
after(() => gateway.stop());

const calls = (response) => response.output.filter((item) => item.type === "function_call");
const outputs = (response) => calls(response).map((call) => ({ type: "function_call_output", call_id: call.call_id, output: "sunny" }));

for (const model of ["gpt", "local", "claude", "seek", "gem", "command", "us.amazon.nova-pro-v1:0"]) {
  test(`${model}: answer`, async () => {
    const answer = await client.responses.create({ model, input: "hi", max_output_tokens: 50 });
    assert.equal(answer.output_text, HELLO);
    assert.equal(answer.status, "completed");
    assert.equal(answer.usage.total_tokens, 22);
  });

  test(`${model}: stream`, async () => {
    const stream = client.responses.stream({ model, input: "hi" });
    const events = await collect(stream);
    const final = await stream.finalResponse();
    assert.equal(events[0].type, "response.created");
    assert.equal(events.at(-1).type, "response.completed");
    assert.equal(final.output_text ?? final.output[0].content[0].text, HELLO);
    assert.equal(events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""), HELLO);
  });

  test(`${model}: streamed tools, continued by id`, async () => {
    const stream = client.responses.stream({ model, input: "weather?", tools: [TOOL] });
    const first = await stream.finalResponse();
    assert.deepEqual(calls(first).map((call) => JSON.parse(call.arguments).city), ["Paris", "Rome"]);
    const second = await client.responses.create({ model, previous_response_id: first.id, input: outputs(first), tools: [TOOL] });
    assert.equal(second.output_text, "It is sunny.");
  });

  test(`${model}: read, listed, deleted`, async () => {
    const made = await client.responses.create({ model, input: "hi" });
    assert.equal((await client.responses.retrieve(made.id)).output_text, HELLO);
    const items = await collect(client.responses.inputItems.list(made.id));
    assert.equal(items[0].content[0].text, "hi");
    await client.responses.delete(made.id);
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
  });

  test(`${model}: in the background`, async () => {
    let answer = await client.responses.create({ model, input: "hi", background: true });
    for (let n = 0; n < 100 && ["queued", "in_progress"].includes(answer.status); n += 1) {
      await new Promise((done) => setTimeout(done, 50));
      answer = await client.responses.retrieve(answer.id);
    }
    assert.equal(answer.output_text, HELLO);
  });

  test(`${model}: errors`, async () => {
    await assert.rejects(client.responses.create({ model, input: "fail 429" }), OpenAI.RateLimitError);
    await assert.rejects(collect(await client.responses.create({ model, input: "cut", stream: true })).then((events) => {
      const last = events.at(-1).type;
      if (last === "error" || last === "response.failed") throw new Error(last);
    }));
  });
}
