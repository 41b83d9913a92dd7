// What Prometheus will be told, counted as it happens; a series is its name and labels.

function count(series, amount) { ngx.shared.metrics.incr(series, amount, 0); }

// In the log phase
function request(model, status, code, used) {
    const label = `model="${policy.models[model] === undefined ? '' : escaped(model)}"`;
    count(`workshop_requests_total{${label},status="${status}"}`, 1);
    if (code !== null) { count(`workshop_rejections_total{reason="${escaped(code)}"}`, 1); }
    if (used === null) { return; }
    count(`workshop_tokens_total{${label},kind="prompt"}`, used.prompt);
    count(`workshop_tokens_total{${label},kind="completion"}`, used.completion);
}

function escaped(text) { return text.replace(/["\\\n]/g, c => c === '\n' ? '\\n' : `\\${c}`); }

export default { request, escaped };
