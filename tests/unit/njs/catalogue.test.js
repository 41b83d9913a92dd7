// Lists of models: what the caller may use, and nothing about the rest.
import catalogue from 'catalogue.js';
import keys from 'keys.js';
import stage from 'stage.js';

function caller(models, more) {
    const allowed = {};
    models.forEach(name => { allowed[name] = true; });
    return Object.assign({ models: allowed, exempt: false, service: false }, more);
}

function set(window) {
    const hashes = {};
    ['ada', 'bob', '_webui'].forEach(who => { hashes[keys.fingerprint(`sk-${who}`)] = who; });
    stage.set({
        title: 'Test', revision: 1, ollama_version: '0.1.2',
        window: window || { opens: null, closes: null },
        keys: hashes,
        emails: { 'ada@example.org': 'ada' },
        callers: { ada: caller(['big', 'native']), bob: caller(['big', 'gone']), _webui: caller(['big', 'staff', 'native'], { service: true, exempt: true }) },
        models: { big: { engine: 'vllm', ollama: false }, native: { engine: 'ollama', ollama: true }, staff: { engine: 'external', ollama: false } },
    });
}

function asked(handler, who, more) {
    const r = stage.request(Object.assign({ uri: '/v1/models', headersIn: { Authorization: `Bearer sk-${who}` } }, more));
    catalogue[handler](r);
    return r;
}

function answer(r) {
    stage.same(r.answer.status, 200);
    stage.same(r.headersOut['Content-Type'], 'application/json');
    return JSON.parse(r.answer.body);
}

export default {
    'a participant sees own models': () => {
        set();
        const list = answer(asked('models', 'ada'));
        stage.same(list.object, 'list');
        stage.same(list.data, [
            { id: 'big', object: 'model', created: 0, owned_by: 'vllm' },
            { id: 'native', object: 'model', created: 0, owned_by: 'ollama' },
        ]);
    },
    'a model that is no longer there is not listed': () => {
        set();
        stage.same(answer(asked('models', 'bob')).data.map(model => model.id), ['big']);
    },
    'Open WebUI sees all of them, whomever it names': () => {
        set();
        const headers = { Authorization: 'Bearer sk-_webui', 'X-OpenWebUI-User-Email': 'ada@example.org' };
        stage.same(answer(asked('models', '', { headersIn: headers })).data.map(model => model.id), ['big', 'native', 'staff']);
    },
    'one model by its name': () => {
        set();
        stage.same(answer(asked('model', 'ada', { uri: '/v1/models/big' })).id, 'big');
    },
    'a model of others is told apart from none by nobody': () => {
        set();
        const messages = ['staff', 'nothing', '__proto__', 'constructor', ''].map(name => {
            const error = stage.refused(asked('model', 'ada', { uri: `/v1/models/${name}` }), 404);
            stage.same([error.code, error.param], ['model_not_found', 'model']);
            return error.message.replace(`\`${name}\``, 'X');
        });
        stage.same(messages.filter(message => message !== messages[0]), []);
    },
    'Ollama\'s list has its own form and only its own models': () => {
        set();
        stage.same(answer(asked('tags', 'ada')).models.map(model => [model.name, model.model, model.size]), [['native:latest', 'native:latest', 0]]);
        stage.same(answer(asked('tags', 'bob')).models, []);
    },
    'Ollama\'s version is the one that is served': () => {
        set();
        stage.same(answer(asked('version', 'ada')), { version: '0.1.2' });
    },
    'without a key there is nothing to see': () => {
        ['models', 'model', 'tags', 'version'].forEach(handler => {
            set();
            stage.same(stage.refused(asked(handler, '', { headersIn: {} }), 401).code, 'missing_api_key');
            stage.same(stage.refused(asked(handler, 'nobody'), 401).code, 'invalid_api_key');
        });
    },
    'lists are read, not written': () => {
        ['models', 'model', 'tags', 'version'].forEach(handler => {
            set();
            const r = asked(handler, 'ada', { method: 'POST' });
            stage.same(stage.refused(r, 405).code, 'method_not_allowed');
            stage.same(r.headersOut.Allow, 'GET');
        });
    },
    'outside the hours the list is closed too': () => {
        set({ opens: 0, closes: 1, opens_text: 'then', closes_text: 'now' });
        stage.same(stage.refused(asked('models', 'ada'), 403).code, 'event_closed');
        set({ opens: 9999999999, closes: 99999999999, opens_text: 'later', closes_text: '' });
        stage.same(stage.refused(asked('models', 'ada'), 403).code, 'event_not_open');
        set({ opens: NaN, closes: NaN, opens_text: '?', closes_text: '?' });
        stage.same(stage.refused(asked('models', 'ada'), 403).code, 'event_not_open');
    },
};
