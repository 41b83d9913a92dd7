// A multipart/form-data body (RFC 7578), as audio comes in. It is taken apart and put together again, so that the backend
// reads exactly the parts that were looked at here, whatever its parser makes of odd ones.

const NAME = /^[A-Za-z0-9_.[\]-]{1,100}$/;
// What RFC 2046 lets stand there. It goes on between quotes, where a backslash would be read as an escape: as another boundary.
const BOUNDARY = /;\s*boundary=(?:"([\w'()+,\-.\/:=? ]{0,69}[\w'()+,\-.\/:=?])"|([\w'()+,\-.\/:=?]{1,70}))\s*(?:;|$)/i;
const PARTS_MOST = 100;
const CRLF = '\r\n';

// {parts: [{name, head, value}], boundary, fields} or a string that says what is wrong
function parse(data, contentType) {
    const boundary = BOUNDARY.exec(contentType);
    if (boundary === null) { return 'The body must be multipart/form-data with a boundary.'; }
    const mark = boundary[1] || boundary[2], line = Buffer.from(`${CRLF}--${mark}`), parts = [], fields = {};
    const whole = Buffer.concat([Buffer.from(CRLF), data]);
    let at = whole.indexOf(line);
    if (at !== 0) { return 'The body must begin with its boundary.'; }
    for (;;) {
        const begin = at + line.length;
        if (whole.subarray(begin, begin + 2).toString() === '--') { break; }
        at = whole.indexOf(line, begin);
        if (at < 0 || parts.length === PARTS_MOST) { return 'The body ends before its last boundary, or has too many parts.'; }
        const part = read(whole.subarray(begin, at));
        if (typeof part === 'string') { return part; }
        if (part.name.toLowerCase() === 'model' && (part.isFile || fields.model !== undefined)) {
            return 'The body must have the field "model" once.';
        }
        if (!part.isFile) { fields[part.name.toLowerCase()] = part.value.toString(); }
        parts.push(part);
    }
    if (typeof fields.model !== 'string' || !fields.model) { return 'The body must name a model: the field "model".'; }
    return { parts: parts, boundary: mark, fields: fields };
}

function read(part) {
    const end = part.indexOf(`${CRLF}${CRLF}`);
    if (end < 0 || part.indexOf(CRLF) !== 0) { return 'A part of the body has no headers.'; }
    const head = part.subarray(2, end).toString();
    const disposition = /^content-disposition:[ \t]*form-data;[ \t]*(.*)$/im.exec(head);
    const name = disposition === null ? null : /(?:^|[;\s])name="([^"]*)"/i.exec(disposition[1]);
    if (name === null || !NAME.test(name[1])) { return 'A part of the body has no plain name.'; }
    const file = /(?:^|[;\s])filename="([^"]*)"/i.exec(disposition[1]), type = /^content-type:[ \t]*([\w.+/-]+)/im.exec(head);
    return {
        name: name[1],
        isFile: file !== null,
        head: `Content-Disposition: form-data; name="${name[1]}"` +
            (file === null ? '' : `; filename="${file[1].replace(/[^\w.-]/g, '_')}"`) + (type === null ? '' : `${CRLF}Content-Type: ${type[1]}`),
        value: part.subarray(end + 4),
    };
}

// The same form, with this model
function withModel(form, model) {
    const pieces = [];
    form.parts.forEach(part => {
        pieces.push(Buffer.from(`--${form.boundary}${CRLF}${part.head}${CRLF}${CRLF}`));
        pieces.push(part.name.toLowerCase() === 'model' ? Buffer.from(model) : part.value, Buffer.from(CRLF));
    });
    pieces.push(Buffer.from(`--${form.boundary}--${CRLF}`));
    return Buffer.concat(pieces);
}

export default { parse, withModel };
