// The usual calls of OpenAI's JavaScript client, as a participant would write them; tells what came of each as JSON.
import OpenAI from "openai";

const { base, models } = JSON.parse(process.argv[2]);
const as = (who, more = {}) => new OpenAI({ baseURL: base, apiKey: `sk-${who}`, ...more });
const client = as("ada");
const messages = [{ role: "user", content: "Say hello in one sentence." }];

async function refused(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
}

async function streamed() {
  const pieces = [];
  let usage = null;
  const stream = await client.chat.completions.create({
    model: models.chat, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    if (chunk.choices.length) pieces.push(chunk.choices[0].delta.content ?? "");
    usage = chunk.usage ?? usage;
  }
  return { pieces, usage };
}

async function listed() {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  return names;
}

const ask = (who, model, more) => () => as(who, more).chat.completions.create({ model, messages, max_tokens: 8 });

async function tooMany() {    // the second request, or the third where a new minute begins between them
  for (let tries = 0; tries < 3; tries++) {
    const told = await refused(ask("one-a-minute", models.chat, { maxRetries: 0 }));
    if (told) return told;
  }
  return null;
}

const answer = await client.chat.completions.create({ model: models.chat, messages, max_tokens: 8 });
const embedded = await client.embeddings.create({ model: models.embeddings, input: ["one", "two"] });
const response = await client.responses.create({ model: models.chat, input: "Say hello.", max_output_tokens: 16 });

console.log(JSON.stringify({
  chat: { text: answer.choices[0].message.content, finish: answer.choices[0].finish_reason, usage: answer.usage },
  stream: await streamed(),
  models: await listed(),
  model: (await client.models.retrieve(models.chat)).id,
  embeddings: embedded.data.map((one) => one.embedding),
  response: { text: response.output_text, tokens: response.usage.output_tokens },
  wrongKey: await refused(ask("nobody", models.chat)),
  wrongModel: await refused(ask("ada", "no-such-model")),
  tooMany: await tooMany(),
  spent: await refused(ask("spent", models.chat)),
}));
