// What nginx gives the rules, made by hand: the policy, shared dictionaries, a request. Runs under Node.js and in nginx,
// where the dictionaries are nginx's own.
import ZONES from 'zones.js';

function dictionary() {
    const values = new Map();
    return {
        get: key => values.get(key),
        set: (key, value) => { values.set(key, value); },
        has: key => values.has(key),
        delete: key => values.delete(key),
        clear: () => values.clear(),
        items: () => Array.from(values),
        incr: (key, amount, first) => {
            values.set(key, (values.has(key) ? values.get(key) : first || 0) + amount);
            return values.get(key);
        },
    };
}

// js_preload_object: frozen, and nothing is inherited, not even by lists
function preloaded(value) {
    if (value === null || typeof value !== 'object') { return value; }
    const copy = Array.isArray(value) ? [] : {};
    Object.keys(value).forEach(key => {
        Object.defineProperty(copy, key, { value: preloaded(value[key]), enumerable: true, configurable: true, writable: true });
    });
    return Object.freeze(Object.setPrototypeOf(copy, null));
}

// Empty dictionaries, and this policy
function set(policy) {
    if (typeof ngx === 'undefined') {
        globalThis.ngx = { shared: {} };
        ZONES.forEach(zone => { ngx.shared[zone] = dictionary(); });
    } else {
        ZONES.forEach(zone => ngx.shared[zone].clear());
    }
    globalThis.policy = preloaded(policy);
}

// A request; `answer` is what return() was given, `sent` what sendBuffer() was, `sends` the body that is read.
function request(fields) {
    const r = {
        sends: '',
        readRequestText: async () => r.sends.toString(),
        readRequestArrayBuffer: async () => new Uint8Array(Buffer.from(r.sends)).buffer,
        method: 'GET', uri: '/', status: 200, remoteAddress: '10.0.0.1',
        headersIn: {}, headersOut: {}, variables: {}, answer: null, sent: [],
        return: (status, body) => { r.answer = { status: status, body: body }; },
        sendBuffer: (data, flags) => { r.sent.push({ data: data.toString(), last: Boolean(flags.last) }); },
    };
    return Object.assign(r, fields);
}

// One after the other: njs knows no for-of
async function each(values, work) {
    for (let i = 0; i < values.length; i++) { await work(values[i]); }
}

function same(actual, expected) {
    const got = JSON.stringify(actual), wanted = JSON.stringify(expected);
    if (got !== wanted) { throw new Error(`${got} is not ${wanted}`); }
}

function yes(condition, what) {
    if (!condition) { throw new Error(what || 'it is not so'); }
}

// A refusal in OpenAI's form: its error, after its shape was looked at
function refused(r, status) {
    yes(r.answer !== null, 'nothing was answered');
    same(r.answer.status, status);
    same(r.headersOut['Content-Type'], 'application/json');
    const error = JSON.parse(r.answer.body).error;
    same(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
    yes(error.message.length > 0, 'a refusal must say why');
    return error;
}

export default { set, request, each, same, yes, refused };
