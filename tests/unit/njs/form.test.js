// Forms, as audio comes in: taken apart, looked at, and put together so that there is nothing left to misread.
import form from 'form.js';
import stage from 'stage.js';

const TYPE = 'multipart/form-data; boundary=MARK';

function part(head, value) { return `--MARK\r\n${head}\r\n\r\n${value}\r\n`; }

function field(name, value) { return part(`Content-Disposition: form-data; name="${name}"`, value); }

const SOUND = part('Content-Disposition: form-data; name="file"; filename="a b\u00e9.wav"\r\nContent-Type: audio/wav', '\x00--MARK\x01');

function parsed(parts, type) { return form.parse(Buffer.from(parts), type || TYPE); }

function names(one) { return one.parts.map(each => each.name); }

export default {
    'a form has its fields and its file': () => {
        const one = parsed(`${field('model', 'whisper')}${SOUND}${field('language', 'pl')}--MARK--\r\n`);
        stage.same(names(one), ['model', 'file', 'language']);
        stage.same(one.fields, { model: 'whisper', language: 'pl' });
    },
    'the backend gets the same form with its own model': () => {
        const one = parsed(`${field('model', 'whisper')}${SOUND}--MARK--\r\n`);
        const made = form.withModel(one, 'inside').toString();
        stage.same(made, `${field('model', 'inside')}--MARK\r\nContent-Disposition: form-data; name="file"; filename="a_b_.wav"\r\n` +
            'Content-Type: audio/wav\r\n\r\n\x00--MARK\x01\r\n--MARK--\r\n');
    },
    'every byte of a file stays': () => {
        const bytes = [];
        for (let i = 0; i < 256; i++) { bytes.push(i); }
        const head = 'Content-Disposition: form-data; name="file"; filename="a"';
        const data = Buffer.concat([Buffer.from(`${field('model', 'm')}--MARK\r\n${head}\r\n\r\n`), Buffer.from(bytes), Buffer.from('\r\n--MARK--\r\n')]);
        const made = form.withModel(form.parse(data, TYPE), 'm');
        stage.yes(made.indexOf(Buffer.from(bytes)) > 0);
        stage.same(made.length, data.length);
    },
    'a quoted boundary is understood': () => {
        stage.same(parsed(`${field('model', 'm')}--MARK--`, 'multipart/form-data; charset=x; boundary="MARK"').fields.model, 'm');
    },
    'what is no form is refused in words': () => {
        [
            ['', TYPE],
            ['{"model":"m"}', 'application/json'],
            [`${field('model', 'm')}--MARK--`, 'multipart/form-data'],
            [`preamble\r\n${field('model', 'm')}--MARK--`, TYPE],
            [field('model', 'm'), TYPE],
            ['--MARK--\r\n', TYPE],
            [`--MARK\r\nno headers--MARK--`, TYPE],
            [`${part('Content-Type: text/plain', 'm')}--MARK--`, TYPE],
            [`${field('model', '')}--MARK--`, TYPE],
            [`${field('language', 'pl')}--MARK--`, TYPE],
            [`${field('a b', 'x')}${field('model', 'm')}--MARK--`, TYPE],
        ].forEach(pair => stage.same([pair[0], typeof parsed(pair[0], pair[1])], [pair[0], 'string']));
    },
    'a boundary that a backend may read as another one is refused': () => {
        ['a\\\\b', 'a\\b', 'a\u00e9', 'a@'].forEach(mark => {
            const body = `${field('model', 'm')}--MARK--`.split('MARK').join(mark);
            stage.same([mark, typeof parsed(body, `multipart/form-data; boundary=${mark}`)], [mark, 'string']);
        });
    },
    'two models are refused, however they are spelt': () => {
        [['model', 'model'], ['model', 'Model'], ['MODEL', 'model']].forEach(pair => {
            const problem = parsed(`${field(pair[0], 'a')}${field(pair[1], 'b')}--MARK--`);
            stage.same([pair, problem], [pair, 'The body must have the field "model" once.']);
        });
    },
    'a file that calls itself the model reaches no backend with another name': () => {
        const file = part('Content-Disposition: form-data; name="Model"; filename="x"', 'secret-model');
        [`${file}${field('model', 'a')}--MARK--`, `${field('model', 'a')}${file}--MARK--`].forEach(body => {
            const one = parsed(body);
            if (typeof one !== 'string') { stage.same(form.withModel(one, 'inside').indexOf('secret-model'), -1); }
        });
    },
    'a header that is hidden in a part does not come out again': () => {
        const sly = part('Content-Disposition: form-data; name="file"; filename="a\\"; name=\\"model"\r\nX-Other: 1', 'x');
        const one = parsed(`${sly}${field('model', 'a')}--MARK--`);
        if (typeof one !== 'string') {
            const made = form.withModel(one, 'inside').toString();
            stage.same([made.indexOf('X-Other'), made.split('name="model"').length], [-1, 2]);
        }
    },
    'a thousand parts are too many': () => {
        stage.same(typeof parsed(`${field('x', '1').repeat(1000)}${field('model', 'a')}--MARK--`), 'string');
    },
};
