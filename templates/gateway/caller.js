// Who is asking: the key's owner, or the person whom Open WebUI names.
import keys from 'keys.js';
import known from 'known.js';
import live from 'live.js';
import refusal from 'refusal.js';

const FAILURES_MOST = 300;   // wrong keys from one address in a minute: a room that types from paper makes many; right ones never count
const MINUTE = 60;

let entry = null;    // the caller's, in the policy

function presentedKey(r) {
    const authorization = r.headersIn.Authorization || '';
    if (authorization.slice(0, 7).toLowerCase() === 'bearer ') { return authorization.slice(7).trim(); }
    return (r.headersIn['x-api-key'] || '').trim();
}

// The caller's entry in the policy, or null after the refusal was sent. When `listing` models, a service is answered for
// itself, with all of them: Open WebUI keeps the last list that it got for everybody, whoever it was asked for.
function identify(r, listing) {
    const key = presentedKey(r);
    if (!key) {
        return deny(r, 401, 'missing_api_key', 'You did not provide an API key: send the header "Authorization: Bearer YOUR_KEY".');
    }
    if (!recognise('keys', keys.fingerprint(key))) { return refuseKey(r, key); }
    if (!entry.service) { return inWindow(r); }
    if (listing) { return entry; }

    const service = known.now.caller;
    if (recognise('emails', (r.headersIn['X-OpenWebUI-User-Email'] || '').trim().toLowerCase())) {
        known.now.via = service;
        return inWindow(r);
    }
    return deny(r, 403, 'unknown_person', 'This service may only ask on behalf of a participant, and named none that is known.');
}

function recognise(how, what) {
    const found = live.current(how, what), caller = found === undefined ? undefined : live.current('callers', found);
    if (caller === undefined) { return false; }
    entry = caller;
    known.now.caller = found;
    known.now.by = how;
    known.now.credential = what;
    return true;
}

// The same caller again, in a location that error_page led to
function recall() {
    entry = live.current('callers', known.now.caller) || null;
    return entry;
}

function refuseKey(r, key) {
    const now = Date.now() / 1000, minute = Math.floor(now / MINUTE);
    if (ngx.shared.failures.incr(`${r.remoteAddress} ${minute}`, 1, 0) > FAILURES_MOST) {
        r.headersOut['Retry-After'] = String(Math.ceil(MINUTE - now % MINUTE));
        return deny(r, 429, 'too_many_failed_attempts', 'Too many wrong API keys came from your address: wait a minute. Keys that are right work meanwhile.');
    }
    return keys.isMistyped(key)
        ? deny(r, 401, 'mistyped_api_key', 'This API key has a typing mistake: compare it with your card, character by character.')
        : deny(r, 401, 'invalid_api_key', 'This API key is not known here.');
}

// A time that is not a number must refuse: hence the negations.
function inWindow(r) {
    const window = policy.window, now = Date.now() / 1000;
    if (entry.exempt) { return entry; }
    if (window.opens !== null && !(now >= window.opens)) {
        return deny(r, 403, 'event_not_open', `${policy.title} has not begun: keys work from ${window.opens_text}.`);
    }
    if (window.closes !== null && !(now < window.closes)) {
        return deny(r, 403, 'event_closed', `${policy.title} is over: keys worked until ${window.closes_text}.`);
    }
    return entry;
}

function deny(r, status, code, message) {
    const type = { 401: 'authentication_error', 403: 'permission_error', 429: 'requests' }[status];
    refusal.refuse(r, status, type, code, message);
    return null;
}

function mayUse(caller, model) { return policy.models[model] !== undefined && caller.models[model] !== undefined; }

// Whether the key was revoked, or the person removed, since the request began
function isGone() {
    const now = known.now;
    return now.by !== '' && live.anyChange(true) && live.current(now.by, now.credential) !== now.caller;
}

function current() { return entry; }

export default { identify, recall, mayUse, isGone, current };
