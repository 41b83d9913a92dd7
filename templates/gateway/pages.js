// Open WebUIs of participants' own, on ports of one host. Cookies know no ports: a browser that signed in at one would
// show its session to all the others, whose administrators are other participants. So each has its own names for them.

function mark(r) {
    return `w${r.variables.server_port}-`;
}

// What this server may know of the browser's cookies, under the names that it gave them.
function own(r) {
    const start = mark(r);
    return (r.headersIn['Cookie'] || '')
        .split(';')
        .map((cookie) => cookie.trim())
        .filter((cookie) => cookie.startsWith(start))
        .map((cookie) => cookie.slice(start.length))
        .join('; ');
}

function rename(r) {
    const set = r.headersOut['Set-Cookie'];
    if (set && set.length) { r.headersOut['Set-Cookie'] = set.map((cookie) => mark(r) + cookie); }
}

export default { own, rename };
