// Every "no" has OpenAI's form and says why.
import refusal from 'refusal.js';
import stage from 'stage.js';

function fromNginx(status) {
    const r = stage.request({ variables: { status: status } });
    refusal.fromNginx(r);
    return r;
}

export default {
    'it has four members, and those that do not apply are null': () => {
        stage.same(JSON.parse(refusal.shape('no', 'x')), { error: { message: 'no', type: 'x', param: null, code: null } });
        stage.same(JSON.parse(refusal.shape('no "\u00e9\n', 'x', 'c', 'p')), { error: { message: 'no "\u00e9\n', type: 'x', param: 'p', code: 'c' } });
    },
    'its code is remembered for the log': () => {
        stage.same(refusal.lastCode(), null);
        const r = stage.request();
        refusal.refuse(r, 403, 'permission_error', 'event_closed', 'over');
        stage.same(stage.refused(r, 403), { message: 'over', type: 'permission_error', param: null, code: 'event_closed' });
        stage.same(refusal.lastCode(), 'event_closed');
    },
    'only a 401 tells how to prove oneself': () => {
        [[401, 'Bearer'], [403, undefined], [429, undefined]].forEach(pair => {
            const r = stage.request();
            refusal.refuse(r, pair[0], 'x', 'c', 'no');
            stage.same([r.headersOut['WWW-Authenticate']], [pair[1]]);
        });
    },
    'nginx\'s own errors get the same form': () => {
        [400, 404, 405, 408, 411, 413, 414, 415, 429, 431].forEach(status => {
            stage.same(stage.refused(fromNginx(String(status)), status).type, 'invalid_request_error');
        });
        [500, 501, 502, 503, 504].forEach(status => {
            stage.same(stage.refused(fromNginx(String(status)), status).type, 'server_error');
        });
    },
    'an error without a status is a 500': () => {
        ['', '000', undefined].forEach(status => stage.same(stage.refused(fromNginx(status), 500).code, 'http_500'));
    },
    'a body that is too large is told its bound': () => {
        stage.yes(stage.refused(fromNginx('413'), 413).message.indexOf('32 MB') > 0);
    },
};
