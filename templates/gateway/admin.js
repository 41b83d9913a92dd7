// On the container's loopback only: what was counted, and counters set by hand.

// GET /: {caller: {tokens, in_flight}}; POST /tokens or /slots {caller: number} sets (slots: after a killed worker).
async function counters(r) {
    if (r.method === 'POST') {
        const dictionary = { '/tokens': ngx.shared.used, '/slots': ngx.shared.slots }[r.uri];
        if (dictionary === undefined) { return r.return(404); }
        const values = JSON.parse(await r.readRequestText());
        Object.keys(values).forEach(id => dictionary.set(id, values[id]));
    }
    const now = {};
    Object.keys(policy.callers).forEach(id => {
        now[id] = { tokens: ngx.shared.used.get(id) || 0, in_flight: ngx.shared.slots.get(id) || 0 };
    });
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify(now) + '\n');
}

export default { counters };
