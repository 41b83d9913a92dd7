// What is known of this request so far. It lives in this virtual machine, of which every request has one, and in
// $gw_known for the next one: error_page starts a new machine.

const now = {
    caller: '',
    by: '', credential: '',    // what made the caller known (`keys` or `emails`, and which): it may be taken away meanwhile
    via: '', model: '', upstream: '', backend: '', attempts: 0, tried: '\n', slots: '',
};

// Written out: this runs for every request.
function save(r) {
    r.variables.gw_known = [
        now.caller, now.by, now.credential, now.via, now.model, now.upstream, now.backend, now.attempts, now.tried, now.slots,
    ].join('\t');
}

// After error_page. No field has a tab: the model, which callers spell, is cleaned where it is set.
function recall(r) {
    const saved = (r.variables.gw_known || '').split('\t');
    if (saved.length < 10) { return; }
    now.caller = saved[0];
    now.by = saved[1];
    now.credential = saved[2];
    now.via = saved[3];
    now.model = saved[4];
    now.upstream = saved[5];
    now.backend = saved[6];
    now.attempts = Number(saved[7]);
    now.tried = saved[8];
    now.slots = saved[9];
}

export default { now, save, recall };
