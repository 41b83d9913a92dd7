// Which backend answers.
import backends from 'backends.js';
import live from 'live.js';
import stage from 'stage.js';

function set() {
    const servers = names => names.map(name => ({ backend: name, origin: `http://${name}` }));
    const all = {};
    ['a1', 'a2', 'a3', 'b1'].forEach(name => { all[name] = { drained: false }; });
    stage.set({
        revision: 1, backends: all,
        upstreams: { a: { name: 'a', native: true, servers: servers(['a1', 'a2', 'a3']) }, b: { name: 'b', native: false, servers: servers(['b1']) } },
    });
}

function chosen(balance, more) {
    const asked = Object.assign({ native: false, tried: '\n', who: 'p01', fields: {} }, more);
    const target = backends.choose({ upstreams: ['a', 'b'], balance: balance }, asked.native, asked.tried, asked.who, asked.fields);
    return target === null ? null : target.server.backend;
}

function busy(name, count) { ngx.shared.slots.set(`@${name}`, count); }

export default {
    'the one with the least under way': () => {
        set();
        busy('a1', 2);
        busy('a3', 1);
        stage.same(chosen('least_connections'), 'a2');
        busy('a2', 5);
        stage.same(chosen('least_connections'), 'a3');
    },
    'of equals not always the same': () => {
        set();
        const seen = {};
        for (const end = Date.now() + 1000; Object.keys(seen).length < 3 && Date.now() < end;) { seen[chosen('least_connections')] = true; }
        stage.same(Object.keys(seen).sort(), ['a1', 'a2', 'a3']);
    },
    'a participant stays with one, and people are spread': () => {
        set();
        const seen = {};
        for (let i = 0; i < 60; i++) {
            const first = chosen('participant', { who: `p${i}` });
            stage.same(chosen('participant', { who: `p${i}` }), first);
            seen[first] = (seen[first] || 0) + 1;
        }
        stage.same(Object.keys(seen).sort(), ['a1', 'a2', 'a3']);
        stage.yes(Object.keys(seen).every(name => seen[name] >= 8), JSON.stringify(seen));
    },
    'when one goes only its own people move': () => {
        set();
        const before = {};
        for (let i = 0; i < 60; i++) { before[i] = chosen('participant', { who: `p${i}` }); }
        backends.markDown('a2');
        for (let i = 0; i < 60; i++) {
            const now = chosen('participant', { who: `p${i}` });
            stage.yes(now !== 'a2' && (before[i] === 'a2' || now === before[i]));
        }
    },
    'a prompt goes where its beginning is known, until that is more than its share': () => {
        set();
        const fields = { messages: [{ role: 'system', content: 'long' }, { role: 'user', content: 'first' }] };
        const longer = { messages: fields.messages.concat([{ role: 'assistant', content: 'x' }, { role: 'user', content: 'second' }]) };
        const home = chosen('prompt', { fields: fields });
        stage.same(chosen('prompt', { fields: longer }), home);
        busy(home, 9);
        stage.yes(chosen('prompt', { fields: fields }) !== home);
        ['a1', 'a2', 'a3'].forEach(name => busy(name, 9));
        stage.same(chosen('prompt', { fields: fields }), home);
    },
    'any form of a prompt can be looked at': () => {
        set();
        [{}, { prompt: 'x' }, { prompt: ['a', 'b'] }, { input: [[1, 2]] }, { messages: 7 }, { messages: null }, { input: { a: 1 } }].forEach(fields => {
            stage.yes(chosen('prompt', { fields: fields }) !== null);
        });
    },
    'one that is down, drained or tried is passed over': () => {
        set();
        backends.markDown('a1');
        live.apply({ revision: 2, drained: { a2: true } });
        stage.same(chosen('least_connections'), 'a3');
        stage.same(chosen('least_connections', { tried: '\na3\n' }), 'b1');
        stage.same(['a1', 'a2', 'a3'].map(backends.state), ['down', 'drained', 'up']);
        backends.markUp('a1');
        stage.same(backends.state('a1'), 'up');
    },
    'the next group only when the first has none': () => {
        set();
        stage.same(chosen('participant', { tried: '\na1\na2\n' }), 'a3');
        stage.same(chosen('participant', { tried: '\na1\na2\na3\n' }), 'b1');
        stage.same(chosen('participant', { tried: '\na1\na2\na3\nb1\n' }), null);
    },
    'when all are down one is tried all the same, and only one': () => {
        set();
        ['a1', 'a2', 'a3', 'b1'].forEach(backends.markDown);
        stage.same(chosen('least_connections'), 'a1');
        stage.same(chosen('least_connections', { tried: '\na1\n' }), null);
    },
    'a drained one is not even the last hope': () => {
        set();
        live.apply({ revision: 2, drained: { a1: true, a2: true, a3: true, b1: true } });
        stage.same(chosen('least_connections'), null);
    },
    'Ollama\'s own routes go to Ollama only': () => {
        set();
        stage.same(chosen('least_connections', { native: true, tried: '\na1\na2\na3\n' }), null);
    },
};
