// The answer on its way back: errors get OpenAI's form, tokens are counted, a usage event that the client did not ask
// for is hidden, and it ends when the caller's key is revoked. State is per request (one VM per request).
import callers from 'caller.js';
import refusal from 'refusal.js';
import usage from 'usage.js';

const ERROR_MOST = 65536;    // bytes of a backend's error that are read
// Of a provider's headers: the others tell of its account, its limits, and who stands before it.
const PASSED_ON = /^(content-(type|length|disposition|encoding)|date|retry-after|server|x-ratelimit-(limit|remaining|reset)-(requests|tokens))$/i;

let kind = null, hides = false, provider = false;    // set by the router: null while nothing was sent to a backend
let told = false;                   // that the key was taken away
let failure = 0;                    // the status of a backend's error
let ended = false;                  // the answer's end was seen: nginx calls a request complete whose backend died
let own = null;                     // the text of an error that nginx found before anything was sent
let mark = null;                    // of events, in the answer
let firstByte = null;               // seconds since the request began
let held = null;                    // bytes kept back: an error, or the beginning of an event

function expect(pathKind, hidesUsage, fromProvider) {
    kind = pathKind;
    hides = hidesUsage;
    provider = fromProvider;
}

function head(r) {
    if (refusal.lastCode() !== null) { return; }
    if (provider) { Object.keys(r.headersOut).filter(name => !PASSED_ON.test(name)).forEach(name => { delete r.headersOut[name]; }); }
    if (r.status < 400) {
        if (hides) { delete r.headersOut['Content-Length']; }
        return;
    }
    failure = r.status;
    delete r.headersOut['Content-Length'];
    delete r.headersOut['WWW-Authenticate'];
    r.headersOut['Content-Type'] = 'application/json';
    if (kind === null) { own = refusal.ownText(failure); } else if (isOurs(failure)) { r.status = 502; }
}

function body(r, data, flags) {
    if (flags.last) { ended = true; }
    if (own !== null) { return flags.last ? r.sendBuffer(own, flags) : undefined; }
    if (refusal.lastCode() !== null) { return r.sendBuffer(data, flags); }
    if (failure) { return reshape(r, data, flags); }
    if (!flags.last && callers.isGone()) { return cut(r); }
    if (data.length) {
        if (firstByte === null) {
            firstByte = Number(r.variables.request_time);
            mark = markOf(r.headersOut['Content-Type'] || '');
        }
        usage.read(data, mark);
    }
    if (!hides) { return r.sendBuffer(data, flags); }
    hideUsage(r, data, flags);
}

// What each event of a stream has once
function markOf(type) { return type.startsWith('text/event-stream') ? 'data:' : type.startsWith('application/x-ndjson') ? '\n' : null; }

// Who reads events reads why, before the connection is closed with the next one. The backend sees that too, and stops.
function cut(r) {
    if (told || mark !== 'data:') {
        throw new Error('the key was taken away: its answer is cut off');    // nginx closes both connections
    }
    told = true;
    const error = refusal.shape('This API key was taken away.', 'authentication_error', 'invalid_api_key');
    r.sendBuffer(`data: ${error}\n`, { last: false, flush: true });
}

// Whole events only are passed on, so that a usage event can be taken out.
function hideUsage(r, data, flags) {
    const looked = held === null ? 0 : Math.max(0, held.length - 3);    // an end of four bytes may begin in there
    if (held !== null && held.length) { data = Buffer.concat([held, data]); }
    const end = flags.last ? data.length : endOfEvents(data, looked);
    held = data.subarray(end);
    let whole = data.subarray(0, end);
    if (whole.indexOf('"usage"') >= 0) {
        whole = withoutUsage(whole.toString());
    }
    if (whole.length || flags.last) { r.sendBuffer(whole, { last: flags.last, flush: true }); }
}

// Forwards, from where nobody has looked
function endOfEvents(data, from) { return Math.max(behindLast(data, '\n\n', from), behindLast(data, '\r\n\r\n', from)); }

function behindLast(data, mark, from) {
    let end = 0;
    for (let at = data.indexOf(mark, from); at >= 0; at = data.indexOf(mark, end)) { end = at + mark.length; }
    return end;
}

// Split by text: by a pattern, njs tries at every character and takes the square of an event's length.
function withoutUsage(text) {
    return text.split('\r\n\r\n').filter(part => part.indexOf('\n\n') >= 0 || !isUsageOnly(part))
        .map(part => part.split('\n\n').filter(event => !isUsageOnly(event)).join('\n\n')).join('\r\n\r\n');
}

function isUsageOnly(event) {
    return /"choices"\s*:\s*\[\s*\]/.test(event) && /"usage"\s*:\s*\{/.test(event);
}

// What the backend has against the gateway's own key is not the participant's business.
function isOurs(status) { return kind !== null && (status === 401 || status === 403); }

function reshape(r, data, flags) {
    held = held === null ? data : Buffer.concat([held, data]).subarray(0, ERROR_MOST);
    if (flags.last) { r.sendBuffer(openAiError(held.toString()), flags); }
}

function openAiError(text) {
    if (isOurs(failure)) { return refusal.shape('The model server did not accept the gateway.', 'server_error', 'backend_auth_failed'); }
    let answer = null;
    try { answer = JSON.parse(text); } catch (e) { /* HTML, or cut off */ }
    const error = answer?.error ?? answer ?? {};
    const detail = error.detail ?? error.message ?? (typeof error === 'string' ? error : null);
    const message = detail === null ? `The model server answered ${failure}.` : typeof detail === 'string' ? detail : JSON.stringify(detail);
    return refusal.shape(message,
        typeof error.type === 'string' ? error.type : failure < 500 ? 'invalid_request_error' : 'server_error',
        typeof error.code === 'string' ? error.code : null,
        typeof error.param === 'string' ? error.param : null);
}

// Whether this answer costs tokens
function isBilled() { return kind !== null && kind !== 'show' && failure === 0; }

function timeToFirstByte() { return firstByte; }

function isWhole() { return kind === null || ended; }

function kindAsked() { return kind; }

export default { expect, head, body, isBilled, timeToFirstByte, isWhole, kindAsked };
