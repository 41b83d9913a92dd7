// /metrics in Prometheus' text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/
import backends from 'backends.js';
import slots from 'slots.js';

const STATES = { down: 0, up: 1, drained: 2 };
const MOST = 100000;

const HELP = {
    workshop_requests_total: 'Requests, by the model that was named and the status of the answer.',
    workshop_rejections_total: 'Requests that the gateway refused itself, by reason.',
    workshop_tokens_total: 'Tokens charged to participants.',
};

function escaped(label) { return label.replace(/["\\\n]/g, c => c === '\n' ? '\\n' : `\\${c}`); }

function text(r) {
    const counted = ngx.shared.metrics.items(MOST).sort((a, b) => a[0] < b[0] ? -1 : 1), lines = [];
    Object.keys(HELP).forEach(name => {
        lines.push(`# HELP ${name} ${HELP[name]}`, `# TYPE ${name} counter`);
        counted.forEach(item => { if (item[0].startsWith(`${name}{`)) { lines.push(`${item[0]} ${item[1]}`); } });
    });
    const names = Object.keys(policy.backends).sort();
    lines.push('# HELP workshop_backend_in_flight Requests under way.', '# TYPE workshop_backend_in_flight gauge');
    names.forEach(name => lines.push(`workshop_backend_in_flight{backend="${escaped(name)}"} ${slots.count(backends.scope(name))}`));
    lines.push('# HELP workshop_backend_state 0 down, 1 up, 2 drained.', '# TYPE workshop_backend_state gauge');
    names.forEach(name => lines.push(`workshop_backend_state{backend="${escaped(name)}"} ${STATES[backends.state(name)]}`));
    r.headersOut['Content-Type'] = 'text/plain; version=0.0.4; charset=utf-8';
    r.return(200, `${lines.join('\n')}\n`);
}

export default { text };
