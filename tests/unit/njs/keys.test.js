// The spelling of keys; the program's own tests read the same vectors.
import keys from 'keys.js';
import stage from 'stage.js';
import vectors from 'vectors.js';

const KEY = 'ws-p5a2-hk2t-6n30-1n15-9jx8-c6b6-rb';

export default {
    'every spelling has the fingerprint that the program gives it': () => {
        stage.yes(vectors.length > 20);
        vectors.forEach(vector => stage.same([vector.input, keys.fingerprint(vector.input)], [vector.input, vector.sha256]));
    },
    'only a key of ours that is not well formed was mistyped': () => {
        vectors.forEach(vector => {
            const ours = vector.normalised.startsWith('ws-');
            stage.same([vector.input, keys.isMistyped(vector.input)], [vector.input, ours && !vector.well_formed]);
        });
    },
    'in what is told a key is masked, in every spelling, and nothing else': () => {
        [KEY, KEY.toUpperCase(), KEY.replace(/-/g, '%2d'), KEY.replace(/-/g, '').replace('ws', 'ws-')].forEach(key => {
            stage.same(keys.masked(`a ${key} b ${key}`), 'a ws-... b ws-...');
        });
        ['ws-tiny', 'a model that is called ws-tiny-llama', 'news-of-models', `sk-${'a'.repeat(40)}`].forEach(text => stage.same(keys.masked(text), text));
    },
    'of a long text the beginning is told, and of keys nothing, wherever it is cut': () => {
        stage.same(keys.excerpt('b'.repeat(9), 9), 'b'.repeat(9));
        stage.same(keys.excerpt('b'.repeat(10), 9), 'b'.repeat(9));
        stage.same([keys.excerpt('a ws-tiny', 9), keys.excerpt(KEY, 99)], ['a ws-tiny', 'ws-...']);
        [KEY, KEY.toUpperCase(), KEY.replace(/-/g, '%2D')].forEach(key => {
            const text = `${key} `.repeat(3);
            for (let most = 0; most < text.length; most++) {
                stage.same([most, /ws(-|%2d)[^.]/i.test(keys.excerpt(text, most))], [most, false]);
            }
        });
    },
};
