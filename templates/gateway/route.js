// Where a request goes: path and method, then caller, limits, model, and the backends that serve it in their order.
import answer from 'answer.js';
import backends from 'backends.js';
import body from 'body.js';
import callers from 'caller.js';
import form from 'form.js';
import keys from 'keys.js';
import known from 'known.js';
import limits from 'limits.js';
import refusal from 'refusal.js';
import slots from 'slots.js';

const ATTEMPTS_MOST = 6;      // nginx follows ten error_pages at most
const SHOWN_MOST = 200;       // characters of a name that is no model's: a form's may be megabytes long
// Later than this nobody else is asked: the caller has waited long enough. A host that vanishes with a request takes half.
const RETRY_SECONDS = 30;

// js_access of every proxied location
async function access(r) {
    const caller = callers.identify(r, false);
    if (caller === null || !isServed(r) || !limits.admit(r, caller)) { return; }
    const request = understood(r, await sent(r));
    if (request === null) { return; }
    const model = named(r, caller, request);
    if (model === null || !limits.admitAt(r, caller, model) || !limits.begin(r, caller, model)) { return; }
    send(r, request, model);
}

// js_access of @next: another backend, after nothing came from the last one
async function next(r) {
    known.recall(r);
    const v = r.variables, now = known.now;
    now.tried += `${now.backend}\n`;
    slots.giveLast();
    slots.note(r);
    // a 503 is an answer, and no reason to shun it; the times of those asked before stand there too, before colons
    if (!/\d[^:]*$/.test(v.upstream_header_time || '')) { backends.markDown(now.backend); }
    if (callers.recall() === null || now.attempts >= ATTEMPTS_MOST || Number(v.request_time) > RETRY_SECONDS) {
        return unavailable(r, now.model);
    }
    const request = understood(r, await sent(r));
    if (request !== null) { send(r, request, now.model); }
}

function isServed(r) {
    const kind = policy.paths[r.uri];
    if (kind === undefined) {
        if (r.uri.startsWith('/ollama/')) {
            refusal.refuse(r, 403, 'permission_error', 'path_forbidden', `${r.uri} is not available here.`);
        } else {
            refusal.refuse(r, 404, 'invalid_request_error', 'unknown_url', `Unknown request URL: ${r.method} ${r.uri}.`);
        }
        return false;
    }
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        refusal.refuse(r, 405, 'invalid_request_error', 'method_not_allowed', `${r.uri} takes POST only.`);
        return false;
    }
    return true;
}

function isForm(r) { return policy.paths[r.uri] === 'transcription'; }

function sent(r) { return isForm(r) ? r.readRequestArrayBuffer() : r.readRequestText(); }

// {fields, ...} of the body, or null after the refusal was sent
function understood(r, data) {
    const request = isForm(r) ? form.parse(asBuffer(data), r.headersIn['Content-Type'] || '') : body.parse(data);
    if (typeof request !== 'string') { return request; }
    refusal.refuse(r, 400, 'invalid_request_error', 'invalid_body', request);
    return null;
}

// njs calls the buffer of an empty body detached
function asBuffer(data) { return data.byteLength ? Buffer.from(data) : Buffer.alloc(0); }

function isNative(r) { return r.uri.startsWith('/ollama/'); }

// The model's name in the policy, or null after the refusal was sent
function named(r, caller, request) {
    const asked = request.fields.model, plain = isNative(r) ? asked.replace(/:latest$/, '') : asked;
    const name = policy.aliases[plain] || plain;
    if (callers.mayUse(caller, name) && (!isNative(r) || policy.models[name].ollama)) {
        known.now.model = name;
        return name;
    }
    const shown = keys.excerpt(asked, SHOWN_MOST);
    known.now.model = shown.replace(/\t/g, ' ');
    refusal.refuse(r, 404, 'invalid_request_error', 'model_not_found',
        `The model \`${shown}\` does not exist or you do not have access to it.`, 'model');
    return null;
}

function unavailable(r, model) {
    r.headersOut['Retry-After'] = '5';
    refusal.refuse(r, 503, 'server_error', 'model_unavailable', `The model \`${model}\` is not available right now.`, 'model');
}

function send(r, request, model) {
    const v = r.variables, now = known.now, native = isNative(r), kind = policy.paths[r.uri];
    const target = backends.choose(policy.models[model], native, now.tried, now.caller, request.fields);
    if (target === null) { return unavailable(r, model); }
    const upstream = target.upstream, query = upstream.query ? `?${upstream.query}` : '';
    now.attempts++;
    now.upstream = upstream.name;
    now.backend = target.server.backend;
    slots.take(backends.scope(now.backend));
    slots.note(r);
    v.gw_url = target.server.origin + (native ? r.uri.slice('/ollama'.length) : upstream.base_path + r.uri.slice('/v1'.length)) + query;
    v.gw_host = target.server.host;
    for (let i = 0; i < policy.headers; i++) { v[`gw_header_${i}`] = upstream.headers[i]; }

    if (kind === 'transcription') {
        v.gw_content_type = `multipart/form-data; boundary="${request.boundary}"`;
        v.gw_body = form.withModel(request, upstream.model);
        return answer.expect(kind, false, upstream.provider);
    }
    const counted = request.fields.stream === true && (kind === 'chat' || kind === 'completion');
    const text = body.withModel(request, upstream.model), asking = counted && !body.wantsUsage(request) ? body.withUsage(text, request) : null;
    v.gw_content_type = 'application/json';
    v.gw_body = asking === null ? text : asking;
    answer.expect(kind, asking !== null, upstream.provider);
}

export default { access, next };
