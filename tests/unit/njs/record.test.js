// What becomes of a request when it is over: its line in the log, what it held, what it costs.
import answer from 'answer.js';
import callers from 'caller.js';
import keys from 'keys.js';
import known from 'known.js';
import record from 'record.js';
import refusal from 'refusal.js';
import slots from 'slots.js';
import stage from 'stage.js';

const SHOWN = 'ws-p5a2-hk2t-6n30-1n15-9jx8-c6b6-rb';
const USED = '{"choices":[{}],"usage":{"prompt_tokens":3,"completion_tokens":4}}';
const WORD = 'data: {"choices":[{"delta":{"content":"word"}}]}\n\n';
const EARLY = 'data: {"message":{"usage":{"input_tokens":3,"output_tokens":1}}}\n\n';    // as in Anthropic's form
const STREAMED = { headersOut: { 'Content-Type': 'text/event-stream' } };

function bounds(some) {
    return Object.assign({ requests_per_minute: null, concurrent_requests: null, tokens_per_minute: null, token_budget: null }, some);
}

function set() {
    const hashes = {};
    hashes[keys.fingerprint('sk-ada')] = 'ada';
    stage.set({
        title: 'Test', revision: 1, window: { opens: null, closes: null }, keys: hashes, emails: {},
        callers: { ada: { models: { tiny: true, dear: true }, exempt: false, service: false, minute_offset: 0, limits: bounds({ tokens_per_minute: 100 }) } },
        paths: { '/v1/chat/completions': 'chat' },
        models: {
            tiny: { limits: null, label: 'model="tiny"' }, dear: { limits: bounds({ token_budget: 50 }), label: 'model="dear"' },
            [SHOWN]: { limits: null, label: `model="${SHOWN}"` },
        },
    });
}

function request(more, variables) {
    const fields = Object.assign({ method: 'POST', uri: '/v1/chat/completions', headersIn: { Authorization: 'Bearer sk-ada' } }, more);
    fields.variables = Object.assign({ request_id: 'one', status: '200', request_completion: 'OK', request_time: '0.125', gw_body: '' }, variables);
    return stage.request(fields);
}

// A request that was sent to a backend
function sent(more, variables) {
    const r = request(more, variables);
    callers.identify(r, false);
    Object.assign(known.now, { model: 'tiny', upstream: 'up', backend: 't1', attempts: 1 });
    slots.take('ada');
    slots.take('@t1');
    slots.note(r);
    answer.expect('chat', false, false);
    return r;
}

// ... and answered: each piece is one of the body's, the last of them its end where the answer is whole
function answered(r, pieces, isWhole) {
    answer.head(r);
    pieces.forEach((piece, number) => answer.body(r, Buffer.from(piece), { last: isWhole && number === pieces.length - 1 }));
    return r;
}

function line(r) {
    const text = record.line(r);
    stage.same([text.indexOf('\n'), text[0]], [-1, '"']);
    return JSON.parse(`{${text},"duration":1}`);
}

function used(told) { return [told.prompt_tokens, told.completion_tokens, told.estimated]; }

