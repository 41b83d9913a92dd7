// Open WebUIs of participants' own, whose administrators are other participants: each has its own names for cookies.
// Cookies know no ports: a browser that signed in at one port would show its session to all the others of the host.
// Names are apart, but one page could still set cookies for all names below the domain; `__Host-` ends that.

const HOST_ONLY = '__Host-';

// What this server may know of the browser's cookies, under the names that it gave them.
function own(r) {
    const mark = r.variables.cookie_mark;
    return (r.headersIn['Cookie'] || '')
        .split(';')
        .map((cookie) => cookie.trim())
        .filter((cookie) => cookie.startsWith(mark))
        .map((cookie) => cookie.slice(mark.length))
        .join('; ');
}

function rename(r) {
    const mark = r.variables.cookie_mark;
    const set = r.headersOut['Set-Cookie'];
    if (set && set.length) {
        r.headersOut['Set-Cookie'] = set.map((cookie) => mark + (mark === HOST_ONLY ? secured(cookie) : cookie));
    }
}

// A browser takes such a cookie with `Secure` only; Open WebUI leaves it out where it deletes one.
function secured(cookie) {
    return /;\s*secure\s*(;|$)/i.test(cookie) ? cookie : `${cookie}; Secure`;
}

export default { own, rename };
