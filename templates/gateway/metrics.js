// What Prometheus will be told, counted as it happens; a series is its name and labels.

function count(series, amount) { ngx.shared.metrics.incr(series, amount, 0); }

// In the log phase
function request(model, status, code, used) {
    const label = policy.models[model] === undefined ? 'model=""' : policy.models[model].label;
    count(`workshop_requests_total{${label},status="${status}"}`, 1);
    if (code !== null) { count(`workshop_rejections_total{reason="${code}"}`, 1); }
    if (used === null) { return; }
    count(`workshop_tokens_total{${label},kind="prompt"}`, used.prompt);
    count(`workshop_tokens_total{${label},kind="completion"}`, used.completion);
}

export default { request };
