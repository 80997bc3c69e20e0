// Anthropic's SDK over each kind of upstream.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { collect, HELLO, startGateway } from "./support.mjs";

const TOOL = { name: "get_weather", description: "Weather now", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const ask = (model, content, more = {}) => ({ model, max_tokens: 100, messages: [{ role: "user", content }], ...more });
let gateway;
let client;

before(async () => {
  gateway = await startGateway();
  client = new Anthropic({ apiKey: gateway.key, baseURL: gateway.url, maxRetries: 0 });
});
after(() => gateway.stop());

for (const model of ["claude", "local", "gpt", "gem", "command", "us.amazon.nova-pro-v1:0"]) {
  test(`${model}: answer`, async () => {
    const answer = await client.messages.create(ask(model, "hi", { system: "Be terse." }));
    assert.equal(answer.content[0].text, HELLO);
    assert.equal(answer.stop_reason, "end_turn");
    assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [14, 8]);
  });

  test(`${model}: stream`, async () => {
    const final = await client.messages.stream(ask(model, "hi")).finalMessage();
    assert.equal(final.content[0].text, HELLO);
    assert.equal(final.usage.output_tokens, 8);
    const events = await collect(await client.messages.create(ask(model, "hi", { stream: true })));
    assert.equal(events[0].type, "message_start");
    assert.equal(events.at(-1).type, "message_stop");
  });

  test(`${model}: streamed tools and their results`, async () => {
    const request = ask(model, "weather?", { tools: [TOOL] });
    const first = await client.messages.stream(request).finalMessage();
    const uses = first.content.filter((block) => block.type === "tool_use");
    assert.deepEqual(uses.map((use) => use.input.city), ["Paris", "Rome"]);
    assert.equal(first.stop_reason, "tool_use");
    const results = uses.map((use) => ({ type: "tool_result", tool_use_id: use.id, content: "sunny" }));
    request.messages.push({ role: "assistant", content: first.content }, { role: "user", content: results });
    assert.equal((await client.messages.create(request)).content[0].text, "It is sunny.");
  });

  test(`${model}: errors`, async () => {
    const classes = {
      400: Anthropic.BadRequestError, 401: Anthropic.AuthenticationError, 402: Anthropic.APIError, 403: Anthropic.PermissionDeniedError, 404: Anthropic.NotFoundError,
      408: Anthropic.APIError, 409: Anthropic.ConflictError, 413: Anthropic.APIError, 422: Anthropic.UnprocessableEntityError, 429: Anthropic.RateLimitError,
      500: Anthropic.InternalServerError, 502: Anthropic.InternalServerError, 503: Anthropic.InternalServerError, 504: Anthropic.InternalServerError,
    };
    for (const [status, type] of Object.entries(classes)) {
      await assert.rejects(client.messages.create(ask(model, `fail ${status}`)), (error) => {
        assert.ok(error instanceof type, `${status}: ${error}`);
        assert.equal(error.status, Number(status));
        assert.equal(error.error.type, "error");
        return true;
      });
    }
    await assert.rejects(async () => collect(await client.messages.create(ask(model, "cut", { stream: true }))));
  });
}

for (const model of ["claude", "local", "gpt", "gem", "command", "us.amazon.nova-pro-v1:0"]) {
  test(`${model}: structured output`, async () => {
    const format = zodOutputFormat(z.object({ city: z.string(), population: z.number() }));
    const answer = await client.messages.parse(ask(model, "Paris as json", { output_config: { format } }));
    assert.deepEqual(answer.parsed_output, { city: "Paris", population: 2102650 });
  });

  test(`${model}: timeouts`, async () => {
    for (const stream of [false, true]) {
      const slow = ask(model, "slow", { stream });
      await assert.rejects(client.messages.create(slow, { timeout: 300 }), Anthropic.APIConnectionTimeoutError);
      await assert.rejects(client.messages.create({ ...slow, timeout: 0.3 }), (error) => error.status === 408);
    }
  });
}

test("thinking keeps its signature", async () => {
  const request = ask("claude", "think", { thinking: { type: "enabled", budget_tokens: 1024 }, max_tokens: 4000 });
  const final = await client.messages.stream(request).finalMessage();
  assert.equal(final.content[0].signature, "c2lnbmF0dXJl");
});

test("abort, headers, counting", async () => {
  await assert.rejects(client.messages.create(ask("claude", "slow"), { timeout: 300 }), Anthropic.APIConnectionTimeoutError);
  const { response } = await client.messages.create(ask("claude", "hi")).withResponse();
  assert.equal(response.headers.get("x-litellm-model-group"), "claude");
  const { input_tokens } = await client.messages.countTokens({ model: "claude", messages: [{ role: "user", content: "hi" }] });
  assert.equal(input_tokens, 17);
});
