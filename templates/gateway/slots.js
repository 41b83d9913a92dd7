// What is under way, by scope: a caller, a caller at a model, a backend (`@NAME`). Each request notes what it holds
// under its id, so that what a killed worker held can be given back.
import fs from 'fs';

const MOST = 1000000;

// How many there are now, this one included
function take(r, scope) {
    const v = r.variables, count = ngx.shared.slots.incr(scope, 1, 0);
    v.gw_slots = `${v.gw_slots || ''}\n${scope}`;
    ngx.shared.held.set(v.request_id, process.pid + v.gw_slots);
    return count;
}

function count(scope) { return ngx.shared.slots.get(scope) || 0; }

function give(scopes) { scopes.forEach(scope => ngx.shared.slots.incr(scope, -1)); }

// In the log phase, once per request
function giveAll(r) {
    const v = r.variables;
    if (!v.gw_slots) { return; }
    give(v.gw_slots.split('\n').slice(1));
    ngx.shared.held.delete(v.request_id);
}

// Before another backend is asked: the one that failed is free again.
function giveLast(r) {
    const v = r.variables, at = v.gw_slots.lastIndexOf('\n');
    give([v.gw_slots.slice(at + 1)]);
    v.gw_slots = v.gw_slots.slice(0, at);
    ngx.shared.held.set(v.request_id, process.pid + v.gw_slots);
}

// What requests of dead workers held
function reap() {
    const alive = {};
    ngx.shared.held.items(MOST).forEach(item => {
        const lines = item[1].split('\n'), pid = lines[0];
        if (alive[pid] === undefined) { alive[pid] = isAlive(pid); }
        if (!alive[pid] && ngx.shared.held.delete(item[0])) { give(lines.slice(1)); }
    });
}

function isAlive(pid) {
    try { fs.accessSync(`/proc/${pid}`); } catch (e) { return false; }
    return true;
}

export default { take, count, giveAll, giveLast, reap };
