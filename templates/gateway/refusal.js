// Every "no" of the gateway, in OpenAI's form: {"error": {"message", "type", "param", "code"}}.

let code = null;    // of this request's refusal, for the log (one VM per request)

function shape(message, type, errorCode, param) {
    return JSON.stringify({ error: { message: message, type: type, param: param || null, code: errorCode || null } }) + '\n';
}

function refuse(r, status, type, errorCode, message, param) {
    code = errorCode;
    r.headersOut['Content-Type'] = 'application/json';
    if (status === 401) { r.headersOut['WWW-Authenticate'] = 'Bearer'; }
    r.return(status, shape(message, type, errorCode, param));
}

// nginx's own errors arrive here by error_page, as a fresh request.
function fromNginx(r) {
    const status = Number(r.variables.status) || 500;
    const known = {
        400: ['bad_request', 'The request could not be understood.'],
        408: ['request_timeout', 'The request took too long to arrive.'],
        413: ['request_too_large', 'The request body is too large: 32 MB at most.'],
        414: ['uri_too_long', 'The address is too long.'],
        429: ['rate_limit_exceeded', 'Too many requests.'],
        431: ['headers_too_large', 'The request headers are too large.'],
        502: ['model_unavailable', 'The model server could not be reached.'],
        503: ['model_unavailable', 'The model is not available right now.'],
        504: ['model_unavailable', 'The model server did not answer in time.'],
    }[status] || [`http_${status}`, `The gateway answered ${status}.`];
    refuse(r, status, status < 500 ? 'invalid_request_error' : 'server_error', known[0], known[1]);
}

function lastCode() { return code; }

export default { refuse, shape, fromNginx, lastCode };
