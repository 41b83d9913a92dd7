// How much: requests and tokens per minute, requests at once, tokens in all. Counters live in shared dictionaries, so
// that all workers see them and a reload keeps them. null: unbounded.
import refusal from 'refusal.js';

const MINUTE = 60;
const SLOT_LIFETIME = 3600000;    // ms; a slot that a killed worker never gave back

// The minute a caller is in. Everyone has own minute boundaries: a class must not come back in the same second.
function minute(caller) {
    const seconds = Date.now() / 1000 + caller.minute_offset;
    return { number: Math.floor(seconds / MINUTE), left: Math.ceil(MINUTE - seconds % MINUTE) };
}

// Whether this request may go on; otherwise the refusal was sent. A refused request counts for nothing.
function admit(r, caller) {
    const limits = caller.limits, id = r.variables.gw_caller;
    const now = minute(caller);
    const budget = limits.token_budget, perMinute = limits.tokens_per_minute;
    const total = budget === null ? 0 : ngx.shared.used.get(id) || 0;
    const tokens = perMinute === null ? 0 : ngx.shared.window.get(`${id} tokens ${now.number}`) || 0;
    if (budget !== null || perMinute !== null) { announceTokens(r, limits, now, total, tokens); }
    if (budget !== null && total >= budget) {
        r.headersOut['x-should-retry'] = 'false';    // the OpenAI clients would otherwise ask again
        return deny(r, now.left, 'insufficient_quota', 'insufficient_quota',
            `You have used your ${budget} tokens for this workshop. Ask the instructor for more.`);
    }
    if (perMinute !== null && tokens >= perMinute) {
        return deny(r, now.left, 'tokens', 'rate_limit_exceeded', `More than ${perMinute} tokens in a minute: try again in ${now.left} s.`);
    }
    return takeSlot(r, id, limits) && countRequest(r, id, limits, now);
}

function takeSlot(r, id, limits) {
    const most = limits.concurrent_requests;
    if (most === null) { return true; }
    r.variables.gw_slot = id;    // release() gives it back in the log phase, whatever happens
    if (ngx.shared.slots.incr(id, 1, 0, SLOT_LIFETIME) <= most) { return true; }
    return deny(r, 1, 'requests', 'rate_limit_exceeded', `More than ${most} requests at once: wait until one of them is answered.`);
}

function countRequest(r, id, limits, now) {
    const most = limits.requests_per_minute;
    if (most === null) { return true; }
    const count = ngx.shared.window.incr(`${id} requests ${now.number}`, 1);
    r.variables.gw_requests_limit = most;
    r.variables.gw_requests_left = Math.max(0, most - count);
    r.variables.gw_requests_reset = `${now.left}s`;
    if (count <= most) { return true; }
    return deny(r, now.left, 'requests', 'rate_limit_exceeded', `More than ${most} requests in a minute: try again in ${now.left} s.`);
}

function announceTokens(r, limits, now, total, tokens) {
    const bounds = [];
    if (limits.tokens_per_minute !== null) { bounds.push(limits.tokens_per_minute - tokens); }
    if (limits.token_budget !== null) { bounds.push(limits.token_budget - total); }
    const most = limits.tokens_per_minute === null ? limits.token_budget : limits.tokens_per_minute;
    r.variables.gw_tokens_limit = most;
    r.variables.gw_tokens_left = Math.max(0, Math.min(bounds[0], bounds[bounds.length - 1]));
    r.variables.gw_tokens_reset = `${now.left}s`;
}

function deny(r, seconds, type, code, message) {
    r.headersOut['Retry-After'] = String(seconds);
    refusal.refuse(r, 429, type, code, message);
    return false;
}

function release(r) {
    const id = r.variables.gw_slot;
    if (id) { ngx.shared.slots.incr(id, -1); }
}

// Tokens are charged when they are known: someone may overshoot by what is under way.
function charge(id, tokens) {
    const caller = policy.callers[id];
    ngx.shared.used.incr(id, tokens);
    if (caller.limits.tokens_per_minute !== null) { ngx.shared.window.incr(`${id} tokens ${minute(caller).number}`, tokens); }
}

export default { admit, charge, release };
