// The request's body: which model it names, and the bytes that the backend gets. All bytes but the model's name and the
// usage option stay the client's own: numbers beyond 2^53 would not survive parsing and printing.

const LONGEST = 1024;              // characters of a model's name that are looked for in the quick way
const AMBIGUOUS_MOST = 1048576;    // bytes of a body that are looked through key by key

// {text, fields, at} or a string that says what is wrong. Servers written in Go match "Model" and "model" alike, and parsers
// differ on duplicates: exactly one such key may stand at the top. `at` is where it was found, if that was simple: looking
// for text is many times faster than going through all of it.
function parse(text) {
    let fields;
    try { fields = JSON.parse(text); } catch (e) { return 'The body is not valid JSON.'; }
    if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) { return 'The body must be a JSON object.'; }
    if (typeof fields.model !== 'string') { return 'The body must name a model: "model": "NAME".'; }
    const at = text.indexOf('"model"'), once = at >= 0 && text.indexOf('"model"', at + 1) < 0;
    const simple = once && text.indexOf('\\u00') < 0;    // no letter of a key hides in an escape
    const keys = simple ? Object.keys(fields) : text.length > AMBIGUOUS_MOST ? null : members(text).map(member => member.key);
    if (keys === null) { return 'A body of this size must spell the key "model" once.'; }
    if (keys.filter(key => key.length === 5 && key.toLowerCase() === 'model').length !== 1) { return 'The body must have the key "model" once.'; }
    return { text: text, fields: fields, at: simple ? at : -1 };
}

// The top-level members of an object in valid JSON: {key, start, end}, the span being the value's.
function members(text) {
    const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g, found = [];
    let depth = 0, key = null, start = -1, match;
    while ((match = token.exec(text)) !== null) {
        const mark = match[0][0];
        if (mark === '{' || mark === '[') { depth++; continue; }
        if (mark === '}' || mark === ']') { depth--; }
        if (depth > 1) { continue; }
        if (mark === '"' && key === null) { key = JSON.parse(match[0]); }
        else if (mark === ':' && start < 0) { start = match.index + 1; }
        else if (start >= 0 && ((mark === ',' && depth === 1) || depth === 0)) {
            found.push({ key: key, start: start, end: match.index });
            key = null;
            start = -1;
        }
    }
    return found;
}

function replaceMember(text, key, value) {
    const member = members(text).filter(m => m.key === key).pop();
    return text.slice(0, member.start) + JSON.stringify(value) + text.slice(member.end);
}

function withModel(body, name) {
    if (body.fields.model === name) { return body.text; }
    const text = body.text, at = body.at;
    if (at < 0) { return replaceMember(text, 'model', name); }
    const member = /^"model"\s*:\s*"(?:[^"\\]|\\.)*"/.exec(text.slice(at, at + LONGEST));
    if (member === null) { return replaceMember(text, 'model', name); }
    return `${text.slice(0, at)}"model":${JSON.stringify(name)}${text.slice(at + member[0].length)}`;
}

function wantsUsage(body) { return Boolean(body.fields.stream_options && body.fields.stream_options.include_usage); }

function withUsage(text, body) {
    const options = body.fields.stream_options;
    if (options === undefined) { return `${text.slice(0, text.lastIndexOf('}'))},"stream_options":{"include_usage":true}}`; }
    return replaceMember(text, 'stream_options', Object.assign({}, options, { include_usage: true }));
}

export default { parse, withModel, withUsage, wantsUsage };
