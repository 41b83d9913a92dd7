// The log phase: runs once per request, whatever became of it. Gives back the slot, charges the tokens, and writes the
// line's members that nginx does not know (log_format adds the others, which is faster).
import answer from 'answer.js';
import limits from 'limits.js';
import refusal from 'refusal.js';
import usage from 'usage.js';

function line(r) {
    const v = r.variables, caller = v.gw_caller || null;
    limits.release(r);
    const used = bill(r);
    if (used !== null) { limits.charge(caller, used.prompt + used.completion); }
    const moved = r.uri === '/_refused';    // by error_page, which also makes the method GET
    return JSON.stringify({
        participant: caller,
        via: v.gw_via || null,
        method: (moved ? (v.request || '').split(' ')[0] : r.method).slice(0, 10),
        path: (moved ? (v.request_uri || '').split('?')[0] : r.uri).slice(0, 200),
        model: v.gw_model || null,
        upstream: v.gw_upstream || null,
        status: Number(v.status),
        error: refusal.lastCode(),
        prompt_tokens: used === null ? null : used.prompt,
        completion_tokens: used === null ? null : used.completion,
        estimated: used !== null && used.estimated,
        ttft: answer.timeToFirstByte(),
        complete: v.request_completion === 'OK',
    }).slice(1, -1);
}

// What is to be paid for: an answer, or one that the caller did not wait for.
function bill(r) {
    const v = r.variables;
    if (!answer.isBilled() || refusal.lastCode() !== null) { return null; }
    if (answer.timeToFirstByte() === null && v.status !== '499') { return null; }    // 499: the caller did not wait
    return usage.settle((v.gw_body || '').length);
}

export default { line };
