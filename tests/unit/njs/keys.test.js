// The spelling of keys; the program's own tests read the same vectors.
import keys from 'keys.js';
import stage from 'stage.js';
import vectors from 'vectors.js';

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
};
