// For a single-page application in a bucket: answers its routes with its root object, whatever their path, and asks the
// bucket for files alone. Neither the bucket's answers nor those of other routes of the distribution pass through here.
var ROOT = '/index.html';

function handler(event) {
    var request = event.request;
    var segments = request.uri.split('/');
    var last = segments[segments.length - 1];
    // A file has an extension; what is under `.well-known` is a file although it often has none (RFC 8615).
    if (last.indexOf('.') === -1 && segments[1] !== '.well-known') {
        request.uri = ROOT;
    }
    return request;
}
