// Tokens, read from an answer as it passes.
import stage from 'stage.js';
import usage from 'usage.js';

function settled(pieces, mark, kind, request) {
    pieces.forEach(piece => usage.read(typeof piece === 'string' ? Buffer.from(piece) : piece, mark || 'data:'));
    return usage.settle(kind || 'chat', () => request || '');
}

function counted(prompt, completion) { return { prompt: prompt, completion: completion, estimated: false }; }

function guessed(prompt, completion) { return { prompt: prompt, completion: completion, estimated: true }; }

const EVENT = 'data: {"choices":[{"delta":{"content":"word"}}]}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}}\n\n';

export default {
    'an answer in one piece': () => {
        stage.same(settled(['{"choices":[],"usage":{"prompt_tokens": 3, "completion_tokens" :4}}']), counted(3, 4));
    },
    'the usage event of a stream': () => {
        stage.same(settled([EVENT, EVENT, USAGE, 'data: [DONE]\n\n']), counted(12, 34));
    },
    'a stream that comes byte by byte': () => {
        stage.same(settled((EVENT + USAGE).split('')), counted(12, 34));
    },
    'a stream that is cut anywhere': () => {
        for (let at = 1; at < USAGE.length; at++) {
            const event = USAGE.replace('":12', `":${1000 + at}`).replace('":34', `":${2000 + at}`);    // those before must not help
            stage.same(settled([event.slice(0, at), event.slice(at)]), counted(1000 + at, 2000 + at));
        }
    },
    'Anthropic\'s form, whose figures grow': () => {
        stage.same(settled([
            'event: message_start\ndata: {"message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n',
            'event: message_delta\ndata: {"usage":{"output_tokens":20}}\n\n',
        ]), counted(9, 20));
    },
    'Ollama\'s form': () => {
        stage.same(settled(['{"done":false}\n', '{"done":true,"prompt_eval_count":5,"eval_count":6}\n'], '\n', 'native'), counted(5, 6));
    },
    'an embedding has a prompt only': () => {
        stage.same(settled(['{"data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}'], 'data:', 'embeddings'), counted(8, 0));
    },
    'what a model writes about usage is not believed': () => {
        const text = JSON.stringify({ choices: [{ message: { content: '"usage":{"prompt_tokens":1,"completion_tokens":999999}' } }], usage: { prompt_tokens: 2, completion_tokens: 3 } });
        stage.same(settled([text]), counted(2, 3));
        const lie = JSON.stringify({ choices: [{ delta: { content: '"completion_tokens":999999' } }] });
        stage.yes(settled([`data: ${lie}\n\n`]).completion !== 999999);
    },
    'what a caller had repeated beside the figures is not believed': () => {
        const lies = ['{"input_tokens":"0","output_tokens":"x"}', '{"input_tokens":0,"output_tokens":0}', '{"output_tokens":{"type":"integer"}}', '{"input_tokens":-1,"output_tokens":-9}'];
        let count = 0;
        const figures = () => { count += 10; return `"usage":{"input_tokens":${count},"output_tokens":${count + 1}}`; };    // those before must not help
        lies.forEach(lie => {
            stage.same(settled([`{"metadata":${lie},${figures()}}`]), counted(count, count + 1));
            stage.same(settled([`{${figures()},"metadata":${lie}}`]), counted(count, count + 1));
            stage.same(settled([`{${figures()}`, `,"metadata":${lie}}`]), counted(count, count + 1));
        });
    },
    'nobody is given tokens': () => {
        stage.same(settled(['{"tools":[{"input_tokens":-7,"output_tokens":-8}]}'], 'data:', 'responses', 'xxxx'), guessed(1, 13));
    },
    'what came behind the last figure of an answer that was cut off is estimated': () => {
        usage.read(Buffer.from('event: message_start\ndata: {"message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'), 'data:');
        usage.read(Buffer.from('data: {"delta":{}}\n\n'.repeat(5)), 'data:');
        stage.same(usage.settle('messages', () => '', true), guessed(9, 6));
        stage.same(usage.settle('messages', () => '', false), counted(9, 1));
    },
    'an answer that was left behind its usage is counted': () => {
        [EVENT, EVENT, USAGE, 'data: [DONE]\n\n'].forEach(piece => usage.read(Buffer.from(piece), 'data:'));
        stage.same(usage.settle('chat', () => '', true), counted(12, 34));
    },
    'without figures each event is about a token, and four bytes of the question': () => {
        stage.same(settled([EVENT, EVENT, EVENT], 'data:', 'chat', 'x'.repeat(41)), guessed(11, 3));
    },
    'without figures and events four bytes of the answer are a token': () => {
        stage.same(settled(['{"choices":[]}..'], 'data:', 'chat', 'xxxx'), guessed(1, 4));
    },
    'a picture in the question is not charged as text': () => {
        stage.same(settled([EVENT], 'data:', 'chat', `{"url":"data:image/png;base64,${'A'.repeat(4000)}"}`), guessed(2, 1));
    },
    'sound and pictures in the answer are no tokens': () => {
        stage.same(settled(['\x00\x01'.repeat(500)], 'data:', 'speech', 'xxxx'), guessed(1, 0));
        stage.same(settled(['{"data":[]}'], 'data:', 'image', ''), guessed(0, 0));
    },
    'figures are read across pieces of UTF-8 that are cut inside a character': () => {
        const bytes = Buffer.from(`data: {"choices":[{"delta":{"content":"\u017c\u00f3\u0142\u0107"}}]}\n\n${USAGE}`);
        const half = bytes.indexOf(Buffer.from('\u0142')) + 1;
        stage.same(settled([bytes.subarray(0, half), bytes.subarray(half)]), counted(12, 34));
    },
};
