// Tokens, read from an answer as it passes: SSE, NDJSON or JSON, cut anywhere. Inside a JSON string every quote is
// escaped, so no text that a model writes can look like these members. The last figure wins.

const LONGEST = 64;    // bytes: more than any member takes
const PROMPT = { prompt_tokens: true, input_tokens: true, prompt_eval_count: true };

const BINARY = { speech: true, image: true };    // sound and pictures, of which nobody knows the tokens
const WITHOUT_TEXT = { transcription: true };    // a prompt that is sound

let prompt = null, completion = null, events = 0, bytes = 0, tail = null;

// data: a Buffer; mark: what each event of a stream has once
function read(data, mark) {
    bytes += data.length;
    for (let at = data.indexOf(mark); at >= 0; at = data.indexOf(mark, at + 1)) { events++; }
    const known = tail === null ? data : Buffer.concat([tail, data]);    // a member cut in two is whole here
    tail = known.subarray(Math.max(0, known.length - LONGEST));
    const from = firstMention(known);
    if (from < 0) { return; }
    const member = /"(prompt_tokens|input_tokens|prompt_eval_count|completion_tokens|output_tokens|eval_count)"\s*:\s*(\d+)/g;
    const text = known.subarray(Math.max(0, from - LONGEST)).toString();
    for (let match = member.exec(text); match !== null; match = member.exec(text)) {
        if (PROMPT[match[1]]) { prompt = Number(match[2]); } else { completion = Number(match[2]); }
    }
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
