// The admin port: what it tells, and what it is told.
import admin from 'admin.js';
import backends from 'backends.js';
import live from 'live.js';
import stage from 'stage.js';

function set() {
    stage.set({
        revision: 5, models: { tiny: { label: 'model="tiny"' } },
        callers: { ada: { models: {} }, bob: { models: {} } }, keys: { hash: 'ada' }, emails: { 'ada@x.org': 'ada' },
        backends: { 'tiny-1': { drained: false, health: null }, 'tiny-2': { drained: true, health: null } },
    });
}

function told(what) {
    const r = stage.request();
    admin[what](r);
    stage.same([r.answer.status, r.headersOut['Content-Type']], [200, 'application/json']);
    return JSON.parse(r.answer.body);
}

async function posted(what, body, method) {
    const r = stage.request({ method: method || 'POST', sends: typeof body === 'string' ? body : JSON.stringify(body) });
    await admin[what](r);
    return r.answer;
}

async function refused(what, body, words) {
    const answer = await posted(what, body);
    stage.same([body, answer.status, answer.body], [body, 400, `${words}\n`]);
}

export default {
    'everybody\'s tokens and requests under way are told': () => {
        set();
        ngx.shared.used.set('ada', 12);
        ngx.shared.used.set('ada tiny', 5);
        ngx.shared.slots.set('ada', 2);
        stage.same(told('counters'), { ada: { tokens: 12, in_flight: 2 }, bob: { tokens: 0, in_flight: 0 } });
    },
    'the backends\' states are told': () => {
        set();
        ngx.shared.slots.set('@tiny-1', 3);
        ngx.shared.slots.set('tiny-2', 9);    // a caller's
        stage.same(told('states'), { 'tiny-1': { state: 'up', in_flight: 3 }, 'tiny-2': { state: 'drained', in_flight: 0 } });
        backends.markDown('tiny-1');
        stage.same(told('states')['tiny-1'].state, 'down');
    },
    'what Prometheus reads is there': () => {
        set();
        const r = stage.request();
        admin.metrics(r);
        stage.yes(r.answer.body.indexOf('workshop_backend_state{backend="tiny-2"} 2\n') > 0);
    },
    'counters can be set, for those who are named': async () => {
        set();
        ngx.shared.used.set('ada', 9);
        ngx.shared.used.set('bob', 7);
        stage.same((await posted('tokens', { ada: 3, 'ada tiny': 0 })).status, 204);
        stage.same(['ada', 'ada tiny', 'bob'].map(id => ngx.shared.used.get(id)), [3, 0, 7]);
        stage.same((await posted('tokens', {})).status, 204);
    },
    'counters that are no numbers are refused, and none is set': async () => {
        await stage.each(['7', null, true, [1], {}], async value => {
            set();
            await refused('tokens', { ada: 3, bob: value }, 'expected numbers');
            stage.same(ngx.shared.used.get('ada'), undefined);
        });
    },
    'a change holds at once': async () => {
        set();
        const changes = { revision: 6, keys: { hash: null, other: 'eve' }, callers: { eve: { models: { tiny: true } } }, drained: { 'tiny-2': false } };
        stage.same((await posted('changes', changes)).status, 204);
        stage.yes(live.anyChange(true));
        stage.same([live.current('keys', 'hash'), live.current('keys', 'other')], [undefined, 'eve']);
        stage.same(live.current('callers', 'eve'), { models: { tiny: true } });
        stage.same(told('states')['tiny-2'].state, 'up');
    },
    'a change without a revision, which would count for ever or never, is refused': async () => {
        set();
        await stage.each([undefined, null, '6', true, [6], {}], async revision => {
            await refused('changes', { revision: revision, keys: { hash: null } }, 'revision is missing');
        });
        stage.same(ngx.shared.changes.items(9), []);
    },
    'what does not fit is said, for then the files must be loaded': async () => {
        set();
        globalThis.ngx = { shared: { changes: { get: () => undefined, set: () => { throw new Error(''); } } } };    // nginx's has no words
        stage.same(await posted('changes', { revision: 6, keys: { hash: null } }), { status: 507, body: 'there is no room: load the files\n' });
    },
    'what is no object is refused': async () => {
        set();
        await stage.each(['tokens', 'changes'], async what => {
            await stage.each(['', '{', 'null', '7', '"x"', '[]', '[7]', 'true'], async body => { await refused(what, body, 'expected a JSON object'); });
        });
        stage.same([ngx.shared.used.items(9), ngx.shared.changes.items(9)], [[], []]);
    },
    'only POST changes anything': async () => {
        await stage.each(['GET', 'PUT', 'DELETE', 'HEAD'], async method => {
            set();
            stage.same([(await posted('tokens', { ada: 3 }, method)).status, (await posted('changes', { revision: 6 }, method)).status], [405, 405]);
            stage.same([ngx.shared.used.get('ada'), ngx.shared.changes.items(9)], [undefined, []]);
        });
    },
};
