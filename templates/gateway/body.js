// The request's body: which model it names, and the bytes that the backend gets. All bytes but the model's name and the
// usage option stay the client's own: numbers beyond 2^53 would not survive parsing and printing.

const LONGEST = 1024;             // characters of a member that is looked for in the quick way
const AMBIGUOUS_MOST = 262144;    // characters of a body that is gone through byte by byte: that takes a while
const QUOTE = 34, COMMA = 44, COLON = 58, OPEN_ARRAY = 91, BACKSLASH = 92, CLOSE_ARRAY = 93, OPEN_OBJECT = 123, CLOSE_OBJECT = 125;
// Patterns, where indexOf would do: that compares at every character. Only text that is nearly all quotes takes longer so, by a third.
const MODEL = { key: /"model"/g, value: /^\s*:\s*("(?:[^"\\]|\\.)*")/ };
const STREAM_OPTIONS = { key: /"stream_options"/g, value: /^\s*:\s*(null|\{[^{}"]*(?:"[a-z_]*"[^{}"]*)*\})/ };
const ESCAPED_LETTER = /\\u00[4-7]/;

// {text, fields, model} or a string that says what is wrong; `model` is where its name stands. Servers written in Go match
// "Model" and "model" alike, and parsers differ on duplicates: exactly one such key may stand at the top.
function parse(text) {
    let fields;
    try { fields = JSON.parse(text); } catch (e) { return 'The body is not valid JSON, or is nested too deep.'; }
    if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) { return 'The body must be a JSON object.'; }
    if (typeof fields.model !== 'string') { return 'The body must name a model: "model": "NAME".'; }
    const spellings = Object.keys(fields).filter(isModel).length, quick = spellings === 1 ? find(text, MODEL) : null;
    if (quick !== null) { return { text: text, fields: fields, model: quick }; }
    if (text.length > AMBIGUOUS_MOST) { return 'A body of this size must spell the key "model" once.'; }
    const found = spans(text, isModel);
    return found.length === 1 ? { text: text, fields: fields, model: found[0] } : 'The body must have the key "model" once.';
}

function isModel(key) { return key.length === 5 && key.toLowerCase() === 'model'; }

// Where the value of a top-level member stands, or null. Its key stands nowhere else and no letter of it hides in an escape
// (nobody escapes letters but who hides them): looking for text is many times faster than going through all of it.
function find(text, member) {
    member.key.lastIndex = 0;
    if (!member.key.test(text)) { return null; }
    const behind = member.key.lastIndex;
    if (member.key.test(text) || ESCAPED_LETTER.test(text)) { return null; }
    const match = member.value.exec(text.slice(behind, behind + LONGEST));
    return match === null ? null : { start: behind + match[0].length - match[1].length, end: behind + match[0].length };
}

// The top-level members of an object in valid JSON: {key, start, end}, the span being the value's. Each byte is looked at
// once: a pattern that is matched again and again takes the square of a body's length, which somebody may send on purpose.
function members(bytes) {
    const found = [], length = bytes.length;
    let depth = 0, key = null, start = -1;
    for (let i = 0; i < length; i++) {
        const mark = bytes[i];
        if (mark === QUOTE) {
            const end = endOfString(bytes, i);
            if (depth === 1 && key === null) { key = JSON.parse(bytes.subarray(i, end).toString()); }
            i = end - 1;
        } else if (mark === OPEN_OBJECT || mark === OPEN_ARRAY) {
            depth++;
        } else if (mark === CLOSE_OBJECT || mark === CLOSE_ARRAY || mark === COMMA) {
            if (mark !== COMMA) { depth--; }
            if (start >= 0 && depth === (mark === COMMA ? 1 : 0)) {
                found.push({ key: key, start: start, end: i });
                key = null;
                start = -1;
            }
        } else if (mark === COLON && depth === 1 && start < 0) {
            start = i + 1;
        }
    }
    return found;
}

// Behind its closing quote, which an even number of backslashes stands before
function endOfString(bytes, begin) {
    for (let at = bytes.indexOf(QUOTE, begin + 1); ; at = bytes.indexOf(QUOTE, at + 1)) {
        let before = at - 1;
        while (bytes[before] === BACKSLASH) { before--; }
        if ((at - before) % 2 === 1) { return at + 1; }
    }
}

// Of the members with such a key, where the values stand in the text
function spans(text, isWanted) {
    const bytes = Buffer.from(text), place = at => bytes.subarray(0, at).toString().length;
    return members(bytes).filter(member => isWanted(member.key)).map(member => ({ start: place(member.start), end: place(member.end) }));
}

function replace(text, span, value) { return text.slice(0, span.start) + JSON.stringify(value) + text.slice(span.end); }

function withModel(body, name) { return body.fields.model === name ? body.text : replace(body.text, body.model, name); }

function wantsUsage(body) { return Boolean(body.fields.stream_options && body.fields.stream_options.include_usage); }

// The text with the usage option, or null where that would take too long
function withUsage(text, body) {
    const options = body.fields.stream_options;
    if (options === undefined) { return `${text.slice(0, text.lastIndexOf('}'))},"stream_options":{"include_usage":true}}`; }
    const span = find(text, STREAM_OPTIONS);
    if (span === null && text.length > AMBIGUOUS_MOST) { return null; }
    return replace(text, span || spans(text, key => key === 'stream_options').pop(), Object.assign({}, options, { include_usage: true }));
}

export default { parse, withModel, withUsage, wantsUsage };
