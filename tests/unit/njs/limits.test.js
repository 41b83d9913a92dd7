// How much, for a caller and for a caller at a model.
import callers from 'caller.js';
import keys from 'keys.js';
import known from 'known.js';
import limits from 'limits.js';
import slots from 'slots.js';
import stage from 'stage.js';

const NONE = { requests_per_minute: null, concurrent_requests: null, tokens_per_minute: null, token_budget: null };

let entry = null;

function set(bounds, atModel) {
    const hashes = {};
    hashes[keys.fingerprint('sk-ada')] = 'ada';
    const half = (60 - Math.floor(Date.now() / 1000) % 60 + 30) % 60;    // in the middle of a minute: it must not turn under the test
    stage.set({
        title: 'Test', revision: 1, window: { opens: null, closes: null }, keys: hashes, emails: {},
        callers: { ada: { models: {}, exempt: true, service: false, minute_offset: half, limits: Object.assign({}, NONE, bounds) } },
        models: { free: { limits: null }, dear: { limits: Object.assign({}, NONE, atModel) } },
    });
    entry = callers.identify(stage.request({ headersIn: { 'x-api-key': 'sk-ada' } }), false);
}

function asked(model) {
    const r = stage.request({ variables: { request_id: String(Math.random()) } });
    r.goesOn = limits.admit(r, entry) && (model === undefined || limits.admitAt(r, entry, model)) && limits.begin(r, entry, model || 'free');
    return r;
}

function after(r) {
    slots.giveAll(r);
    known.now.slots = '';
}

function refusal(r) {
    stage.same(r.goesOn, false);
    const error = stage.refused(r, 429), seconds = Number(r.headersOut['Retry-After']);
    stage.yes(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    return error;
}

export default {
    'without bounds everything goes on': () => {
        set({});
        for (let i = 0; i < 50; i++) { stage.same([asked('free').goesOn, asked('dear').goesOn], [true, true]); }
    },
    'requests in a minute': () => {
        set({ requests_per_minute: 3 });
        const left = [];
        for (let i = 0; i < 3; i++) {
            const r = asked();
            stage.yes(r.goesOn);
            left.push([r.headersOut['x-ratelimit-limit-requests'], r.headersOut['x-ratelimit-remaining-requests']]);
            after(r);
        }
        stage.same(left, [['3', '2'], ['3', '1'], ['3', '0']]);
        const error = refusal(asked());
        stage.same([error.code, error.type], ['rate_limit_exceeded', 'requests']);
    },
    'requests at once, which end': () => {
        set({ concurrent_requests: 1 });
        const first = asked();
        stage.yes(first.goesOn);
        known.now.slots = '';
        const second = asked();
        stage.yes(refusal(second).message.indexOf('at once') > 0);
        after(second);    // a refused one gives back what it took
        stage.same(slots.count('ada'), 1);
        known.now.slots = '\nada';
        after(first);
        stage.yes(asked().goesOn);
    },
    'tokens in a minute, charged when they are known': () => {
        set({ tokens_per_minute: 100 });
        const r = asked();
        stage.same(r.headersOut['x-ratelimit-remaining-tokens'], '100');
        limits.charge('ada', 'free', 60);
        stage.yes(asked().goesOn);
        limits.charge('ada', 'free', 60);
        const late = asked(), error = refusal(late);
        stage.same([error.code, error.type], ['rate_limit_exceeded', 'tokens']);
    },
    'a budget that is spent is told as one, and not to be tried again': () => {
        set({ token_budget: 100 });
        limits.charge('ada', 'free', 100);
        const r = asked(), error = refusal(r);
        stage.same([error.code, error.type, r.headersOut['x-should-retry']], ['insufficient_quota', 'insufficient_quota', 'false']);
        stage.same([r.headersOut['x-ratelimit-limit-tokens'], r.headersOut['x-ratelimit-remaining-tokens']], ['100', '0']);
    },
    'a model\'s own bound is told with its name, and holds for that model only': () => {
        set({ requests_per_minute: 100 }, { requests_per_minute: 1, token_budget: 50 });
        stage.yes(asked('dear').goesOn);
        stage.yes(refusal(asked('dear')).message.indexOf('with dear') > 0);
        stage.yes(asked('free').goesOn);
        limits.charge('ada', 'dear', 50);
        stage.same(refusal(asked('dear')).code, 'insufficient_quota');
        stage.yes(asked('free').goesOn);
        stage.same([ngx.shared.used.get('ada'), ngx.shared.used.get('ada dear')], [50, 50]);
    },
    'of two bounds the headers tell the nearer one': () => {
        set({ requests_per_minute: 100 }, { requests_per_minute: 5 });
        stage.same(asked('dear').headersOut['x-ratelimit-remaining-requests'], '4');
    },
    'whichever it is': () => {
        set({ requests_per_minute: 5 }, { requests_per_minute: 100 });
        stage.same(asked('dear').headersOut['x-ratelimit-remaining-requests'], '4');
    },
    'somebody who was removed while asking is charged all the same': () => {
        stage.set({ callers: {}, models: { free: { limits: null } } });
        limits.charge('ada', 'free', 7);
        stage.same(ngx.shared.used.get('ada'), 7);
    },
};
