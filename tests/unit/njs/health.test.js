// Which backends are up, as the gateway finds out by itself.
import backends from 'backends.js';
import health from 'health.js';
import slots from 'slots.js';
import stage from 'stage.js';

const ODD = 'x&y=1?#/ä %';

function backend(name, path) { return { drained: false, health: path, origin: `http://${name}_1`, host: `${name}:8000` }; }

function set() {
    stage.set({
        revision: 1, admin_port: 9901,
        backends: { tiny: backend('tiny', '/health'), slow: backend('slow', '/health'), [ODD]: backend('odd', '/api/version'), provider: backend('provider', null) },
    });
}

// All addresses that were asked; each is answered as `answers` says for its backend, in its stead with 200.
async function ticked(answers) {
    const asked = [];
    globalThis.ngx = {
        shared: ngx.shared,
        fetch: async url => {
            asked.push(url);
            const told = answers[decodeURIComponent(url.split('?')[1])] || [200, 'yes'];
            if (told instanceof Error) { throw told; }
            return { status: told[0], headers: { get: name => name === 'X-Connected' ? told[1] : null } };
        },
    };
    await health.tick();
    return asked.sort();
}

function probed(name) {
    const r = stage.request({ variables: { args: name } });
    health.probe(r);
    return r;
}

function states() { return ['tiny', 'slow', ODD, 'provider'].map(backends.state); }

export default {
    'each backend with a health check is asked, and no other': async () => {
        set();
        stage.same(await ticked({}), [ODD, 'slow', 'tiny'].map(name => `http://127.0.0.1:9901/probe?${encodeURIComponent(name)}`).sort());
    },
    'a question finds its backend, whatever that is called': async () => {
        set();
        await stage.each(await ticked({}), async url => {
            const name = decodeURIComponent(url.split('?')[1]), r = probed(url.split('?')[1]);
            stage.same([r.answer, r.variables.gw_url, r.variables.gw_host], [null, policy.backends[name].origin + policy.backends[name].health, policy.backends[name].host]);
        });
    },
    'what is no backend, or has no health check, is not asked': () => {
        set();
        ['', undefined, 'nobody', 'provider', '__proto__', 'constructor', 'tiny%00', 'tiny&x'].forEach(name => {
            const r = probed(name);
            stage.same([name, r.answer === null ? null : r.answer.status, r.variables.gw_url], [name, 404, undefined]);
        });
    },
    'one that answers is up, whatever it thinks of the question': async () => {
        await stage.each([200, 204, 301, 401, 404, 429, 499], async status => {
            set();
            ['tiny', 'slow', ODD].forEach(backends.markDown);
            await ticked({ tiny: [status, 'yes'] });
            stage.same([status, backends.state('tiny')], [status, 'up']);
        });
    },
    'one that can not be reached is down, and no other': async () => {
        await stage.each([500, 502, 504], async status => {
            set();
            await ticked({ tiny: [status, null] });
            stage.same([status, states()], [status, ['down', 'up', 'up', 'up']]);
            await ticked({ tiny: [status, ''] });
            stage.same(backends.state('tiny'), 'down');
        });
    },
    'one that says it is unwell is down': async () => {
        set();
        await ticked({ [ODD]: [503, 'yes'] });
        stage.same(states(), ['up', 'up', 'down', 'up']);
    },
    'one that is slow to answer stays what it was': async () => {
        await stage.each([500, 502, 504], async status => {
            set();
            backends.markDown('slow');
            await ticked({ tiny: [status, 'yes'], slow: [status, 'yes'] });
            stage.same([status, states()], [status, ['up', 'down', 'up', 'up']]);
        });
    },
    'a question that could not be put says nothing of the backend, and keeps no other from being asked': async () => {
        set();
        ['slow', ODD].forEach(backends.markDown);
        let problem = null;
        try { await ticked({ tiny: new Error('no connection is free') }); } catch (e) { problem = e; }
        await null;
        stage.same([problem.message, states()], ['no connection is free', ['up', 'up', 'up', 'up']]);
    },
    'one that has no health check stays down as long as it was marked': async () => {
        set();
        backends.markDown('provider');
        await ticked({});
        stage.same(backends.state('provider'), 'down');
    },
    'what a killed worker held is given back': async () => {
        set();
        ngx.shared.slots.set('ada', 1);
        ngx.shared.held.set('dead', '4194305\nada');
        await ticked({});
        stage.same([slots.count('ada'), ngx.shared.held.get('dead')], [0, undefined]);
    },
};
