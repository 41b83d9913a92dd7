// Tokens, read from an answer as it passes: SSE, NDJSON or JSON, cut anywhere. Inside a JSON string every quote is
// escaped, so no text that a model writes can look like these members. The last figure wins.

const OVERLAP = 64;    // bytes: longer than any member, so that one cut in two is seen whole once
const PROMPT = /"(?:prompt_tokens|input_tokens|prompt_eval_count)"\s*:\s*(\d+)/g;
const COMPLETION = /"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d+)/g;

let prompt = null, completion = null, events = 0, tail = '';

function last(pattern, text) {
    let match, value = null;
    pattern.lastIndex = 0;
    while ((match = pattern.exec(text)) !== null) { value = Number(match[1]); }
    return value;
}

// data: a Buffer; mark: what each event has once
function read(data, mark) {
    for (let at = data.indexOf(mark); at >= 0; at = data.indexOf(mark, at + 1)) { events++; }
    const text = tail + data.toString();
    if (text.indexOf('_tokens"') >= 0 || text.indexOf('eval_count"') >= 0) {
        const p = last(PROMPT, text), c = last(COMPLETION, text);
        if (p !== null) { prompt = p; }
        if (c !== null) { completion = c; }
    }
    tail = text.slice(-OVERLAP);
}

// {prompt, completion, estimated}; without figures one event is about one token, and four bytes of the request are
function settle(requestBytes) {
    if (prompt !== null || completion !== null) { return { prompt: prompt || 0, completion: completion || 0, estimated: false }; }
    return { prompt: Math.ceil(requestBytes / 4), completion: events, estimated: true };
}

export default { read, settle };
