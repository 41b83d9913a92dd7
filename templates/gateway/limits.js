// How much: requests and tokens per minute, requests at once, tokens in all, for a caller and for a caller at a model.
// Counters live in shared dictionaries, so that all workers see them and a reload keeps them. null: unbounded.
import callers from 'caller.js';
import known from 'known.js';
import refusal from 'refusal.js';
import slots from 'slots.js';

const MINUTE = 60;
// The bounds that are nearest, for the x-ratelimit headers: {most, left, seconds}
const nearest = { requests: null, tokens: null };

// The minute a caller is in. Everyone has own minute boundaries: a class must not come back in the same second.
function minute(caller) {
    const seconds = Date.now() / 1000 + caller.minute_offset;
    return { number: Math.floor(seconds / MINUTE), left: Math.ceil(MINUTE - seconds % MINUTE) };
}

function scopeAt(id, model) { return `${id} ${model}`; }

// Whether this request may go on, before its body is read; otherwise the refusal was sent.
function admit(r, caller) { return within(r, known.now.caller, caller, caller.limits, ''); }

function admitAt(r, caller, model) {
    const bounds = policy.models[model].limits;
    return bounds === null || within(r, scopeAt(known.now.caller, model), caller, bounds, ` with ${model}`);
}

function within(r, scope, caller, bounds, where) {
    const now = minute(caller), budget = bounds.token_budget, perMinute = bounds.tokens_per_minute;
    const total = budget === null ? 0 : ngx.shared.used.get(scope) || 0;
    const tokens = perMinute === null ? 0 : ngx.shared.window.get(`${scope} tokens ${now.number}`) || 0;
    if (budget !== null || perMinute !== null) {
        const left = Math.min(budget === null ? Infinity : budget - total, perMinute === null ? Infinity : perMinute - tokens);
        near('tokens', perMinute === null ? budget : perMinute, left, now);
    }
    if (budget !== null && total >= budget) {
        r.headersOut['x-should-retry'] = 'false';    // the OpenAI clients would otherwise ask again
        return deny(r, now.left, 'insufficient_quota', 'insufficient_quota',
            `You have used your ${budget} tokens${where} for this workshop. Ask the instructor for more.`);
    }
    if (perMinute !== null && tokens >= perMinute) {
        return deny(r, now.left, 'tokens', 'rate_limit_exceeded', `More than ${perMinute} tokens${where} in a minute: try again in ${now.left} s.`);
    }
    return countRequest(r, scope, bounds, now, where);
}

// Once the body is there: nothing waits from here on until the request is under way.
function begin(r, caller, model) {
    const bounds = policy.models[model].limits, id = known.now.caller;
    if (!mayBegin(r, id, caller.limits, '')) { return false; }
    if (bounds !== null && !mayBegin(r, scopeAt(id, model), bounds, ` with ${model}`)) { return false; }
    announce(r);
    return true;
}

function mayBegin(r, scope, bounds, where) {
    const most = bounds.concurrent_requests;
    if (slots.take(scope) <= most || most === null) { return true; }
    return deny(r, 1, 'requests', 'rate_limit_exceeded', `More than ${most} requests${where} at once: wait until one of them is answered.`);
}

function countRequest(r, scope, bounds, now, where) {
    const most = bounds.requests_per_minute;
    if (most === null) { return true; }
    const count = ngx.shared.window.incr(`${scope} requests ${now.number}`, 1);
    near('requests', most, most - count, now);
    if (count <= most) { return true; }
    return deny(r, now.left, 'requests', 'rate_limit_exceeded', `More than ${most} requests${where} in a minute: try again in ${now.left} s.`);
}

function near(what, most, left, now) {
    if (nearest[what] === null || left < nearest[what].left) { nearest[what] = { most: most, left: left, seconds: now.left }; }
}

// In OpenAI's headers, once everything was looked at
function announce(r) {
    const headers = r.headersOut, requests = nearest.requests, tokens = nearest.tokens;
    if (requests !== null) {
        headers['x-ratelimit-limit-requests'] = String(requests.most);
        headers['x-ratelimit-remaining-requests'] = String(Math.max(0, requests.left));
        headers['x-ratelimit-reset-requests'] = `${requests.seconds}s`;
    }
    if (tokens !== null) {
        headers['x-ratelimit-limit-tokens'] = String(tokens.most);
        headers['x-ratelimit-remaining-tokens'] = String(Math.max(0, tokens.left));
        headers['x-ratelimit-reset-tokens'] = `${tokens.seconds}s`;
    }
}

function deny(r, seconds, type, code, message) {
    announce(r);
    r.headersOut['Retry-After'] = String(seconds);
    refusal.refuse(r, 429, type, code, message);
    return false;
}

// Tokens are charged when they are known: someone may overshoot by what is under way.
function charge(id, model, tokens) {
    const caller = callers.current();
    book(id, caller, caller === null ? null : caller.limits, tokens);
    ngx.shared.used.incr(id, tokens, 0);
    const bounds = policy.models[model].limits;
    if (bounds === null) { return; }
    book(scopeAt(id, model), caller, bounds, tokens);
    if (bounds.token_budget !== null) { ngx.shared.used.incr(scopeAt(id, model), tokens, 0); }
}

function book(scope, caller, bounds, tokens) {
    if (bounds !== null && bounds.tokens_per_minute !== null) {
        ngx.shared.window.incr(`${scope} tokens ${minute(caller).number}`, tokens, 0);
    }
}

export default { admit, admitAt, begin, charge };
