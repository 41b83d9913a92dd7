// What is known of this request so far. It lives in this virtual machine, of which every request has one, and in
// $gw_known for the next one: error_page starts a new machine.

const now = { caller: '', via: '', model: '', upstream: '', backend: '', attempts: 0, tried: '\n', slots: '' };

function save(r) {
    r.variables.gw_known = [now.caller, now.via, now.model, now.upstream, now.backend, now.attempts, now.tried, now.slots].join('\t');
}

// After error_page; model is cleaned of tabs where it is set
function recall(r) {
    const saved = (r.variables.gw_known || '').split('\t');
    if (saved.length < 8) { return; }
    now.caller = saved[0];
    now.via = saved[1];
    now.model = saved[2];
    now.upstream = saved[3];
    now.backend = saved[4];
    now.attempts = Number(saved[5]);
    now.tried = saved[6];
    now.slots = saved[7];
}

export default { now, save, recall };
