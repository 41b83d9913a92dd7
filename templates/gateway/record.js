// The log phase: runs once per request, whatever became of it. Gives back the slot, charges the tokens, writes the line.
import answer from 'answer.js';
import limits from 'limits.js';
import refusal from 'refusal.js';
import usage from 'usage.js';

function line(r) {
    const v = r.variables, caller = v.gw_caller || null;
    limits.release(r);
    const used = bill(r);
    if (used !== null) { limits.charge(caller, used.prompt + used.completion); }
    return JSON.stringify({
        time: v.time_iso8601,
        participant: caller,
        via: v.gw_via || null,
        method: (v.request || '').split(' ')[0].slice(0, 10),    // error_page makes $request_method GET
        path: (v.request_uri || '').split('?')[0].slice(0, 200),
        model: v.gw_model || null,
        upstream: v.gw_upstream || null,
        backend: v.upstream_addr || null,
        status: Number(v.status),
        error: refusal.lastCode(),
        prompt_tokens: used === null ? null : used.prompt,
        completion_tokens: used === null ? null : used.completion,
        estimated: used !== null && used.estimated,
        ttft: answer.timeToFirstByte(),
        duration: Number(v.request_time),
        bytes: Number(v.bytes_sent),
        complete: v.request_completion === 'OK',
        id: v.request_id,
    });
}

// What is to be paid for: an answer, or one that the caller did not wait for.
function bill(r) {
    const v = r.variables;
    if (!answer.isBilled() || refusal.lastCode() !== null) { return null; }
    const abandoned = v.status === '499';
    if (answer.timeToFirstByte() === null && !abandoned) { return null; }
    return usage.settle((v.gw_body || '').length);
}

export default { line };