export default {
    'an answered request has one line, with all that is known': () => {
        set();
        stage.same(line(answered(sent(), [USED], true)), {
            participant: 'ada', via: null, method: 'POST', path: '/v1/chat/completions', model: 'tiny', upstream: 'up', backend: 't1', attempts: 1,
            status: 200, error: null, prompt_tokens: 3, completion_tokens: 4, estimated: false, ttft: 0.125, complete: true, duration: 1,
        });
    },
    'a refused one has the same members': () => {
        set();
        const r = request({}, { status: '401' });
        refusal.refuse(r, 401, 'authentication_error', 'missing_api_key', 'no');
        stage.same(line(r), {
            participant: null, via: null, method: 'POST', path: '/v1/chat/completions', model: null, upstream: null, backend: null, attempts: 0,
            status: 401, error: 'missing_api_key', prompt_tokens: null, completion_tokens: null, estimated: false, ttft: null, complete: true, duration: 1,
        });
    },
    'what it held is given back': () => {
        set();
        line(answered(sent(), [USED], true));
        stage.same([slots.count('ada'), slots.count('@t1'), ngx.shared.held.get('one')], [0, 0, undefined]);
    },
    'what a refused one took before it was refused is given back': () => {
        set();
        const r = request({}, { status: '429' });
        slots.take('ada');
        refusal.refuse(r, 429, 'requests', 'rate_limit_exceeded', 'no');
        stage.same([line(r).error, slots.count('ada')], ['rate_limit_exceeded', 0]);
    },
    'tokens are charged to the person, in the minute and in all': () => {
        set();
        line(answered(sent(), [USED], true));
        stage.same(ngx.shared.used.get('ada'), 7);
        stage.same(ngx.shared.window.items(10).filter(item => item[0].startsWith('ada tokens ')).map(item => item[1]), [7]);
    },
    'and at the model, where that has a bound of its own': () => {
        set();
        const r = sent();
        known.now.model = 'dear';
        line(answered(r, [USED], true));
        stage.same([ngx.shared.used.get('ada'), ngx.shared.used.get('ada dear')], [7, 7]);
    },
    'Prometheus is told': () => {
        set();
        line(answered(sent(), [USED], true));
        const r = request({}, { status: '404' });
        known.now.model = 'made up';
        refusal.refuse(r, 404, 'x', 'model_not_found', 'no');
        line(r);
        stage.same(ngx.shared.metrics.items(10).map(item => item.join(' ')).sort(), [
            'workshop_rejections_total{reason="model_not_found"} 1', 'workshop_requests_total{model="",status="404"} 1',
            'workshop_requests_total{model="tiny",status="200"} 1', 'workshop_tokens_total{model="tiny",kind="completion"} 4',
            'workshop_tokens_total{model="tiny",kind="prompt"} 3',
        ]);
    },
    'an answer that the backend did not end is not complete, and what came of it is charged': () => {
        set();
        const r = answered(sent(STREAMED, { gw_body: 'x'.repeat(40) }), [WORD, WORD, WORD], false), told = line(r);
        stage.same([told.complete, used(told), ngx.shared.used.get('ada')], [false, [10, 3, true], 13]);
    },
    'of one that was cut off behind its figures, what came after them is charged too': () => {
        set();
        stage.same(used(line(answered(sent(STREAMED), [EARLY, WORD, WORD, WORD], false))), [3, 4, true]);
    },
    'of a whole one the figures count, wherever they stood': () => {
        set();
        stage.same(used(line(answered(sent(STREAMED), [EARLY, WORD, WORD, WORD], true))), [3, 1, false]);
    },
    'nor is an answer complete whose caller went away, whatever the backend did': () => {
        ['', undefined].forEach(completion => {
            set();
            stage.same(line(answered(sent({}, { request_completion: completion }), [USED], true)).complete, false);
        });
    },
    'whoever goes away before the first word pays for the question': () => {
        set();
        const told = line(sent({}, { status: '499', request_completion: '', gw_body: 'x'.repeat(40) }));
        stage.same([told.status, told.ttft, told.complete, used(told)], [499, null, false, [10, 0, true]]);
    },
    'an answer in which nothing came costs nothing': () => {
        set();
        stage.same(used(line(answered(sent(), [''], true))), [null, null, false]);
        stage.same(ngx.shared.used.get('ada'), undefined);
    },
    'an error costs nothing': () => {
        set();
        stage.same(used(line(answered(sent({ status: 500 }, { status: '500' }), [USED], true))), [null, null, false]);
        stage.same(ngx.shared.used.get('ada'), undefined);
    },
    'what the gateway refused itself costs nothing, though it was sent before': () => {
        set();
        const r = sent({}, { status: '503' });
        refusal.refuse(r, 503, 'server_error', 'model_unavailable', 'no');
        stage.same(used(line(answered(r, [USED], true))), [null, null, false]);
        stage.same(ngx.shared.used.get('ada'), undefined);
    },
    'what is told of a model costs nothing': () => {
        set();
        const r = sent();
        answer.expect('show', false, false);
        stage.same(used(line(answered(r, [USED], true))), [null, null, false]);
    },
    'whom Open WebUI asked for is told, and that it asked': () => {
        set();
        const r = sent();
        known.now.via = '_webui';
        const told = line(answered(r, [USED], true));
        stage.same([told.participant, told.via], ['ada', '_webui']);
    },
    'after nginx\'s own refusal the line tells what was asked, not where error_page led': () => {
        set();
        const told = line(request({ method: 'GET', uri: '/_refused' }, { status: '413', request: 'POST /v1/chat/completions?a=b HTTP/1.1', request_uri: '/v1/chat/completions?a=b' }));
        stage.same([told.method, told.path, told.participant, told.status], ['POST', '/v1/chat/completions', null, 413]);
    },
    'and what was known before it, which is given back': () => {
        set();
        const r = sent({}, { status: '500', request: 'POST /v1/chat/completions HTTP/1.1', request_uri: '/v1/chat/completions' });
        Object.assign(known.now, { caller: '', by: '', credential: '', model: '', upstream: '', backend: '', attempts: 0, slots: '' });
        answer.expect(null, false, false);    // as in a new virtual machine
        r.uri = '/_refused';
        const told = line(r);
        stage.same([told.participant, told.model, told.upstream, told.backend, told.attempts], ['ada', 'tiny', 'up', 't1', 1]);
        stage.same([slots.count('ada'), slots.count('@t1'), used(told)], [0, 0, [null, null, false]]);
    },
    'a request that nginx could not even read has a line': () => {
        set();
        [{}, { request: '', request_uri: '' }, { request: '\u0000\u0001"', request_uri: undefined }, { request: 'GET', request_uri: '?' }].forEach(variables => {
            const told = line(request({ method: 'GET', uri: '/_refused', headersIn: {} }, Object.assign({ status: '400' }, variables)));
            stage.same([told.status, told.path.length, told.participant], [400, 0, null]);
        });
    },
    'a connection that was closed before a status has one in numbers': () => {
        set();
        stage.same(line(request({}, { status: '000', request_completion: '' })).status, 0);
    },
    'nothing that a caller spells leaves its member or its line': () => {
        ['"', '\\', '\n', '\r\n{}', '","participant":"eve', '\u0000', '\u2028', '\ud800', '%s$status'].forEach(text => {
            set();
            const r = request({ method: text, uri: `/${text}` }, { status: '404' });
            Object.assign(known.now, { caller: 'ada', model: text });
            const told = line(r);
            stage.same(Object.keys(told).length, 16);
            if (text !== '\ud800') { stage.same([told.path, told.model, told.participant], [`/${text}`, text, 'ada']); }
        });
    },
    'a long method and a long path are cut': () => {
        set();
        const told = line(request({ method: 'A'.repeat(99), uri: `/${'b'.repeat(999)}` }, { status: '405' }));
        stage.same([told.method, told.path], ['A'.repeat(10), `/${'b'.repeat(199)}`]);
    },
    'a key in the path, or in the place of a model, is not written down': () => {
        set();
        [SHOWN, SHOWN.toUpperCase(), SHOWN.replace(/-/g, '%2D')].forEach(key => {
            const r = request({ uri: `/v1/${key}/x` }, { status: '404' });
            known.now.model = `${key}x`;
            const told = line(r);
            stage.same([told.path, told.model], ['/v1/ws-.../x', 'ws-...']);
        });
    },
    'wherever it stands in the path': () => {
        for (let before = 0; before < 240; before++) {
            set();
            const uri = `/${'.'.repeat(before)}${SHOWN}`;
            [request({ uri: uri }), request({ uri: '/_refused' }, { request_uri: uri })].forEach(r => {
                stage.same([before, line(r).path.indexOf('ws-p')], [before, -1]);
            });
        }
    },
    'a model that is called like a key keeps its name': () => {
        set();
        const r = sent();
        known.now.model = SHOWN;
        stage.same(line(answered(r, [USED], true)).model, SHOWN);
    },
};
