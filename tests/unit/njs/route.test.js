// Where a request goes, and what stops it on the way.
import answer from 'answer.js';
import backends from 'backends.js';
import keys from 'keys.js';
import known from 'known.js';
import live from 'live.js';
import route from 'route.js';
import slots from 'slots.js';
import stage from 'stage.js';

const CHAT = '/v1/chat/completions';
const FRESH = { caller: '', by: '', credential: '', via: '', model: '', upstream: '', backend: '', attempts: 0, tried: '\n', slots: '' };
const SHOWN = 'ws-p5a2-hk2t-6n30-1n15-9jx8-c6b6-rb';

function bounds(some) {
    return Object.assign({ requests_per_minute: null, concurrent_requests: null, tokens_per_minute: null, token_budget: null }, some);
}

function upstream(name, servers, more) {
    return Object.assign({
        name: name, base_path: '/v1', query: '', model: `${name}-inside`, provider: false, native: false,
        headers: ['', ''], servers: servers.map(backend => ({ backend: backend, origin: `http://${backend}`, host: `${name}.inside` })),
    }, more);
}

function model(upstreams, more) {
    return Object.assign({ upstreams: upstreams, ollama: false, balance: 'least_connections', limits: null }, more);
}

function set(limits) {
    const hashes = {}, all = {}, may = {};
    hashes[keys.fingerprint('sk-ada')] = 'ada';
    ['t1', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'c1', 'o1', 'x1'].forEach(name => { all[name] = { drained: false }; });
    ['tiny', 'many', 'cloud', 'ears', 'llama3.2', 'mixed', 'bounded', 'rationed', 'home'].forEach(name => { may[name] = true; });
    stage.set({
        title: 'Test', revision: 1, window: { opens: null, closes: null }, keys: hashes, emails: {}, headers: 2, backends: all,
        callers: { ada: { models: may, exempt: false, service: false, minute_offset: 0, limits: bounds(limits) } },
        paths: {
            '/v1/chat/completions': 'chat', '/v1/completions': 'completion', '/v1/embeddings': 'embeddings', '/v1/messages': 'messages',
            '/v1/audio/transcriptions': 'transcription', '/ollama/api/chat': 'native',
        },
        aliases: { 'small one': 'tiny', little: 'tiny' },
        models: {
            tiny: model(['tiny']), secret: model(['tiny']), many: model(['many']), cloud: model(['cloud']), ears: model(['tiny']),
            'llama3.2': model(['tiny', 'ollama'], { ollama: true }), mixed: model(['many', 'tiny']),
            bounded: model(['tiny'], { limits: bounds({ concurrent_requests: 0 }) }),
            rationed: model(['tiny'], { limits: bounds({ requests_per_minute: 0 }) }), home: model(['many'], { balance: 'participant' }),
        },
        upstreams: {
            tiny: upstream('tiny', ['t1']),
            many: upstream('many', ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7']),
            cloud: upstream('cloud', ['c1'], { base_path: '/openai/v1', query: 'api-version=7', provider: true, headers: ['Bearer sk-provider', 'teaching'] }),
            ollama: upstream('ollama', ['o1'], { native: true, model: 'llama3.2:3b' }),
        },
    });
}

function asks(body, more) {
    const fields = Object.assign({ method: 'POST', uri: CHAT, sends: typeof body === 'string' ? body : JSON.stringify(body) }, more);
    fields.headersIn = Object.assign({ Authorization: 'Bearer sk-ada' }, fields.headersIn);
    fields.variables = Object.assign({ request_id: String(Math.random()), request_time: '0.001' }, fields.variables);
    return stage.request(fields);
}

async function asked(body, more) {
    const r = asks(body, more);
    await route.access(r);
    return r;
}

// A request that nothing may be read of
function unread(more) {
    const r = asks('', more);
    r.readRequestText = r.readRequestArrayBuffer = () => { throw new Error('its body was read'); };
    return r;
}

async function refused(r, status) {
    await route.access(r);
    const error = stage.refused(r, status);
    stage.same([r.variables.gw_url, slots.count('ada')], [undefined, 0]);
    return error;
}

// error_page starts a new virtual machine: what is known comes from $gw_known.
async function failed(r, variables) {
    Object.assign(known.now, FRESH);
    Object.assign(r.variables, { upstream_header_time: '-' }, variables);
    await route.next(r);
    return r;
}

function unavailable(r) {
    const error = stage.refused(r, 503);
    stage.same([error.type, error.code, error.param, r.headersOut['Retry-After']], ['server_error', 'model_unavailable', 'model', '5']);
    return error.message;
}

function form(name) {
    return `--MARK\r\nContent-Disposition: form-data; name="model"\r\n\r\n${name}\r\n--MARK--\r\n`;
}

const FORM = { uri: '/v1/audio/transcriptions', headersIn: { 'Content-Type': 'multipart/form-data; boundary=MARK' } };

export default {
    'a request goes to its model\'s backend, which reads its own name for the model': async () => {
        set();
        const r = await asked({ model: 'tiny', n: 1 }), v = r.variables;
        stage.same(r.answer, null);
        stage.same([v.gw_url, v.gw_host, v.gw_content_type], ['http://t1/v1/chat/completions', 'tiny.inside', 'application/json']);
        stage.same(v.gw_body, '{"model":"tiny-inside","n":1}');
        const now = known.now;
        stage.same([now.caller, now.model, now.upstream, now.backend, now.attempts], ['ada', 'tiny', 'tiny', 't1', 1]);
        stage.same([slots.count('ada'), slots.count('@t1'), answer.kindAsked()], [1, 1, 'chat']);
    },
    'what it holds is noted before anything is sent': async () => {
        set();
        const r = await asked({ model: 'tiny' });
        stage.same(ngx.shared.held.get(r.variables.request_id).split('\n').slice(1), ['ada', '@t1']);
        stage.yes(r.variables.gw_known.indexOf('ada') === 0);
    },
    'a provider gets its path, its query and its key, and what it says of its account stays here': async () => {
        set();
        const r = await asked({ model: 'cloud' }, { headersOut: { 'X-Account': 'ours' } }), v = r.variables;
        stage.same(v.gw_url, 'http://c1/openai/v1/chat/completions?api-version=7');
        stage.same([v.gw_header_0, v.gw_header_1], ['Bearer sk-provider', 'teaching']);
        answer.head(r);
        stage.same(r.headersOut['X-Account'], undefined);
    },
    'nobody else gets the provider\'s key, not even after the provider failed': async () => {
        set();
        const v = (await asked({ model: 'tiny' })).variables;
        stage.same([v.gw_header_0, v.gw_header_1, v.gw_header_2], ['', '', undefined]);
        const r = await asked({ model: 'tiny' }, { variables: { gw_header_0: 'Bearer sk-provider', gw_header_1: 'teaching' } });
        stage.same([r.variables.gw_header_0, r.variables.gw_header_1], ['', '']);
    },
    'a model that keeps its people where they are is asked for this one': async () => {
        set();
        await asked({ model: 'home' });
        stage.same(known.now.backend, backends.choose(policy.models.home, false, '\n', 'ada', {}).server.backend);
    },
    'another name of a model is the model': async () => {
        set();
        await asked({ model: 'small one' });
        stage.same([known.now.model, known.now.backend], ['tiny', 't1']);
    },
    'Ollama\'s form goes to Ollama, whatever stands first, and knows the tag': async () => {
        await stage.each(['llama3.2', 'llama3.2:latest'], async name => {
            set();
            const r = await asked({ model: name }, { uri: '/ollama/api/chat' });
            stage.same([r.answer, r.variables.gw_url], [null, 'http://o1/api/chat']);
            stage.same(r.variables.gw_body, '{"model":"llama3.2:3b"}');
            stage.same(known.now.model, 'llama3.2');
            Object.assign(known.now, FRESH);
        });
    },
    'the tag means nothing in OpenAI\'s form, nor does another tag': async () => {
        set();
        stage.same((await refused(asks({ model: 'llama3.2:latest' }), 404)).code, 'model_not_found');
        stage.same((await refused(asks({ model: 'llama3.2:3b' }, { uri: '/ollama/api/chat' }), 404)).code, 'model_not_found');
    },
    'in Ollama\'s form a model of another engine is not there': async () => {
        set();
        await stage.each(['tiny', 'tiny:latest', 'little', 'cloud'], async name => {
            stage.same((await refused(asks({ model: name }, { uri: '/ollama/api/chat' }), 404)).code, 'model_not_found');
        });
    },
    'whoever is not known learns nothing of paths, and nothing is read': async () => {
        set();
        await stage.each([CHAT, '/v1/nothing', '/ollama/api/pull'], async uri => {
            const r = unread({ uri: uri, method: 'DELETE', headersIn: { Authorization: 'Bearer sk-eve' } });
            stage.same((await refused(r, 401)).code, 'invalid_api_key');
        });
    },
    'a path that is not served is refused unread': async () => {
        set();
        await stage.each(['/', '/v1', '/v1/', '/v1/chat/completions/', '/V1/chat/completions', '/v1/files', 'constructor', '__proto__', '/ollama'], async uri => {
            const error = await refused(unread({ uri: uri }), 404);
            stage.same([error.type, error.code, error.message], ['invalid_request_error', 'unknown_url', `Unknown request URL: POST ${uri}.`]);
        });
    },
    'what administers Ollama is forbidden, and said to be': async () => {
        set();
        await stage.each(['/ollama/api/pull', '/ollama/api/delete', '/ollama/', '/ollama/v1/chat/completions', '/ollama/../v1/chat/completions'], async uri => {
            const error = await refused(unread({ uri: uri }), 403);
            stage.same([error.type, error.code], ['permission_error', 'path_forbidden']);
        });
    },
    'another method than POST is refused unread': async () => {
        set();
        await stage.each(['GET', 'PUT', 'DELETE', 'post', ''], async method => {
            const r = unread({ method: method });
            stage.same((await refused(r, 405)).code, 'method_not_allowed');
            stage.same(r.headersOut.Allow, 'POST');
        });
    },
    'who has no more to spend is refused unread': async () => {
        set({ token_budget: 0 });
        stage.same((await refused(unread(), 429)).code, 'insufficient_quota');
        set({ requests_per_minute: 0 });
        stage.same((await refused(unread(), 429)).code, 'rate_limit_exceeded');
    },
    'a request that is no request costs one of the minute, and holds nothing': async () => {
        set({ requests_per_minute: 2 });
        for (let i = 0; i < 2; i++) { stage.same((await refused(asks('{'), 400)).code, 'invalid_body'); }
        stage.same((await refused(asks('{'), 429)).code, 'rate_limit_exceeded');
    },
    'what the model may not have in a minute is refused before anything is held': async () => {
        set();
        stage.yes((await refused(asks({ model: 'rationed' }), 429)).message.indexOf('with rationed') > 0);
    },
    'what the model may not have under way is refused before a backend is chosen': async () => {
        set();
        const r = await asked({ model: 'bounded' });
        stage.yes(stage.refused(r, 429).message.indexOf('with bounded') > 0);
        stage.same([r.variables.gw_url, slots.count('@t1'), known.now.attempts], [undefined, 0, 0]);
        slots.giveAll(r);
        stage.same([slots.count('ada'), slots.count('ada bounded')], [0, 0]);
    },
    'a model that is not there, and one that somebody else has, are not told apart': async () => {
        set();
        const there = await refused(asks({ model: 'secret' }), 404), away = await refused(asks({ model: 'secreT' }), 404);
        stage.same([there.type, there.code, there.param], ['invalid_request_error', 'model_not_found', 'model']);
        stage.same(there, Object.assign(away, { message: away.message.replace('secreT', 'secret') }));
    },
    'no odd name is a model': async () => {
        set();
        const odd = ['', ' ', 'tiny ', 'Tiny', 'tiny\u0000', 'tiny\n', '../tiny', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '\ud800'];
        await stage.each(odd, async name => {
            stage.same([name, (await refused(asks({ model: name }), 404)).code], [name, 'model_not_found']);
            stage.same((await refused(asks({ model: name }, { uri: '/ollama/api/chat' }), 404)).code, 'model_not_found');
        });
    },
    'of a name that is none the beginning is known, on one line and in one field': async () => {
        set();
        const error = await refused(asks({ model: `a\tb${'c'.repeat(300)}` }), 404);
        stage.same(known.now.model, `a b${'c'.repeat(197)}`);
        stage.same(error.message, `The model \`a\tb${'c'.repeat(197)}\` does not exist or you do not have access to it.`);
    },
    'a key that was taken for a model is neither answered nor known': async () => {
        for (let before = 0; before < 240; before++) {
            set();
            const error = await refused(asks({ model: '.'.repeat(before) + `${SHOWN} `.repeat(9) }), 404);
            stage.same([error.message.indexOf('ws-p'), known.now.model.indexOf('ws-p')], [-1, -1]);
        }
    },
    'a body that is no request is refused in words, however it is wrong': async () => {
        set();
        await stage.each(['', '{', '[]', 'null', '{"model":7}', '{"model":"tiny","Model":"cloud"}'], async sent => {
            const error = await refused(asks(sent), 400);
            stage.same([error.type, error.code, error.param], ['invalid_request_error', 'invalid_body', null]);
        });
    },
    'a form goes on with its boundary, its model renamed': async () => {
        set();
        const v = (await asked(form('ears'), FORM)).variables;
        stage.same(v.gw_content_type, 'multipart/form-data; boundary="MARK"');
        stage.same([v.gw_url, v.gw_body.toString()], ['http://t1/v1/audio/transcriptions', form('tiny-inside')]);
        stage.same(answer.kindAsked(), 'transcription');
    },
    'a form without anything in it, or without a type, is refused': async () => {
        set();
        stage.same((await refused(asks('', FORM), 400)).code, 'invalid_body');
        stage.same((await refused(asks(form('ears'), { uri: FORM.uri }), 400)).code, 'invalid_body');
        stage.same((await refused(asks({ model: 'ears' }, FORM), 400)).code, 'invalid_body');
    },
    'a stream is asked for its tokens, which are hidden from those who did not ask': async () => {
        await stage.each([CHAT, '/v1/completions'], async uri => {
            set();
            const r = await asked('{"model":"tiny","stream":true}', { uri: uri });
            stage.same(r.variables.gw_body, '{"model":"tiny-inside","stream":true,"stream_options":{"include_usage":true}}');
            r.headersOut['Content-Length'] = '7';
            answer.head(r);
            stage.same(r.headersOut['Content-Length'], undefined);
        });
    },
    'whoever asked for the tokens sees them, and what is no stream is left alone': async () => {
        const wants = '{"model":"tiny","stream":true,"stream_options":{"include_usage":true}}';
        const left = [[CHAT, wants], [CHAT, '{"model":"tiny","stream":"true"}'], [CHAT, '{"model":"tiny","stream":1}'],
            ['/v1/messages', '{"model":"tiny","stream":true}'], ['/v1/embeddings', '{"model":"tiny","stream":true}']];
        await stage.each(left, async one => {
            set();
            const r = await asked(one[1], { uri: one[0], headersOut: { 'Content-Length': '7' } });
            stage.same(r.variables.gw_body, one[1].replace('tiny', 'tiny-inside'));
            answer.head(r);
            stage.same(r.headersOut['Content-Length'], '7');
        });
    },
    'where no backend is left the model is not available, and nothing was tried': async () => {
        set();
        live.apply({ revision: 2, drained: { t1: true } });
        const r = await asked({ model: 'tiny' });
        stage.same(unavailable(r), 'The model `tiny` is not available right now.');
        stage.same([r.variables.gw_url, known.now.attempts, answer.kindAsked()], [undefined, 0, null]);
        slots.giveAll(r);
        stage.same(slots.count('ada'), 0);
    },
    'after one that could not be reached another is asked the same, and the first is left alone': async () => {
        set();
        const r = await asked('{"model":"many","stream":true}'), first = known.now.backend, body = r.variables.gw_body;
        await failed(r);
        const now = known.now;
        stage.same(r.answer, null);
        stage.yes(now.backend !== first && r.variables.gw_url === `http://${now.backend}${CHAT}`);
        stage.same([r.variables.gw_body, now.attempts, now.tried, now.caller, now.model], [body, 2, `\n${first}\n`, 'ada', 'many']);
        stage.same([backends.state(first), slots.count(`@${first}`), slots.count(`@${now.backend}`), slots.count('ada')], ['down', 0, 1, 1]);
        stage.same(ngx.shared.held.get(r.variables.request_id).split('\n').slice(-1), [`@${now.backend}`]);
    },
    'one that answered that it cannot is not shunned': async () => {
        await stage.each(['0.002', '-, 0.002', '- : 0.002'], async times => {
            set();
            const r = await asked({ model: 'many' }), first = known.now.backend;
            await failed(r, { upstream_header_time: times });
            stage.same([times, backends.state(first)], [times, 'up']);
            Object.assign(known.now, FRESH);
        });
    },
    'one that could not be reached is shunned, whatever the one before it answered': async () => {
        await stage.each(['', undefined, '-', '-, -', '0.002 : -', '0.002 : -, -', '0.000 : 0.001 : -'], async times => {
            set();
            const r = await asked({ model: 'many' }), first = known.now.backend;
            await failed(r, { upstream_header_time: times });
            stage.same([times, backends.state(first)], [times, 'down']);
            Object.assign(known.now, FRESH);
        });
    },
    'of a group that failed the next one is asked, by its own name': async () => {
        set();
        ['p2', 'p3', 'p4', 'p5', 'p6', 'p7'].forEach(name => backends.markDown(name));
        const r = await asked({ model: 'mixed' });
        stage.same(r.variables.gw_body, '{"model":"many-inside"}');
        await failed(r);
        stage.same([r.variables.gw_url, r.variables.gw_host, r.variables.gw_body], [`http://t1${CHAT}`, 'tiny.inside', '{"model":"tiny-inside"}']);
        stage.same([known.now.upstream, known.now.model], ['tiny', 'mixed']);
    },
    'when all have failed the model is not available, and all are given back': async () => {
        set();
        const r = await asked({ model: 'tiny' });
        await failed(r);
        unavailable(r);
        stage.same([known.now.attempts, slots.count('@t1')], [1, 0]);
        slots.giveAll(r);
        stage.same([slots.count('ada'), ngx.shared.held.get(r.variables.request_id)], [0, undefined]);
    },
    'six are asked at most': async () => {
        set();
        const r = await asked({ model: 'many' });
        for (let i = 0; i < 5; i++) { await failed(r, { upstream_header_time: '0.001' }); }
        stage.same([r.answer, known.now.attempts], [null, 6]);
        await failed(r);
        unavailable(r);
        stage.same(known.now.tried.split('\n').length - 2, 6);
    },
    'after thirty seconds nobody else is asked': async () => {
        await stage.each([['29.999', true], ['30.001', false]], async one => {
            set();
            const r = await asked({ model: 'many' });
            await failed(r, { request_time: one[0] });
            stage.same([one[0], r.answer === null], one);
            Object.assign(known.now, FRESH);
        });
    },
    'nobody is asked for somebody who was removed meanwhile': async () => {
        set();
        const r = await asked({ model: 'many' }), first = known.now.backend;
        live.apply({ revision: 2, callers: { ada: null } });
        live.anyChange(true);
        await failed(r);
        unavailable(r);
        stage.same([known.now.attempts, slots.count(`@${first}`)], [1, 0]);
    },
    'without what was known nobody is asked': async () => {
        set();
        const r = asks({ model: 'many' });
        await failed(r);
        stage.refused(r, 503);
        stage.same(r.variables.gw_url, undefined);
    },
    'a form is sent to another backend as it was to the first': async () => {
        set();
        const r = await asked(form('many'), FORM), body = r.variables.gw_body.toString();
        await failed(r);
        stage.same([r.answer, r.variables.gw_body.toString(), known.now.attempts], [null, body, 2]);
    },
};
