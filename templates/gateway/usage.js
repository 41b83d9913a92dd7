// Tokens, read from an answer as it passes: SSE, NDJSON or JSON, cut anywhere. Inside a JSON string every quote is
// escaped, so no text that a model writes can look like these members. But a server may repeat members that the caller has
// named (metadata, a tool's schema), behind its figures too: the highest figure wins. Those of a stream only grow.

const LONGEST = 64;    // bytes: more than any member takes
const PROMPT = ['"prompt_tokens"', '"input_tokens"', '"prompt_eval_count"'];
const COMPLETION = ['"completion_tokens"', '"output_tokens"', '"eval_count"'];

const BINARY = { speech: true, image: true };    // sound and pictures, of which nobody knows the tokens
const WITHOUT_TEXT = { transcription: true };    // a prompt that is sound

let prompt = null, completion = null, events = 0, bytes = 0, tail = null;
let told = 0;    // events until the last figure, that one included

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
    const before = completion;
    for (let i = 0; i < COMPLETION.length; i++) { completion = figure(text, COMPLETION[i], completion); }
    if (completion !== before) { told = events; }
}

// The highest number of such a member, and of what was known before. (Patterns take three times as long.)
function figure(text, name, before) {
    let most = before;
    for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
        const behind = text.slice(at + name.length, at + name.length + LONGEST), colon = behind.indexOf(':');
        const number = colon < 0 || behind.slice(0, colon).trim() !== '' ? NaN : parseInt(behind.slice(colon + 1), 10);
        if (number >= 0 && (most === null || number > most)) { most = number; }
    }
    return most;
}

// Looking for bytes is much faster than making text and looking for a pattern, and most events have no figures.
function firstMention(data) {
    const tokens = data.indexOf('_tokens"');
    return tokens >= 0 ? tokens : data.indexOf('eval_count"');
}

// {prompt, completion, estimated}; without figures one event is about one token, and four bytes of text are. So are the
// events behind the last figure of an answer that was cut off: Anthropic's form begins with a first one.
function settle(kind, request, isCut) {
    const behind = isCut && events - told > 1 ? events - told : 0;    // one: [DONE]
    if ((prompt !== null || completion !== null) && !behind) { return { prompt: prompt || 0, completion: completion || 0, estimated: false }; }
    const asked = WITHOUT_TEXT[kind] ? 0 : request().replace(/"data:[^"]*"/g, '').length;    // no pictures
    const answered = kind === 'embeddings' || BINARY[kind] ? 0 : events || Math.ceil(bytes / 4);
    return { prompt: prompt || Math.ceil(asked / 4), completion: completion === null ? answered : completion + behind, estimated: true };
}

export default { read, settle };
