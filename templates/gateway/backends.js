// Which backend answers: the first group of the model's that has one up; in it the one with the least under way, or the
// one that knows this participant or this prompt. A backend that could not be reached is left out for a while.
import crypto from 'crypto';
import live from 'live.js';
import slots from 'slots.js';

const DOWN_SECONDS = 10;      // without a health check that says otherwise
const PREFIX = 1024;          // characters of the prompt that decide who knows it
const SLACK = 1.25;           // how much more than its share a backend may get for knowing the prompt

function scope(backend) { return `@${backend}`; }

function isDown(backend) { return (ngx.shared.down.get(backend) || 0) > Date.now() / 1000; }

function markDown(backend) { ngx.shared.down.set(backend, Date.now() / 1000 + DOWN_SECONDS); }

function markUp(backend) { ngx.shared.down.delete(backend); }

function state(backend) { return live.isDrained(backend) ? 'drained' : isDown(backend) ? 'down' : 'up'; }

// {upstream, server} or null; `tried`: names of the backends that failed this request, between newlines
function choose(model, native, tried, who, fields) {
    const first = tried === '\n';    // a backend that is said to be down is asked only if nobody else was
    let lastHope = null;
    for (let i = 0; i < model.upstreams.length; i++) {
        const upstream = policy.upstreams[model.upstreams[i]], ready = [];
        if (native && !upstream.native) { continue; }
        for (let j = 0; j < upstream.servers.length; j++) {
            const server = upstream.servers[j];
            if ((!first && tried.indexOf(`\n${server.backend}\n`) >= 0) || live.isDrained(server.backend)) { continue; }
            if (!isDown(server.backend)) { ready.push(server); } else if (first) { lastHope = lastHope || { upstream: upstream, server: server }; }
        }
        if (ready.length) { return { upstream: upstream, server: ready.length === 1 ? ready[0] : balance(model.balance, ready, who, fields) }; }
    }
    return lastHope;
}

function balance(how, servers, who, fields) {
    if (how === 'least_connections') { return leastBusy(servers); }
    if (how === 'participant') { return byRank(servers, who)[0]; }
    const busy = servers.map(server => slots.count(scope(server.backend)));
    const share = Math.ceil((busy.reduce((a, b) => a + b, 0) + 1) / servers.length * SLACK);
    return byRank(servers, beginning(fields)).find(server => busy[servers.indexOf(server)] < share);
}

// Of equals any: not always the first. The clock will do: Math.random must be seeded first, in every virtual machine.
function leastBusy(servers) {
    const start = Date.now() % servers.length;
    let best = null, least = Infinity;
    for (let i = 0; i < servers.length; i++) {
        const server = servers[(start + i) % servers.length], busy = slots.count(scope(server.backend));
        if (busy < least) { best = server; least = busy; }
    }
    return best;
}

// Rendezvous hashing: when a backend goes, only those move that it had.
function byRank(servers, text) {
    const ranks = servers.map(server => [crypto.createHash('sha1').update(text).update(`\n${server.backend}`).digest('hex'), server]);
    return ranks.sort((a, b) => a[0] < b[0] ? -1 : 1).map(rank => rank[1]);
}

// A conversation begins alike from turn to turn; a class whose system prompt fills all of it is spread by the load.
function beginning(fields) {
    const first = fields.messages || fields.prompt || fields.input || '';
    return (typeof first === 'string' ? first : JSON.stringify(Array.isArray(first) ? first.slice(0, 2) : first)).slice(0, PREFIX);
}

export default { choose, scope, state, markDown, markUp };
