// The log phase: runs once per request, whatever became of it. Gives back what it held, charges the tokens, and writes the
// line's members that nginx does not know (log_format adds the others, which is faster).
import answer from 'answer.js';
import keys from 'keys.js';
import known from 'known.js';
import limits from 'limits.js';
import metrics from 'metrics.js';
import refusal from 'refusal.js';
import slots from 'slots.js';
import usage from 'usage.js';

function line(r) {
    const v = r.variables, status = Number(v.status), moved = r.uri === '/_refused';    // by error_page, which also makes the method GET
    if (moved) { known.recall(r); }
    slots.giveAll(r);
    const complete = v.request_completion === 'OK' && answer.isWhole();
    const now = known.now, used = bill(r, !complete), code = refusal.lastCode();
    if (used !== null) { limits.charge(now.caller, now.model, used.prompt + used.completion); }
    metrics.request(now.model, status, code, used);
    return JSON.stringify({
        participant: now.caller || null,
        via: now.via || null,
        method: (moved ? (v.request || '').split(' ')[0] : r.method).slice(0, 10),
        path: policy.paths[r.uri] === undefined ? keys.excerpt(moved ? (v.request_uri || '').split('?')[0] : r.uri, 200) : r.uri,
        model: (policy.models[now.model] === undefined ? keys.masked(now.model) : now.model) || null,
        upstream: now.upstream || null,
        backend: now.backend || null,
        attempts: now.attempts,
        status: status,
        error: code,
        prompt_tokens: used === null ? null : used.prompt,
        completion_tokens: used === null ? null : used.completion,
        estimated: used !== null && used.estimated,
        ttft: answer.timeToFirstByte(),
        complete: complete,
    }).slice(1, -1);
}

// What is to be paid for: an answer, or one that the caller did not wait for.
function bill(r, isCut) {
    const v = r.variables;
    if (!answer.isBilled() || refusal.lastCode() !== null) { return null; }
    if (answer.timeToFirstByte() === null && v.status !== '499') { return null; }    // 499: the caller did not wait
    return usage.settle(answer.kindAsked(), () => v.gw_body || '', isCut);
}

export default { line };
