// The log phase: runs once per request, whatever became of it. Gives back what it held, charges the tokens, and writes the
// line's members that nginx does not know (log_format adds the others, which is faster).
import answer from 'answer.js';
import limits from 'limits.js';
import metrics from 'metrics.js';
import refusal from 'refusal.js';
import slots from 'slots.js';
import usage from 'usage.js';

function line(r) {
    const v = r.variables, caller = v.gw_caller || null, model = v.gw_model || null, status = Number(v.status);
    slots.giveAll(r);
    const used = bill(r), code = refusal.lastCode();
    if (used !== null) { limits.charge(caller, model, used.prompt + used.completion); }
    metrics.request(model, status, code, used);
    const moved = r.uri === '/_refused';    // by error_page, which also makes the method GET
    return JSON.stringify({
        participant: caller,
        via: v.gw_via || null,
        method: (moved ? (v.request || '').split(' ')[0] : r.method).slice(0, 10),
        path: (moved ? (v.request_uri || '').split('?')[0] : r.uri).slice(0, 200),
        model: model,
        upstream: v.gw_upstream || null,
        backend: v.gw_backend || null,
        attempts: Number(v.gw_attempts || 0),
        status: status,
        error: code,
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
    return usage.settle(answer.kindAsked(), v.gw_body || '');
}

export default { line };
