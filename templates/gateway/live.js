// What changed since nginx read policy.json: keys revoked and given, backends drained. A change counts while its revision
// is newer than the file's, so that the file wins at start and after each reload.

const NEWEST = 'newest';    // the highest revision there is, and whether there are guests, who are newer than any file:
const GUESTS = 'guests';    // while neither is, two looks are enough

let fresh = null;    // whether there is one: looked up once in a request, and again while it is answered

function anyChange(again) {
    if (fresh === null || again) { fresh = Number(ngx.shared.changes.get(NEWEST) || 0) > policy.revision || ngx.shared.changes.has(GUESTS); }
    return fresh;
}

// What `name` was changed to: null where it was taken away, undefined where the file says what it is.
function changed(kind, name) {
    const text = anyChange(false) ? ngx.shared.changes.get(`${kind} ${name}`) : undefined;
    if (text === undefined) { return undefined; }
    const change = JSON.parse(text);
    return change.revision > policy.revision ? change.value : undefined;
}

function current(kind, name) {
    const change = changed(kind, name);
    return change === undefined ? policy[kind][name] : change === null ? undefined : change;
}

function isDrained(backend) {
    const change = changed('drained', backend);
    return change === undefined ? policy.backends[backend].drained : change === true;
}

// changes: {revision, seconds?, keys?, emails?, callers?, drained?}; throws when the dictionary is full.
function apply(changes) {
    const kept = ngx.shared.changes, lifetime = changes.seconds * 1000;
    ['callers', 'keys', 'emails', 'drained'].forEach(kind => {
        const values = changes[kind] || {};
        Object.keys(values).forEach(name => {
            const text = JSON.stringify({ revision: changes.revision, value: values[name] });
            if (lifetime) { kept.set(`${kind} ${name}`, text, lifetime); } else { kept.set(`${kind} ${name}`, text); }
        });
    });
    if (lifetime) { kept.set(GUESTS, '', lifetime); } else { kept.set(NEWEST, String(Math.max(changes.revision, Number(kept.get(NEWEST) || 0)))); }
}

export default { anyChange, current, isDrained, apply };
