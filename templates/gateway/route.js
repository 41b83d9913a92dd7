// Where a request goes: path and method, then caller, limits, model, and the model's upstreams in their order.
import answer from 'answer.js';
import body from 'body.js';
import callers from 'caller.js';
import limits from 'limits.js';
import refusal from 'refusal.js';

// js_access of every proxied location
async function access(r) {
    const caller = callers.identify(r, false);
    if (caller === null || !isServed(r) || !limits.admit(r, caller)) { return; }
    await choose(r, caller, 0, false);
}

// js_access of @next: the model's next upstream, after nothing came from the last one
async function next(r) {
    await choose(r, policy.callers[r.variables.gw_caller], Number(r.variables.gw_attempt) + 1, askedFewer(r));
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

// nginx gives up without asking the other servers when one of their names stopped resolving under way, as a killed
// container's does.
function askedFewer(r) {
    const addresses = String(r.variables.upstream_addr).split(/[ ,]+/).filter(word => /.:\d+$/.test(word));
    const asked = addresses.filter((address, index) => addresses.indexOf(address) === index).length;
    return asked < policy.upstreams[r.variables.gw_upstream].servers;
}

// The upstreams in their order; the last one has a second turn if not all of its servers were asked.
function turn(upstreams, attempt, again) {
    return again && attempt === upstreams.length ? upstreams[attempt - 1] : upstreams[attempt];
}

async function choose(r, caller, attempt, again) {
    const request = body.parse(await r.readRequestText());
    if (typeof request === 'string') { return refusal.refuse(r, 400, 'invalid_request_error', 'invalid_body', request); }

    const v = r.variables, kind = policy.paths[r.uri], native = kind === 'native' || kind === 'show';
    const asked = request.fields.model, name = native ? asked.replace(/:latest$/, '') : asked;
    v.gw_model = asked.slice(0, 200);
    if (!callers.mayUse(caller, name) || (native && !policy.models[name].ollama)) {
        return refusal.refuse(r, 404, 'invalid_request_error', 'model_not_found',
            `The model \`${asked}\` does not exist or you do not have access to it.`, 'model');
    }
    v.gw_model = name;
    const target = turn(policy.models[name].upstreams, attempt, again), upstream = policy.upstreams[target];
    if (upstream === undefined) {
        r.headersOut['Retry-After'] = '5';
        return refusal.refuse(r, 503, 'server_error', 'model_unavailable', `The model \`${asked}\` is not available right now.`, 'model');
    }
    let text = body.withModel(request, upstream.model);
    const streams = request.fields.stream === true, counted = streams && (kind === 'chat' || kind === 'completion');
    const hides = counted && !body.wantsUsage(request);
    if (hides) { text = body.withUsage(text, request); }
    answer.expect(kind, hides);

    v.gw_attempt = attempt;
    v.gw_upstream = target;
    v.gw_url = upstream.origin + (native ? r.uri.slice('/ollama'.length) : upstream.base_path + r.uri.slice('/v1'.length));
    v.gw_host = upstream.host;
    v.gw_authorization = upstream.authorization;
    v.gw_body = text;
}

export default { access, next };
