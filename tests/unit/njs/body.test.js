// The request's body: one model, under one key, and every other byte as the client wrote it.
import body from 'body.js';
import stage from 'stage.js';

const ONCE = 'The body must have the key "model" once.';

function renamed(text, name) { return body.withModel(body.parse(text), name); }

function nested(depth) { return `{"x":${'['.repeat(depth)}{"model":"b"}${']'.repeat(depth)},"model":"a"}`; }

function withUsage(text) { return body.withUsage(text, body.parse(text)); }

export default {
    'what is not an object in JSON is refused in words': () => {
        ['', '{', 'null', '[]', '"model"', '7', '{"model":"a"}x', '{model:"a"}', "{'model':'a'}"].forEach(text => {
            stage.same([text, typeof body.parse(text)], [text, 'string']);
        });
    },
    'the model must be text': () => {
        ['{}', '{"model":null}', '{"model":1}', '{"model":["a"]}', '{"model":{"model":"a"}}', '{"MODEL":"a"}'].forEach(text => {
            stage.same([text, typeof body.parse(text)], [text, 'string']);
        });
    },
    'a second key that some server would take for the model is refused': () => {
        [
            '{"model":"a","model":"b"}',
            '{"model":"a","Model":"b"}',
            '{"MODEL":"b","model":"a"}',
            '{"model":"a","mod\\u0065l":"b"}',
            '{"\\u006dodel":"b","model":"a"}',
            '{"model":"a","\\u004dODEL":"b"}',
            '{"model" :"a", "mODEL"\n:"b"}',
        ].forEach(text => stage.same([text, body.parse(text)], [text, ONCE]));
    },
    'the name of the model in a value or further down is nobody\'s model': () => {
        [
            '{"model":"a","x":{"model":"b"}}',
            '{"x":[{"model":"b","Model":"c"}],"model":"a"}',
            '{"x":"\\"model\\":\\"b\\"","model":"a"}',
            '{"x":"\\\\","model":"a","y":"model"}',
            '{"x":"{\\"model\\":\\"b\\"}","model":"a"}',
            '{"x":"\\u0065","model":"a"}',
        ].forEach(text => {
            stage.same(body.parse(text).fields.model, 'a');
            const made = renamed(text, 'inside');
            stage.same(made, text.replace('"model":"a"', '"model":"inside"'));
            stage.same(JSON.parse(made).x, JSON.parse(text).x);
        });
    },
    'all bytes but the model stay as they were': () => {
        const text = '{ "seed":12345678901234567890, "t":1.0,\t"model" : "a\\"b" , "n":1e400, "s":"\\u00e9\ud83d\ude00" }';
        [text, text.replace('\\u00e9', 'e')].forEach(written => {
            stage.same(renamed(written, 'in"side').replace(/"model" ?: ?("in[^,]*side") ?,/, 'HERE,'), written.replace(/"model" : "a\\"b" ,/, 'HERE,'));
        });
    },
    'a model that has the same name there is not touched': () => {
        const text = '{"model" :\n"a"}';
        stage.same(renamed(text, 'a'), text);
    },
    'a name spelt with escapes is replaced as a whole': () => {
        stage.same(JSON.parse(renamed('{"model":"\\u0061\\"","x":1}', 'inside')), { model: 'inside', x: 1 });
        stage.same(JSON.parse(renamed('{"mod\\u0065l":"a","x":1}', 'inside')), JSON.parse('{"mod\\u0065l":"inside","x":1}'));
    },
    'a very long name is replaced too': () => {
        const long = 'x'.repeat(5000);
        stage.same(renamed(`{"model":"${long}","x":[1]}`, 'a').replace(/ /g, ''), '{"model":"a","x":[1]}');
    },
    'a large body that hides its model in escapes is refused without being gone through': () => {
        const text = `{"model":"a","x":"${'y'.repeat(1048576)}\\u0065"}`;
        stage.same(body.parse(text), 'A body of this size must spell the key "model" once.');
        stage.same(body.parse(text.replace('\\u0065', '')).fields.model, 'a');
    },
    'a model inside nested lists is nobody\'s': () => {
        const text = nested(29);
        stage.same(renamed(text, 'c'), text.replace('"model":"a"', '"model":"c"'));
    },
    'what is nested too deeply for the engine is refused, never half understood': () => {
        [31, 32, 33, 500, 100000].forEach(depth => {
            const text = nested(depth), parsed = body.parse(text);
            if (typeof parsed !== 'string') { stage.same(body.withModel(parsed, 'c'), text.replace('"model":"a"', '"model":"c"')); }
        });
    },
    'usage is asked for on the client\'s behalf': () => {
        const text = '{"model":"a","stream":true}';
        stage.yes(!body.wantsUsage(body.parse(text)));
        stage.same(JSON.parse(withUsage(text)), { model: 'a', stream: true, stream_options: { include_usage: true } });
    },
    'other stream options are kept': () => {
        stage.same(JSON.parse(withUsage('{"model":"a","stream_options":{"x":1,"include_usage":false},"y":2}')),
            { model: 'a', stream_options: { x: 1, include_usage: true }, y: 2 });
        stage.same(JSON.parse(withUsage('{"model":"a","stream_options":null}')), { model: 'a', stream_options: { include_usage: true } });
    },
    'of two such options the last one counts, as it does when it is read': () => {
        const made = withUsage('{"model":"a","stream_options":{"include_usage":true},"stream_options":{"x":1}}');
        stage.same(JSON.parse(made).stream_options, { x: 1, include_usage: true });
    },
    'a client that asks for usage itself is left alone': () => {
        stage.yes(body.wantsUsage(body.parse('{"model":"a","stream_options":{"include_usage":true}}')));
        stage.yes(!body.wantsUsage(body.parse('{"model":"a","stream_options":{"include_usage":false}}')));
        stage.yes(!body.wantsUsage(body.parse('{"model":"a","stream_options":null}')));
    },
};
