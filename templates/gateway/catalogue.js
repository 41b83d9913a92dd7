// Answered here, without a backend: the models that the caller may use, in OpenAI's and in Ollama's form.
import callers from 'caller.js';
import refusal from 'refusal.js';

function send(r, value) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify(value) + '\n');
}

// The caller's models, or null after the refusal was sent
function allowed(r) {
    if (r.method !== 'GET') {
        r.headersOut.Allow = 'GET';
        refusal.refuse(r, 405, 'invalid_request_error', 'method_not_allowed', `${r.uri} takes GET only.`);
        return null;
    }
    const caller = callers.identify(r, true);
    return caller === null ? null : Object.keys(policy.models).filter(name => callers.mayUse(caller, name));
}

function entry(name) {
    return { id: name, object: 'model', created: 0, owned_by: policy.models[name].engine };
}

function models(r) {
    const names = allowed(r);
    if (names !== null) { send(r, { object: 'list', data: names.map(entry) }); }
}

function model(r) {
    const names = allowed(r), name = r.uri.slice('/v1/models/'.length);    // nginx has decoded it
    if (names === null) { return; }
    if (names.indexOf(name) >= 0) { return send(r, entry(name)); }
    refusal.refuse(r, 404, 'invalid_request_error', 'model_not_found', `The model \`${name}\` does not exist or you do not have access to it.`, 'model');
}

function tags(r) {
    const names = allowed(r);
    if (names === null) { return; }
    send(r, { models: names.filter(name => policy.models[name].ollama).map(name => ({
        name: `${name}:latest`, model: `${name}:latest`, modified_at: '1970-01-01T00:00:00Z', size: 0, digest: '', details: {} })) });
}

function version(r) {
    if (allowed(r) !== null) { send(r, { version: policy.ollama_version }); }
}

export default { models, model, tags, version };
