// OpenAI's SDK over each kind of upstream.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { collect, HELLO, startGateway } from "./support.mjs";

const TOOL = { type: "function", function: { name: "get_weather", description: "Weather now", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };
const user = (content) => [{ role: "user", content }];
let gateway;
let client;

before(async () => {
  gateway = await startGateway();
  client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
after(() => gateway.stop());

for (const model of ["gpt", "claude", "local", "groq", "gem", "command", "us.amazon.nova-pro-v1:0"]) {
  test(`${model}: answer`, async () => {
    const answer = await client.chat.completions.create({ model, messages: user("hi"), max_tokens: 50 });
    assert.equal(answer.choices[0].message.content, HELLO);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, 22);
  });

  test(`${model}: stream`, async () => {
    const stream = await client.chat.completions.create({ model, messages: user("hi"), stream: true, stream_options: { include_usage: true } });
    const chunks = await collect(stream);
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), HELLO);
    assert.equal(chunks.at(-1).usage.total_tokens, 22);
  });

  test(`${model}: streamed tools`, async () => {
    const stream = client.chat.completions.stream({ model, messages: user("weather?"), tools: [TOOL] });
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
    assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments).city), ["Paris", "Rome"]);
    assert.equal(finish_reason, "tool_calls");
  });

  test(`${model}: tool loop`, async () => {
    const messages = user("weather?");
    const first = await client.chat.completions.create({ model, messages, tools: [TOOL] });
    const calls = first.choices[0].message.tool_calls;
    messages.push(first.choices[0].message, ...calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "sunny" })));
    const second = await client.chat.completions.create({ model, messages, tools: [TOOL] });
    assert.equal(second.choices[0].message.content, "It is sunny.");
  });

  test(`${model}: structured output`, async () => {
    const format = zodResponseFormat(z.object({ city: z.string(), population: z.number() }), "city");
    const answer = await client.chat.completions.parse({ model, messages: user("Paris as json"), response_format: format });
    assert.deepEqual(answer.choices[0].message.parsed, { city: "Paris", population: 2102650 });
  });

  test(`${model}: errors`, async () => {
    const classes = {
      400: OpenAI.BadRequestError, 401: OpenAI.AuthenticationError, 402: OpenAI.APIError, 403: OpenAI.PermissionDeniedError, 404: OpenAI.NotFoundError,
      408: OpenAI.APIError, 409: OpenAI.ConflictError, 413: OpenAI.APIError, 422: OpenAI.UnprocessableEntityError, 429: OpenAI.RateLimitError,
      500: OpenAI.InternalServerError, 502: OpenAI.InternalServerError, 503: OpenAI.InternalServerError, 504: OpenAI.InternalServerError,
    };
    for (const [status, type] of Object.entries(classes)) {
      for (const stream of [false, true]) {
        await assert.rejects(client.chat.completions.create({ model, messages: user(`fail ${status}`), stream }), (error) => {
          assert.ok(error instanceof type, `${status}: ${error}`);
          assert.equal(error.status, Number(status));
          assert.match(error.message, new RegExp(`Upstream says ${status}`));
          return true;
        });
      }
    }
    await assert.rejects(async () => collect(await client.chat.completions.create({ model, messages: user("cut"), stream: true })));
  });

  test(`${model}: timeouts`, async () => {
    for (const stream of [false, true]) {
      const slow = { model, messages: user("slow"), stream };
      await assert.rejects(client.chat.completions.create(slow, { timeout: 300 }), OpenAI.APIConnectionTimeoutError);
      await assert.rejects(client.chat.completions.create({ ...slow, timeout: 0.3 }), (error) => error.status === 408);
    }
  });

  test(`${model}: headers`, async () => {
    const { data, response } = await client.chat.completions.create({ model, messages: user("hi") }).withResponse();
    assert.equal(data.choices[0].message.content, HELLO);
    assert.equal(response.headers.get("x-litellm-model-group"), model);
    assert.ok(response.headers.get("x-litellm-call-id"));
  });
}

test("abort and timeout", async () => {
  const slow = { model: "gpt", messages: user("slow") };
  await assert.rejects(client.chat.completions.create(slow, { timeout: 300 }), OpenAI.APIConnectionTimeoutError);
  await assert.rejects(client.chat.completions.create(slow, { signal: AbortSignal.timeout(300) }), OpenAI.APIUserAbortError);
});

test("completions, models", async () => {
  const text = await client.completions.create({ model: "instruct", prompt: "hi" });
  assert.equal(text.choices[0].text, HELLO);
  const names = (await collect(client.models.list())).map((model) => model.id);
  assert.ok(names.includes("gpt") && names.includes("claude"));
});
