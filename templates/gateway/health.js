// Every two seconds, in one worker: asks each backend that has a health check, the way a request would go, and gives
// back what killed workers held.
import backends from 'backends.js';
import slots from 'slots.js';

async function tick() {
    slots.reap();
    await Promise.all(Object.keys(policy.backends).filter(name => policy.backends[name].health !== null).map(check));
}

// A backend that is slow to answer is busy, not gone; one that can't be reached or says that it is unwell is.
async function check(backend) {
    const answer = await ngx.fetch(`http://127.0.0.1:${policy.admin_port}/probe?${encodeURIComponent(backend)}`);
    if (answer.status < 500) { return backends.markUp(backend); }
    if (!answer.headers.get('X-Connected') || answer.status === 503) { backends.markDown(backend); }
}

// js_access of /probe
function probe(r) {
    const backend = policy.backends[decodeURIComponent(r.variables.args || '')];
    if (backend === undefined || backend.health === null) { return r.return(404); }
    r.variables.gw_url = backend.origin + backend.health;
    r.variables.gw_host = backend.host;
}

export default { tick, probe };
