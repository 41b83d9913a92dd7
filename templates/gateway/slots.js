// What is under way, by scope: a caller, a caller at a model, a backend (`@NAME`). Each request notes what it holds
// under its id, so that what a killed worker held can be given back.
import fs from 'fs';
import known from 'known.js';

const MOST = 1000000;

// How many there are now, this one included
function take(scope) {
    known.now.slots += `\n${scope}`;
    return ngx.shared.slots.incr(scope, 1, 0);
}

// After taking, before anything that waits
function note(r) {
    known.save(r);
    ngx.shared.held.set(r.variables.request_id, process.pid + known.now.slots);
}

function count(scope) { return ngx.shared.slots.get(scope) || 0; }

function give(scopes) {
    for (let i = 1; i < scopes.length; i++) { ngx.shared.slots.incr(scopes[i], -1); }
}

// In the log phase, once per request
function giveAll(r) {
    if (known.now.slots === '') { return; }
    give(known.now.slots.split('\n'));
    ngx.shared.held.delete(r.variables.request_id);
}

// Before another backend is asked: the one that failed is free again.
function giveLast() {
    const held = known.now.slots, at = held.lastIndexOf('\n');
    give(['', held.slice(at + 1)]);
    known.now.slots = held.slice(0, at);
}

// What requests of dead workers held
function reap() {
    const alive = {};
    ngx.shared.held.items(MOST).forEach(item => {
        const lines = item[1].split('\n'), pid = lines[0];
        if (alive[pid] === undefined) { alive[pid] = isAlive(pid); }
        if (!alive[pid] && ngx.shared.held.delete(item[0])) { give(lines); }
    });
}

function isAlive(pid) {
    try { fs.accessSync(`/proc/${pid}`); } catch (e) { return false; }
    return true;
}

export default { take, note, count, giveAll, giveLast, reap };
