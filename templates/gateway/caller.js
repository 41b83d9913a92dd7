// Who is asking: the key's owner, or the person whom Open WebUI names. Sets $gw_caller and $gw_via for limits and log.
import keys from 'keys.js';
import refusal from 'refusal.js';

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
    const owner = policy.keys[keys.fingerprint(key)];
    if (owner === undefined) {
        return keys.isMistyped(key)
            ? deny(r, 401, 'mistyped_api_key', 'This API key has a typing mistake: compare it with your card, character by character.')
            : deny(r, 401, 'invalid_api_key', 'This API key is not known here.');
    }
    r.variables.gw_caller = owner;
    const caller = policy.callers[owner];
    if (!caller.service) { return inWindow(r, caller); }
    if (listing) { return caller; }

    const person = policy.emails[(r.headersIn['X-OpenWebUI-User-Email'] || '').trim().toLowerCase()];
    if (person !== undefined) {
        r.variables.gw_via = owner;
        r.variables.gw_caller = person;
        return inWindow(r, policy.callers[person]);
    }
    return deny(r, 403, 'unknown_person', 'This service may only ask on behalf of a participant, and named none that is known.');
}

// A time that is not a number must refuse: hence the negations.
function inWindow(r, caller) {
    const window = policy.window, now = Date.now() / 1000;
    if (caller.exempt) { return caller; }
    if (window.opens !== null && !(now >= window.opens)) {
        return deny(r, 403, 'event_not_open', `${policy.title} has not begun: keys work from ${window.opens_text}.`);
    }
    if (window.closes !== null && !(now < window.closes)) {
        return deny(r, 403, 'event_closed', `${policy.title} is over: keys worked until ${window.closes_text}.`);
    }
    return caller;
}

function deny(r, status, code, message) {
    refusal.refuse(r, status, status === 401 ? 'authentication_error' : 'permission_error', code, message);
    return null;
}

function mayUse(caller, model) {
    return policy.models[model] !== undefined && (caller.service || caller.models[model] !== undefined);
}

export default { identify, mayUse };
