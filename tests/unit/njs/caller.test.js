// Who is asking, and whether the hours and the key allow it.
import callers from 'caller.js';
import keys from 'keys.js';
import known from 'known.js';
import live from 'live.js';
import stage from 'stage.js';

const KEY = 'ws-p5a2-hk2t-6n30-1n15-9jx8-c6b6-rb';

function set(more) {
    const hashes = {};
    hashes[keys.fingerprint(KEY)] = 'p01';
    hashes[keys.fingerprint('sk-webui')] = '_webui';
    hashes[keys.fingerprint('sk-staff')] = 'staff';
    stage.set(Object.assign({
        title: 'Test', revision: 1, window: { opens: null, closes: null }, keys: hashes,
        emails: { 'ada@x.org': 'p01' },
        callers: {
            p01: { models: { a: true }, exempt: false, service: false },
            staff: { models: { a: true }, exempt: true, service: false },
            _webui: { models: {}, exempt: true, service: true },
        },
        models: { a: {}, b: {} },
    }, more));
}

function asked(headers, more) {
    const r = stage.request(Object.assign({ headersIn: headers }, more));
    r.entry = callers.identify(r, false);
    return r;
}

function accepted(headers) {
    set();
    const r = asked(headers);
    stage.same(r.answer, null);
    return known.now.caller;
}

export default {
    'a key comes as Bearer, in any case, or as x-api-key': () => {
        [`Bearer ${KEY}`, `bearer ${KEY}`, `BEARER   ${KEY.toUpperCase()} `].forEach(value => stage.same(accepted({ Authorization: value }), 'p01'));
        stage.same(accepted({ 'x-api-key': ` ${KEY} ` }), 'p01');
    },
    'a wrong Bearer is not saved by a right x-api-key': () => {
        set();
        stage.same(stage.refused(asked({ Authorization: 'Bearer sk-no', 'x-api-key': KEY }), 401).code, 'invalid_api_key');
    },
    'no key, a typing mistake and a foreign key are told apart': () => {
        set();
        [{}, { Authorization: '' }, { Authorization: 'Bearer ' }, { Authorization: 'Basic eDp5' }, { 'x-api-key': ' ' }].forEach(headers => {
            stage.same(stage.refused(asked(headers), 401).code, 'missing_api_key');
        });
        stage.same(stage.refused(asked({ Authorization: `Bearer ${KEY.slice(0, -1)}c` }), 401).code, 'mistyped_api_key');
        ['sk-other', '__proto__', 'constructor', 'toString'].forEach(key => {
            stage.same(stage.refused(asked({ Authorization: `Bearer ${key}` }), 401).code, 'invalid_api_key');
        });
    },
    'no refusal says the key': () => {
        set();
        ['ws-p5a2-hk2t-6n30-1n15-9jx8-c6b6-rc', 'sk-sentinel'].forEach(key => {
            stage.same(asked({ Authorization: `Bearer ${key}` }).answer.body.indexOf(key), -1);
        });
    },
    'wrong keys from one address are limited, right ones never': () => {
        set();
        let last = null;
        for (let i = 0; i < 700; i++) { last = asked({ Authorization: `Bearer sk-${i}` }); }    // more than two minutes' worth, if one turns
        stage.same(stage.refused(last, 429).code, 'too_many_failed_attempts');
        stage.yes(Number(last.headersOut['Retry-After']) >= 1 && Number(last.headersOut['Retry-After']) <= 60);
        stage.same(asked({ Authorization: `Bearer ${KEY}` }).answer, null);
        stage.same(asked({ Authorization: 'Bearer sk-no' }, { remoteAddress: '10.0.0.2' }).answer.status, 401);
    },
    'Open WebUI asks for a person it names, and nobody else can': () => {
        set();
        stage.same(asked({ Authorization: 'Bearer sk-webui', 'X-OpenWebUI-User-Email': ' ADA@x.org ' }).answer, null);
        stage.same([known.now.caller, known.now.via], ['p01', '_webui']);
        known.now.via = '';
        stage.same(asked({ Authorization: 'Bearer sk-staff', 'X-OpenWebUI-User-Email': 'ada@x.org' }).answer, null);
        stage.same([known.now.caller, known.now.via], ['staff', '']);
    },
    'Open WebUI without a person that is known may ask nothing': () => {
        set();
        [undefined, '', 'nobody@x.org', '__proto__'].forEach(email => {
            const headers = Object.assign({ Authorization: 'Bearer sk-webui' }, email === undefined ? {} : { 'X-OpenWebUI-User-Email': email });
            stage.same(stage.refused(asked(headers), 403).code, 'unknown_person');
        });
    },
    'outside the hours the gateway says so, in the workshop\'s words': () => {
        const now = Date.now() / 1000;
        set({ window: { opens: now + 60, closes: now + 120, opens_text: 'nine', closes_text: 'ten' } });
        const early = stage.refused(asked({ Authorization: `Bearer ${KEY}` }), 403);
        stage.same([early.code, early.message], ['event_not_open', 'Test has not begun: keys work from nine.']);
        set({ window: { opens: now - 120, closes: now - 60, opens_text: 'nine', closes_text: 'ten' } });
        stage.same(stage.refused(asked({ Authorization: `Bearer ${KEY}` }), 403).code, 'event_closed');
        stage.same(asked({ Authorization: 'Bearer sk-staff' }).answer, null);
    },
    'hours that cannot be read are closed hours': () => {
        ['x', NaN, undefined].forEach(time => {
            set({ window: { opens: time, closes: time, opens_text: '', closes_text: '' } });
            stage.refused(asked({ Authorization: `Bearer ${KEY}` }), 403);
            set({ window: { opens: 0, closes: time, opens_text: '', closes_text: '' } });
            stage.same(stage.refused(asked({ Authorization: `Bearer ${KEY}` }), 403).code, 'event_closed');
        });
    },
    'a model is there for those who have it': () => {
        set();
        const entry = asked({ Authorization: `Bearer ${KEY}` }).entry;
        stage.same(['a', 'b', 'c', '__proto__', 'constructor'].map(name => callers.mayUse(entry, name)), [true, false, false, false, false]);
    },
    'a revoked key is refused, and its owner is gone while an answer runs': () => {
        set();
        stage.same(asked({ Authorization: `Bearer ${KEY}` }).answer, null);
        stage.yes(!callers.isGone());
        const taken = {};
        taken[keys.fingerprint(KEY)] = null;
        live.apply({ revision: 2, keys: taken });
        stage.yes(callers.isGone());
        stage.same(stage.refused(asked({ Authorization: `Bearer ${KEY}` }), 401).code, 'invalid_api_key');
    },
};
