// The answer on its way back.
import answer from 'answer.js';
import refusal from 'refusal.js';
import stage from 'stage.js';
import usage from 'usage.js';

const EVENT = 'data: {"choices":[{"delta":{"content":"\u00e9"}}],"usage":null}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
const DONE = 'data: [DONE]\n\n';

function passed(pieces, fields) {
    const r = stage.request(Object.assign({ variables: { request_time: '0.125' } }, fields));
    stage.set({ revision: 1, keys: {}, callers: {}, emails: {} });
    answer.head(r);
    pieces.forEach((piece, number) => answer.body(r, Buffer.from(piece), { last: number === pieces.length - 1 }));
    return r;
}

function text(r) { return r.sent.map(one => one.data).join(''); }

function error(status, body) {
    answer.expect('chat', false);
    const r = passed([body.slice(0, 5), body.slice(5)], { status: status, headersOut: { 'Content-Type': 'text/html', 'Content-Length': '7', 'WWW-Authenticate': 'Basic' } });
    stage.same([r.headersOut['Content-Type'], r.headersOut['Content-Length'], r.headersOut['WWW-Authenticate']], ['application/json', undefined, undefined]);
    const found = JSON.parse(text(r)).error;
    stage.same(Object.keys(found).sort(), ['code', 'message', 'param', 'type']);
    return Object.assign(found, { status: r.status });
}

export default {
    'an answer passes as it is': () => {
        answer.expect('chat', false);
        stage.same(text(passed([EVENT, USAGE, DONE])), EVENT + USAGE + DONE);
        stage.same(usage.settle('chat', () => ''), { prompt: 1, completion: 2, estimated: false });
        stage.same([answer.isBilled(), answer.timeToFirstByte()], [true, 0.125]);
    },
    'a usage event that nobody asked for is hidden, and counted': () => {
        answer.expect('chat', true);
        stage.same(text(passed([EVENT, USAGE, DONE, ''], { headersOut: { 'Content-Length': '9' } })), EVENT + DONE);
        stage.same(usage.settle('chat', () => '').completion, 2);
    },
    'it is hidden however the pieces are cut': () => {
        const whole = EVENT + EVENT + USAGE + DONE;
        for (let size = 1; size < 40; size++) {
            answer.expect('chat', true);
            const pieces = [];
            for (let at = 0; at < whole.length; at += size) { pieces.push(whole.slice(at, at + size)); }
            stage.same(text(passed(pieces.concat(['']))), EVENT + EVENT + DONE);
        }
    },
    'an event goes out as soon as it is whole': () => {
        answer.expect('chat', true);
        const r = passed([EVENT + EVENT.slice(0, 9), EVENT.slice(9) + USAGE, DONE, '']);
        stage.same(r.sent.map(one => one.data), [EVENT, EVENT, DONE, '']);
    },
    'with CRLF too': () => {
        answer.expect('chat', true);
        const made = text(passed([EVENT + USAGE + DONE, ''].map(piece => piece.replace(/\n/g, '\r\n'))));
        stage.same([made.indexOf('prompt_tokens'), made.indexOf('[DONE]') > 0], [-1, true]);
    },
    'what a model says about usage is not hidden': () => {
        const event = `data: ${JSON.stringify({ choices: [{ delta: { content: '"choices":[],"usage":{"prompt_tokens":1}' } }] })}\n\n`;
        answer.expect('chat', true);
        stage.same(text(passed([event, ''])), event);
    },
    'a backend\'s error gets OpenAI\'s form': () => {
        stage.same(error(400, '{"error":{"message":"too long","type":"x","code":"c","param":"p"}}'), { message: 'too long', type: 'x', param: 'p', code: 'c', status: 400 });
    },
    'FastAPI\'s form is read': () => {
        const found = error(422, '{"detail":[{"loc":1}]}');
        stage.same([found.message, found.type, found.code], ['[{"loc":1}]', 'invalid_request_error', null]);
    },
    'one in words of its own too': () => {
        stage.same(error(404, '{"error":"no such model"}').message, 'no such model');
    },
    'HTML is not passed on': () => {
        const found = error(500, '<html>secret path</html>');
        stage.same([found.message, found.type, found.status], ['The model server answered 500.', 'server_error', 500]);
        stage.yes(!answer.isBilled());
    },
    'that the gateway\'s own key was refused is not the participant\'s business': () => {
        const found = error(401, '{"error":{"message":"bad key sk-provider"}}');
        stage.same([found.status, found.code, found.message.indexOf('sk-')], [502, 'backend_auth_failed', -1]);
    },
    'a refusal of the gateway is left as it is': () => {
        const r = stage.request({ variables: {} });
        refusal.refuse(r, 429, 'requests', 'rate_limit_exceeded', 'no');
        answer.head(r);
        answer.body(r, Buffer.from(r.answer.body), { last: true });
        stage.same(text(r), r.answer.body);
        stage.yes(!answer.isBilled());
    },
};
