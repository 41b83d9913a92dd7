// Changes on the running gateway: they count while they are newer than the file.
import live from 'live.js';
import stage from 'stage.js';

function set(revision) {
    stage.set({
        revision: revision,
        keys: { old: 'ada' }, emails: { 'ada@x.org': 'ada' }, callers: { ada: { models: {} } },
        backends: { 'tiny-1': { drained: false }, 'tiny-2': { drained: true } },
    });
}

export default {
    'without a change the file says what is': () => {
        set(5);
        stage.same(live.current('keys', 'old'), 'ada');
        stage.same([live.current('keys', 'other'), live.current('keys', '__proto__')], [undefined, undefined]);
        stage.same([live.isDrained('tiny-1'), live.isDrained('tiny-2')], [false, true]);
        stage.yes(!live.anyChange(false));
    },
    'a newer change takes away and gives': () => {
        set(5);
        live.apply({ revision: 6, keys: { old: null, fresh: 'ada' }, emails: { 'bob@x.org': 'bob' }, callers: { bob: { models: {} } }, drained: { 'tiny-1': true, 'tiny-2': false } });
        stage.yes(live.anyChange(true));
        stage.same([live.current('keys', 'old'), live.current('keys', 'fresh')], [undefined, 'ada']);
        stage.same([live.current('emails', 'bob@x.org'), live.current('callers', 'bob')], ['bob', { models: {} }]);
        stage.same([live.isDrained('tiny-1'), live.isDrained('tiny-2')], [true, false]);
        stage.same(live.current('emails', 'ada@x.org'), 'ada');
    },
    'a change as old as the file, or older, counts no more': () => {
        [5, 4, 0].forEach(revision => {
            set(5);
            live.apply({ revision: revision, keys: { old: null }, drained: { 'tiny-1': true } });
            stage.yes(!live.anyChange(true));
            stage.same([live.current('keys', 'old'), live.isDrained('tiny-1')], ['ada', false]);
        });
    },
    'an older change does not come back with a newer one': () => {
        set(5);
        live.apply({ revision: 4, keys: { old: null } });
        live.apply({ revision: 6, keys: { fresh: 'ada' } });
        stage.yes(live.anyChange(true));
        stage.same(live.current('keys', 'old'), 'ada');
    },
    'changes that arrive in the wrong order leave the newest revision': () => {
        set(5);
        live.apply({ revision: 8, keys: { a: 'ada' } });
        live.apply({ revision: 7, keys: { b: 'ada' } });
        stage.same([live.current('keys', 'a'), live.current('keys', 'b')], ['ada', 'ada']);
        stage.same(ngx.shared.changes.get('newest'), '8');
    },
    'guests who are in no file have the highest revision': () => {
        set(9007199254740990);
        live.apply({ revision: 9007199254740991, seconds: 60, keys: { guest: '_rehearse-1' }, callers: { '_rehearse-1': { models: {} } } });
        stage.same(live.current('keys', 'guest'), '_rehearse-1');
    },
};
