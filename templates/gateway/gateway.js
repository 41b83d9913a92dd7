// The gateway's rules. They know only what policy.json says (global `policy`, read by the nginx master at start and
// reload), what live.js holds of changes since, and what the shared dictionaries count. Per request: route decides,
// nginx proxies, answer watches, record ends.
import answer from 'answer.js';
import catalogue from 'catalogue.js';
import record from 'record.js';
import refusal from 'refusal.js';
import route from 'route.js';

export default {
    access: route.access,
    next: route.next,
    head: answer.head,
    body: answer.body,
    line: record.line,
    models: catalogue.models,
    model: catalogue.model,
    tags: catalogue.tags,
    version: catalogue.version,
    refused: refusal.fromNginx,
    keyShown: refusal.keyShown,
};
