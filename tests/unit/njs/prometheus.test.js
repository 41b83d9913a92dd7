// /metrics, as Prometheus reads it.
import backends from 'backends.js';
import metrics from 'metrics.js';
import prometheus from 'prometheus.js';
import stage from 'stage.js';

function set() {
    stage.set({
        revision: 1, models: { tiny: { label: 'model="tiny"' } },
        backends: { 'tiny-2': { drained: true }, 'tiny-1': { drained: false }, 'x"y': { drained: false } },
    });
}

function lines() {
    const r = stage.request();
    prometheus.text(r);
    stage.same(r.answer.status, 200);
    stage.yes(r.headersOut['Content-Type'].startsWith('text/plain; version=0.0.4'));
    return r.answer.body.split('\n');
}

export default {
    'requests, refusals and tokens': () => {
        set();
        metrics.request('tiny', 200, null, { prompt: 3, completion: 4 });
        metrics.request('tiny', 200, null, { prompt: 1, completion: 1 });
        metrics.request('tiny', 429, 'rate_limit_exceeded', null);
        const told = lines();
        [
            'workshop_requests_total{model="tiny",status="200"} 2',
            'workshop_requests_total{model="tiny",status="429"} 1',
            'workshop_rejections_total{reason="rate_limit_exceeded"} 1',
            'workshop_tokens_total{model="tiny",kind="prompt"} 4',
            'workshop_tokens_total{model="tiny",kind="completion"} 5',
        ].forEach(line => stage.yes(told.indexOf(line) >= 0, `${line} is missing from ${JSON.stringify(told)}`));
    },
    'a name that is no model makes no series': () => {
        set();
        for (let i = 0; i < 100; i++) { metrics.request(`made-up-${i}`, 404, 'model_not_found', null); }
        stage.yes(lines().indexOf('workshop_requests_total{model="",status="404"} 100') >= 0);
        stage.same(ngx.shared.metrics.items(1000).length, 2);
    },
    'names of backends are escaped': () => {
        set();
        const told = lines();
        stage.yes(told.indexOf('workshop_backend_state{backend="x\\"y"} 1') >= 0);
    },
    'backends and what they have under way': () => {
        set();
        backends.markDown('tiny-1');
        ngx.shared.slots.set('@tiny-1', 3);
        const told = lines();
        stage.yes(told.indexOf('workshop_backend_state{backend="tiny-1"} 0') >= 0);
        stage.yes(told.indexOf('workshop_backend_state{backend="tiny-2"} 2') >= 0);
        stage.yes(told.indexOf('workshop_backend_in_flight{backend="tiny-1"} 3') >= 0);
    },
    'every line is one that Prometheus reads': () => {
        set();
        metrics.request('tiny', 200, 'x', { prompt: 3, completion: 4 });
        const told = lines();
        stage.same(told.pop(), '');
        const series = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z]+="([^"\\]|\\["\\n])*",?)+\} [0-9.]+)$/;
        stage.same(told.filter(line => !series.test(line)), []);
    },
};
