// Every "no" of the gateway, in OpenAI's form: {"error": {"message", "type", "param", "code"}}.
import keys from 'keys.js';

let code = null;    // of this request's refusal, for the log (one VM per request)

function shape(message, type, errorCode, param) {
    return JSON.stringify({ error: { message: keys.masked(message), type: type, param: param || null, code: errorCode || null } }) + '\n';
}

function refuse(r, status, type, errorCode, message, param) {
    code = errorCode;
    r.headersOut['Content-Type'] = 'application/json';
    if (status === 401) { r.headersOut['WWW-Authenticate'] = 'Bearer'; }
    r.return(status, shape(message, type, errorCode, param));
}

// What nginx itself has against a request, as [code, message]
const NGINX = {
    400: ['bad_request', 'The request could not be understood.'],
    404: ['unknown_url', 'Unknown request URL.'],
    405: ['method_not_allowed', 'This method is not allowed here.'],
    408: ['request_timeout', 'The request took too long to arrive.'],
    413: ['request_too_large', 'The request body is too large: 32 MB at most.'],
    414: ['uri_too_long', 'The address is too long.'],
    429: ['rate_limit_exceeded', 'Too many large requests are under way: try again in a moment.'],
    431: ['headers_too_large', 'The request headers are too large.'],
    501: ['unsupported_transfer_encoding', 'A body may be sent as a whole or chunked, and in no other encoding.'],
    502: ['model_unavailable', 'The model server could not be reached.'],
    503: ['model_unavailable', 'The model is not available right now.'],
    504: ['model_unavailable', 'The model server did not answer in time.'],
    505: ['unsupported_http_version', 'This version of HTTP is not spoken here.'],
};

function ofNginx(status) {
    const known = NGINX[status] || [`http_${status}`, `The gateway answered ${status}.`];
    return { type: status < 500 ? 'invalid_request_error' : 'server_error', code: known[0], message: known[1] };
}

// By error_page, as a fresh request
function fromNginx(r) {
    const status = Number(r.variables.status) || 500, error = ofNginx(status);
    refuse(r, status, error.type, error.code, error.message);
}

// Where a location's own error_page hides the server's, as while a body is read: the text for an answer that is on its way
function ownText(status) {
    const error = ofNginx(status);
    code = error.code;
    return shape(error.message, error.type, error.code);
}

// nginx writes the request line to its log when something fails.
function keyShown(r) {
    refuse(r, 400, 'invalid_request_error', 'key_in_address', 'An API key does not belong in an address: others can read it there.');
}

function lastCode() { return code; }

export default { refuse, shape, fromNginx, ownText, keyShown, lastCode };
