// What is under way.
import known from 'known.js';
import slots from 'slots.js';
import stage from 'stage.js';

function request(id) { return stage.request({ variables: { request_id: id } }); }

export default {
    'what a request took it gives back': () => {
        stage.set({});
        const r = request('1');
        stage.same([slots.take('ada'), slots.take('@tiny-1')], [1, 1]);
        slots.note(r);
        stage.same([slots.count('ada'), slots.count('@tiny-1'), slots.count('bob')], [1, 1, 0]);
        slots.giveAll(r);
        stage.same([slots.count('ada'), slots.count('@tiny-1'), ngx.shared.held.get('1')], [0, 0, undefined]);
    },
    'a request that took nothing gives nothing': () => {
        stage.set({});
        ngx.shared.slots.set('ada', 3);
        slots.giveAll(request('1'));
        stage.same(slots.count('ada'), 3);
    },
    'another backend instead of the last': () => {
        stage.set({});
        slots.take('ada');
        slots.take('@tiny-1');
        slots.giveLast();
        slots.take('@tiny-2');
        stage.same([slots.count('ada'), slots.count('@tiny-1'), slots.count('@tiny-2')], [1, 0, 1]);
        stage.same(known.now.slots, '\nada\n@tiny-2');
    },
    'what a killed worker held is given back, what a living one holds is not': () => {
        stage.set({});
        slots.take('ada');
        slots.note(request('mine'));
        ngx.shared.slots.incr('bob', 1, 0);
        ngx.shared.slots.incr('@tiny-1', 1, 0);
        ngx.shared.held.set('dead', '4194305\nbob\n@tiny-1');    // one above the highest number a process can have
        slots.reap();
        slots.reap();
        stage.same([slots.count('ada'), slots.count('bob'), slots.count('@tiny-1')], [1, 0, 0]);
    },
    'what is known of a request lives on in the next virtual machine': () => {
        stage.set({});
        const r = request('1');
        Object.assign(known.now, { caller: 'ada', via: '_webui', model: 'm', upstream: 'u', backend: 'b', attempts: 2, tried: '\nb\n' });
        slots.take('ada');
        slots.note(r);
        const before = JSON.stringify(known.now);
        Object.assign(known.now, { caller: '', via: '', model: '', upstream: '', backend: '', attempts: 0, tried: '\n', slots: '' });
        known.recall(request('2'));
        stage.same(known.now.caller, '');
        known.recall(r);
        stage.same(JSON.stringify(known.now), before);
    },
};
