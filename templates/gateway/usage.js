// Tokens, read from an answer as it passes: SSE, NDJSON or JSON, cut anywhere. Inside a JSON string every quote is
// escaped, so no text that a model writes can look like these members. The last figure wins.

const LONGEST = 64;    // bytes: more than any member takes
const PROMPT = ['"prompt_tokens"', '"input_tokens"', '"prompt_eval_count"'];
const COMPLETION = ['"completion_tokens"', '"output_tokens"', '"eval_count"'];

const BINARY = { speech: true, image: true };    // sound and pictures, of which nobody knows the tokens
const WITHOUT_TEXT = { transcription: true };    // a prompt that is sound

let prompt = null, completion = null, events = 0, bytes = 0, tail = null;

// data: a Buffer; mark: what each event of a stream has once, null where the answer is no stream
function read(data, mark) {
    bytes += data.length;
    if (mark !== null) {
        for (let at = data.indexOf(mark); at >= 0; at = data.indexOf(mark, at + 1)) { events++; }
    }
    const known = tail === null ? data : Buffer.concat([tail, data]);    // a member cut in two is whole here
    tail = known.length <= LONGEST ? known : known.subarray(known.length - LONGEST);
    const from = firstMention(known);
    if (from < 0) { return; }
    const text = known.subarray(Math.max(0, from - LONGEST)).toString();
    for (let i = 0; i < PROMPT.length; i++) { prompt = figure(text, PROMPT[i], prompt); }
    for (let i = 0; i < COMPLETION.length; i++) { completion = figure(text, COMPLETION[i], completion); }
}

// The number of the last such member, or what was known before. (Patterns take three times as long.)
function figure(text, name, before) {
    const at = text.lastIndexOf(name);
    if (at < 0) { return before; }
    const colon = text.indexOf(':', at), number = parseInt(text.slice(colon + 1, colon + LONGEST), 10);
    return colon < 0 || isNaN(number) || text.slice(at + name.length, colon).trim() !== '' ? before : number;
}

// Looking for bytes is much faster than making text and looking for a pattern, and most events have no figures.
function firstMention(data) {
    const tokens = data.indexOf('_tokens"');
    return tokens >= 0 ? tokens : data.indexOf('eval_count"');
}

// {prompt, completion, estimated}; without figures one event is about one token, and four bytes of text are
function settle(kind, request) {
    if (prompt !== null || completion !== null) { return { prompt: prompt || 0, completion: completion || 0, estimated: false }; }
    const asked = WITHOUT_TEXT[kind] ? 0 : request.replace(/"data:[^"]*"/g, '').length;    // no pictures
    const answered = kind === 'embeddings' || BINARY[kind] ? 0 : events || Math.ceil(bytes / 4);
    return { prompt: Math.ceil(asked / 4), completion: answered, estimated: true };
}

export default { read, settle };
