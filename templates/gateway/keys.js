// API keys: how they are spelt and hashed. The same rules as orchestrator/keys.py; tests/vectors/keys.json holds both together.
import crypto from 'crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const PREFIX = 'ws-';
const BODY = 24;
const CHECK = 2;
const MODULUS = 1021;

function normalise(key) {
    const text = key.trim().toLowerCase();
    if (!text.startsWith(PREFIX)) { return text; }
    const digits = text.slice(PREFIX.length).split('-').join('');    // much faster than a pattern, and every key has hyphens
    if (!/[ oil]/.test(digits)) { return PREFIX + digits; }
    return PREFIX + digits.replace(/ /g, '').replace(/o/g, '0').replace(/[il]/g, '1');
}

// Only keys with the prefix can have been mistyped: anything else is somebody else's key.
function isMistyped(key) {
    const text = normalise(key);
    return text.startsWith(PREFIX) && !isWellFormed(text.slice(PREFIX.length));
}

function isWellFormed(text) {
    if (text.length !== BODY + CHECK) { return false; }
    let value = 0;
    for (let i = 0; i < text.length; i++) {
        const digit = ALPHABET.indexOf(text[i]);
        if (digit < 0) { return false; }
        if (i < BODY) { value = (value * 32 + digit) % MODULUS; }
    }
    return text.slice(BODY) === ALPHABET[Math.floor(value / 32)] + ALPHABET[value % 32];
}

function fingerprint(key) {
    return crypto.createHash('sha256').update(normalise(key)).digest('hex');
}

// For what is shown or written down: somebody takes a key for a model, or for a part of an address.
function masked(text) {
    return text.length < PREFIX.length + BODY + CHECK ? text : text.replace(/ws(?:-|%2d)(?:[0-9a-z]|-|%2d){20,}/gi, 'ws-...');
}

// The beginning of a text of any length, likewise. What is left of a key that is cut in two is no longer seen as one.
function excerpt(text, most) {
    return masked(text.length <= most ? text : text.slice(0, most).replace(/ws(?:-|%2d)(?:[0-9a-z]|-|%)*$/i, 'ws-...'));
}

export default { fingerprint, isMistyped, masked, excerpt };
