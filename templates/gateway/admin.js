// On the container's loopback only: what was counted, and changes to the running gateway.
import backends from 'backends.js';
import health from 'health.js';
import live from 'live.js';
import prometheus from 'prometheus.js';
import slots from 'slots.js';

function send(r, value) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify(value) + '\n');
}

// {caller: {tokens, in_flight}}
function counters(r) {
    const now = {};
    Object.keys(policy.callers).forEach(id => { now[id] = { tokens: ngx.shared.used.get(id) || 0, in_flight: slots.count(id) }; });
    send(r, now);
}

// {backend: {state, in_flight}}
function states(r) {
    const now = {};
    Object.keys(policy.backends).forEach(name => { now[name] = { state: backends.state(name), in_flight: slots.count(backends.scope(name)) }; });
    send(r, now);
}

// POST {caller: number}
async function tokens(r) {
    const values = await sent(r);
    if (values === null) { return; }
    if (Object.keys(values).some(id => typeof values[id] !== 'number')) { return r.return(400, 'expected numbers\n'); }
    Object.keys(values).forEach(id => ngx.shared.used.set(id, values[id]));
    r.return(204);
}

// POST {revision, seconds?, keys?, emails?, callers?, drained?}
async function changes(r) {
    const values = await sent(r);
    if (values === null) { return; }
    if (typeof values.revision !== 'number') { return r.return(400, 'revision is missing\n'); }
    try {
        live.apply(values);
    } catch (e) {
        return r.return(507, 'there is no room: load the files\n');    // nginx's error has no words
    }
    r.return(204);
}

async function sent(r) {
    if (r.method !== 'POST') { r.return(405); return null; }
    try {
        const values = JSON.parse(await r.readRequestText());
        if (values !== null && typeof values === 'object' && !Array.isArray(values)) { return values; }
    } catch (e) { /* answered below */ }
    r.return(400, 'expected a JSON object\n');
    return null;
}

export default { counters, states, tokens, changes, metrics: prometheus.text, tick: health.tick, probe: health.probe };
